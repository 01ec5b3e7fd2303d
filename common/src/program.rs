//! The frame of a program: it starts the log, reads the arguments, runs the conversation, reports
//! what failed, and chooses the exit status.

use std::env;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::str::FromStr;

use env_logger::Target;
use log::{Level, LevelFilter};

use crate::address;
use crate::bytes::printable;
use crate::error::{Error, Result};
use crate::{narration, output};

/// How many clients may wait in the listening socket's queue: the tutorial's backlog.
const DEFAULT_BACKLOG: i32 = 5;

/// The end of every help text.
const OPTIONS: &str = "
  -h, --help     print this text
  -V, --version  print the version

RUST_LOG=debug shows each socket call; STEP=1 waits for Enter before each.
";

/// Runs the server of this name, whose arguments are `[ADDRESS [BACKLOG]]`.
///
/// `serve` gets the address for `bind(2)` and the backlog, in clients, for `listen(2)`.
pub fn server(program: &str, serve: impl FnOnce(SocketAddr, i32) -> Result<()>) -> ExitCode {
    let help = "
  ADDRESS        HOST:PORT to listen on, port 0 for any free one [default: 127.0.0.1:12345]
  BACKLOG        how many clients may wait to be accepted [default: 5]
";
    run(program, "[ADDRESS [BACKLOG]]", help, |address, [_, backlog]| {
        let backlog = number("BACKLOG", backlog, DEFAULT_BACKLOG, 0..=i32::MAX)?;
        Ok(serve(look_up(address)?, backlog)?)
    })
}

/// Runs `short-client`, whose arguments are `[ADDRESS [MESSAGE]]`.
///
/// `talk` gets the address for `connect(2)` and the message for `send(2)`.
pub fn short_client(
    default_message: &str,
    talk: impl FnOnce(SocketAddr, &str) -> Result<()>,
) -> ExitCode {
    let help = "
  ADDRESS        HOST:PORT of the server [default: 127.0.0.1:12345]
  MESSAGE        what to send [default: i am TCP client]
";
    run("short-client", "[ADDRESS [MESSAGE]]", help, |address, [_, text]| {
        let message = message(text, default_message)?;
        Ok(talk(look_up(address)?, message)?)
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
    let help = "
  ADDRESS        HOST:PORT of the server [default: 127.0.0.1:12345]
  MESSAGE        what to send [default: TCP client connect]
  COUNT          how many times to send it [default: forever]
";
    run("long-client", "[ADDRESS [MESSAGE [COUNT]]]", help, |address, [_, text, count]| {
        let message = message(text, default_message)?;
        let count = number("COUNT", count, u64::MAX, 1..=u64::MAX)?;
        Ok(talk(look_up(address)?, message, count)?)
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

fn print_text(text: &str) -> Result<()> {
    output::write(text.as_bytes()).map_err(|error| Error::new("write", error))
}

/// Why a program ends early.
enum Problem {
    /// The command line is wrong, in these words.
    Misuse(String),
    Failure(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

type Outcome<T> = std::result::Result<T, Problem>;

/// Runs a program with at most N arguments, ADDRESS first, and reports how it ended.
fn run<const N: usize>(
    name: &str,
    arguments: &str,
    help: &str,
    converse: impl FnOnce(&str, [Option<&str>; N]) -> Outcome<()>,
) -> ExitCode {
    start_log();
    let usage = format!("usage: {name} {arguments}\n");
    let mut address = address::DEFAULT.to_owned();
    let outcome = command_line(N).and_then(|asked| match asked {
        Asked::Help => Ok(print_text(&format!("{usage}{help}{OPTIONS}"))?),
        Asked::Version => Ok(print_text(&format!("{name} {}\n", env!("CARGO_PKG_VERSION")))?),
        Asked::Run(words) => {
            if let Some(first) = words.first() {
                address.clone_from(first);
            }
            let mut words = words.iter().map(String::as_str);
            converse(&address, std::array::from_fn(|_| words.next()))
        }
    });
    match outcome {
        Err(Problem::Misuse(problem)) => {
            output::write_error(&format!("error: {problem}\n{usage}"));
            ExitCode::from(2)
        }
        Err(Problem::Failure(error)) if !error.is_closed_output() => {
            let address = printable(address.as_bytes()).to_string();
            let what = error.explanation(&address);
            let hint = error.hint(name, &address);
            output::write_error(&format!("error: {what}\nhint: {hint}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// What the user asked for.
enum Asked {
    Help,
    Version,
    /// To run, with these arguments.
    Run(Vec<String>),
}

/// Reads the command line.
fn command_line(most_arguments: usize) -> Outcome<Asked> {
    let mut arguments = Vec::new();
    let mut options_ended = false;
    for word in env::args_os().skip(1) {
        let word = word.into_string().map_err(|word| {
            let word = printable(word.as_encoded_bytes());
            Problem::Misuse(format!("argument '{word}' is not UTF-8"))
        })?;
        match word.as_str() {
            _ if options_ended => arguments.push(word),
            "-h" | "--help" => return Ok(Asked::Help),
            "-V" | "--version" => return Ok(Asked::Version),
            "--" => options_ended = true,
            option if option.len() > 1 && option.starts_with('-') => {
                let advice = "write -- before an argument that begins with '-'";
                return Err(Problem::Misuse(format!("unknown option {}; {advice}", quote(option))));
            }
            _ => arguments.push(word),
        }
    }
    match arguments.get(most_arguments) {
        None => Ok(Asked::Run(arguments)),
        Some(extra) => {
            let advice = "several words that are one argument need quotes, such as 'hello world'";
            Err(Problem::Misuse(format!("too many arguments: {}; {advice}", quote(extra))))
        }
    }
}

/// Reads BACKLOG or COUNT.
fn number<T: Copy + Display + FromStr + PartialOrd>(
    name: &str,
    text: Option<&str>,
    default: T,
    allowed: RangeInclusive<T>,
) -> Outcome<T> {
    let Some(text) = text else {
        return Ok(default);
    };
    match text.parse() {
        Ok(number) if allowed.contains(&number) => Ok(number),
        _ => Err(Problem::Misuse(format!(
            "{name} {} is not a whole number from {} to {}",
            quote(text),
            allowed.start(),
            allowed.end()
        ))),
    }
}

/// Reads ADDRESS.
fn look_up(address: &str) -> Outcome<SocketAddr> {
    address::look_up(address).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => Problem::Misuse(format!("ADDRESS {} {error}", quote(address))),
        _ => Error::new("getaddrinfo", error).into(),
    })
}

/// Reads MESSAGE.
fn message<'a>(text: Option<&'a str>, default: &'a str) -> Outcome<&'a str> {
    match text.unwrap_or(default) {
        // For an empty message TCP sends nothing, and both sides would wait forever.
        "" => Err(Problem::Misuse("MESSAGE '' is empty: write at least one character".to_owned())),
        message => Ok(message),
    }
}

/// Shows an argument as the user may have typed it.
fn quote(argument: &str) -> String {
    format!("'{}'", printable(argument.as_bytes()))
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
