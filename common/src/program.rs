//! The frame of a program: it starts the log, reads the arguments, runs the conversation, reports
//! what failed, and chooses the exit status.

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use env_logger::Target;
use log::{Level, LevelFilter};

use crate::address::{self, whole_number};
use crate::bytes::printable;
use crate::error::{Error, Result};
use crate::{narration, output};

const SERVER: &str = "\
usage: {program} [ADDRESS [BACKLOG]]

  ADDRESS        HOST:PORT to listen on, port 0 for any free one [default: 127.0.0.1:12345]
  BACKLOG        how many clients may wait to be accepted [default: 5]

  -h, --help     print this text
  -V, --version  print the version

RUST_LOG=debug shows each socket call; STEP=1 waits for Enter before each.
";

const SHORT_CLIENT: &str = "\
usage: short-client [ADDRESS [MESSAGE]]

  ADDRESS        HOST:PORT of the server [default: 127.0.0.1:12345]
  MESSAGE        what to send [default: i am TCP client]

  -h, --help     print this text
  -V, --version  print the version

RUST_LOG=debug shows each socket call; STEP=1 waits for Enter before each.
";

const LONG_CLIENT: &str = "\
usage: long-client [ADDRESS [MESSAGE [COUNT]]]

  ADDRESS        HOST:PORT of the server [default: 127.0.0.1:12345]
  MESSAGE        what to send [default: TCP client connect]
  COUNT          how many times to send it [default: forever]

  -h, --help     print this text
  -V, --version  print the version

RUST_LOG=debug shows each socket call; STEP=1 waits for Enter before each.
";

/// How many clients may wait in the listening socket's queue: the tutorial's backlog.
const DEFAULT_BACKLOG: i32 = 5;

/// Runs the server of this name, whose arguments are `[ADDRESS [BACKLOG]]`.
///
/// `serve` gets the address for `bind(2)` and the backlog, in clients, for `listen(2)`.
pub fn server(program: &str, serve: impl FnOnce(SocketAddr, i32) -> Result<()>) -> ExitCode {
    run(&SERVER.replace("{program}", program), |arguments| {
        let backlog = backlog(arguments)?;
        Ok(move |address| serve(address, backlog))
    })
}

/// Runs `short-client`, whose arguments are `[ADDRESS [MESSAGE]]`.
///
/// `talk` gets the address for `connect(2)` and the message for `send(2)`.
pub fn short_client(
    default_message: &str,
    talk: impl FnOnce(SocketAddr, &str) -> Result<()>,
) -> ExitCode {
    run(SHORT_CLIENT, |arguments| {
        let message = message(arguments, default_message)?;
        Ok(move |address| talk(address, &message))
    })
}

/// Runs `long-client`, whose arguments are `[ADDRESS [MESSAGE [COUNT]]]`.
///
/// `talk` gets the address for `connect(2)`, the message for `send(2)`, and how many times to send
/// it: without COUNT `u64::MAX`, which is forever.
pub fn long_client(
    default_message: &str,
    talk: impl FnOnce(SocketAddr, &str, u64) -> Result<()>,
) -> ExitCode {
    run(LONG_CLIENT, |arguments| {
        let message = message(arguments, default_message)?;
        let count = count(arguments)?;
        Ok(move |address| talk(address, &message, count))
    })
}

/// Prints a reply and a line break on standard output with `write(2)`.
///
/// # Errors
///
/// Nobody reads the standard output any more, or it is full.
pub fn print(reply: &[u8]) -> Result<()> {
    print_text(&format!("{}\n", printable(reply)))
}

/// Runs a program: reads the command line, looks ADDRESS up, has the conversation, and reports how
/// it ended. `read` reads the arguments behind ADDRESS, and returns the conversation.
fn run<C>(help: &str, read: impl FnOnce(&[String]) -> Outcome<C>) -> ExitCode
where
    C: FnOnce(SocketAddr) -> Result<()>,
{
    start_log();
    let (usage, _) = help.split_once('\n').unwrap_or((help, ""));
    let name = usage.split(' ').nth(1).unwrap_or_default();
    let arguments = match command_line(usage) {
        Ok(Asked::Help) => return end(name, "", print_text(help)),
        Ok(Asked::Version) => {
            let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
            return end(name, "", print_text(&version));
        }
        Ok(Asked::Run(arguments)) => arguments,
        Err(problem) => return misuse(&problem, usage),
    };
    let address = arguments.first().map_or(address::DEFAULT, String::as_str);
    let understood = address::parse(address)
        .map_err(|problem| format!("ADDRESS {}: {problem}", quote(address)))
        .and_then(|host_and_port| Ok((host_and_port, read(&arguments)?)));
    match understood {
        Ok((host_and_port, talk)) => {
            let found = address::look_up(host_and_port).map_err(Error::of("getaddrinfo"));
            end(name, address, found.and_then(talk))
        }
        Err(problem) => misuse(&problem, usage),
    }
}

