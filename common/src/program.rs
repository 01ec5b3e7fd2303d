//! The frame of a program: it starts the log, reads the arguments, runs the conversation, reports
//! what failed, and chooses the exit status.

use std::env;
use std::process::ExitCode;

use crate::address::Address;
use crate::arguments::{self, Arguments, Command, Description};
use crate::error::{Error, Result};
use crate::output::{complain, print_line, start_log};
use crate::step;

/// Runs a server's program, whose arguments are `[ADDRESS [BACKLOG]]`.
///
/// `serve` is given the address for `bind(2)` and the backlog, in clients, for `listen(2)`.
pub fn server(name: &str, serve: impl FnOnce(&Address, i32) -> Result<()>) -> ExitCode {
    let described = [
        arguments::describe_bind_address(),
        arguments::describe_backlog(),
    ];
    run(name, &described, |address, arguments| {
        let backlog = arguments.backlog()?;
        Ok(serve(address, backlog)?)
    })
}

/// Runs a client's program, whose arguments are `[ADDRESS [MESSAGE]]`.
///
/// `talk` is given the address for `connect(2)` and the message for `send(2)`.
pub fn short_client(
    name: &str,
    default_message: &str,
    talk: impl FnOnce(&Address, &str) -> Result<()>,
) -> ExitCode {
    let described = [
        arguments::describe_server_address(),
        arguments::describe_message(default_message),
    ];
    run(name, &described, |address, arguments| {
        let message = arguments.message(default_message)?;
        Ok(talk(address, message)?)
    })
}

/// Runs a client's program, whose arguments are `[ADDRESS [MESSAGE [COUNT]]]`.
///
/// `talk` is given the address for `connect(2)`, the message for `send(2)`, and how many times to
/// send it.
pub fn long_client(
    name: &str,
    default_message: &str,
    talk: impl FnOnce(&Address, &str, u64) -> Result<()>,
) -> ExitCode {
    let described = [
        arguments::describe_server_address(),
        arguments::describe_message(default_message),
        arguments::describe_count(),
    ];
    run(name, &described, |address, arguments| {
        let message = arguments.message(default_message)?;
        let count = arguments.count()?;
        Ok(talk(address, message, count)?)
    })
}

/// Is why a program ends without success.
enum Problem {
    /// The command line was wrong: how.
    Misuse(String),
    Failure(Error),
}

impl From<String> for Problem {
    fn from(misuse: String) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

fn run(
    name: &str,
    described: &[Description],
    body: impl FnOnce(&Address, &Arguments) -> std::result::Result<(), Problem>,
) -> ExitCode {
    step::start();
    start_log(if step::is_on() { "debug" } else { "info" });
    let mut address = Address::default();
    let command = Command::read(env::args_os().skip(1), described);
    let outcome = command
        .map_err(Problem::Misuse)
        .and_then(|command| match command {
            Command::Help => Ok(print_line(&help(name, described))?),
            Command::Version => Ok(print_line(&format!(
                "{name} {}",
                env!("CARGO_PKG_VERSION")
            ))?),
            Command::Run(arguments) => {
                address = arguments.address()?;
                body(&address, &arguments)
            }
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Misuse(problem)) => {
            complain(&format!("error: {problem}\n{}", usage(name, described)));
            ExitCode::from(2)
        }
        Err(Problem::Failure(error)) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(Problem::Failure(error)) => {
            let (what, hint) = error.explain(name, &address);
            complain(&format!("error: {what}\nhint: {hint}"));
            ExitCode::FAILURE
        }
    }
}

fn usage(name: &str, described: &[Description]) -> String {
    let arguments: Vec<&str> = described.iter().map(|(argument, _)| *argument).collect();
    let closing = "]".repeat(arguments.len());
    format!("usage: {name} [{}{closing}", arguments.join(" ["))
}

fn help(name: &str, described: &[Description]) -> String {
    let explained: Vec<String> = described
        .iter()
        .map(|(argument, meaning)| format!("  {argument:<13}  {meaning}"))
        .collect();
    format!(
        "{}\n\n{}\n\n  -h, --help     print this text\n  -V, --version  print the version\n\n\
         RUST_LOG=debug shows each socket call; STEP=1 waits for Enter before each.",
        usage(name, described),
        explained.join("\n")
    )
}