/// The result of reading a part of the command line; an error says what is wrong with it.
type Outcome<T> = std::result::Result<T, String>;

/// What the user asked for.
enum Asked {
    Help,
    Version,
    /// To run, with these arguments.
    Run(Vec<String>),
}

/// Reads the command line, with at most as many arguments as the usage line has brackets.
fn command_line(usage: &str) -> Outcome<Asked> {
    let mut arguments = Vec::new();
    let mut options_ended = false;
    for word in env::args_os().skip(1) {
        let word = word.into_string().map_err(|word| {
            let word = printable(word.as_encoded_bytes());
            format!("argument '{word}' is not UTF-8")
        })?;
        match word.as_str() {
            _ if options_ended => arguments.push(word),
            "-h" | "--help" => return Ok(Asked::Help),
            "-V" | "--version" => return Ok(Asked::Version),
            "--" => options_ended = true,
            option if option.len() > 1 && option.starts_with('-') => {
                return Err(format!(
                    "unknown option {}; write -- before an argument that begins with '-'",
                    quote(option)
                ));
            }
            _ => arguments.push(word),
        }
    }
    match arguments.get(usage.matches('[').count()) {
        Some(extra) if usage.contains("MESSAGE") => {
            Err(format!("too many arguments: {}; {QUOTES}", quote(extra)))
        }
        Some(extra) => Err(format!("too many arguments: {}", quote(extra))),
        None => Ok(Asked::Run(arguments)),
    }
}

/// What a learner may not know of the shell.
const QUOTES: &str = "a MESSAGE of several words needs quotes, such as 'hello world'";

fn backlog(arguments: &[String]) -> Outcome<i32> {
    arguments.get(1).map_or(Ok(DEFAULT_BACKLOG), |backlog| {
        whole_number(backlog).ok_or(format!(
            "BACKLOG {} is not a whole number from 0 to {}",
            quote(backlog),
            i32::MAX
        ))
    })
}

fn message(arguments: &[String], default: &str) -> Outcome<String> {
    let message = arguments.get(1).map_or(default, String::as_str);
    if message.is_empty() {
        // For an empty message TCP sends nothing, and both sides would wait forever.
        return Err("MESSAGE '' is empty: write at least one character".to_owned());
    }
    Ok(message.to_owned())
}

fn count(arguments: &[String]) -> Outcome<u64> {
    arguments.get(2).map_or(Ok(u64::MAX), |count| {
        let problem =
            format!("COUNT {} is not a whole number from 1 to {}", quote(count), u64::MAX);
        let is_a_word = count.starts_with(char::is_alphabetic);
        let problem = if is_a_word { format!("{problem}; {QUOTES}") } else { problem };
        whole_number(count).map(NonZeroU64::get).ok_or(problem)
    })
}

fn quote(argument: &str) -> String {
    format!("'{}'", printable(argument.as_bytes()))
}

/// Tells what is wrong with the command line, and returns the exit status.
fn misuse(problem: &str, usage: &str) -> ExitCode {
    output::write_error(&format!("error: {problem}\n{usage}\n"));
    ExitCode::from(2)
}

/// Tells what failed, if anything did, and returns the exit status.
fn end(name: &str, address: &str, outcome: Result<()>) -> ExitCode {
    match outcome {
        Err(error) if !error.is_closed_output() => {
            let address = printable(address.as_bytes()).to_string();
            let what = error.explanation(&address);
            let hint = error.hint(name, &address);
            output::write_error(&format!("error: {what}\nhint: {hint}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn print_text(text: &str) -> Result<()> {
    output::write(text.as_bytes()).map_err(Error::of("write"))
}

/// Starts the log: one line a record on standard output, with a mark for its level in front.
///
/// `RUST_LOG` chooses the level, as with every program that uses `env_logger`. What it does not
/// mention stays at info, or at debug under `STEP=1`.
fn start_log() {
    let default = if narration::start_stepping() { LevelFilter::Debug } else { LevelFilter::Info };
    let mut log = env_logger::Builder::new();
    log.filter_level(default);
    // env_logger warns of a RUST_LOG that is wrong, and panics where standard error is full.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        log.parse_default_env();
    }));
    log.target(Target::Pipe(Box::new(StandardOutput)))
        .format(|line, record| {
            let mark = match record.level() {
                Level::Error => '-',
                Level::Warn => '!',
                Level::Info => '*',
                Level::Debug => '.',
                Level::Trace => ' ',
            };
            writeln!(line, "[{mark}] {}", record.args())
        })
        .init();
}

/// Standard output as the log writes to it.
struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        output::write(text).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
