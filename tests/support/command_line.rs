//! The command line of what a learner starts, `cargo demo`, `cargo compare`, `cargo lesson`,
//! `cargo bench`: how it tells what is wrong, and its exit status.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use common::printable;

/// Why it ends early.
pub enum EarlyEnd {
    /// The command line is wrong.
    Misuse(String),
    Failure(String),
    /// Nobody reads the standard output any more, or it is full.
    Output(io::Error),
}

impl From<io::Error> for EarlyEnd {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

pub fn misuse<T>(problem: impl Into<String>) -> Result<T, EarlyEnd> {
    Err(EarlyEnd::Misuse(problem.into()))
}

pub fn failure<T>(problem: impl Into<String>) -> Result<T, EarlyEnd> {
    Err(EarlyEnd::Failure(problem.into()))
}

/// Tells why it ended early, if it did, and returns the exit status.
pub fn report(usage: &str, outcome: Result<ExitCode, EarlyEnd>) -> ExitCode {
    let (problem, status) = match outcome {
        Ok(status) => return status,
        Err(EarlyEnd::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            return ExitCode::FAILURE; // cargo compare | head
        }
        Err(EarlyEnd::Output(error)) => (format!("cannot write to standard output: {error}"), 1),
        Err(EarlyEnd::Failure(problem)) => (problem, 1),
        Err(EarlyEnd::Misuse(problem)) => (format!("{problem}\n{usage}"), 2),
    };
    tell(&format!("error: {problem}"));
    ExitCode::from(status)
}

/// Writes a line to standard error. If that is closed, there is nobody left to tell.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns an argument as text that is safe to print.
pub fn shown(argument: &OsStr) -> String {
    printable(argument.as_encoded_bytes()).to_string()
}

/// Takes the name of one of the two servers, or of one of the two clients, or of a Python file.
pub fn program_or_file(word: &OsStr, side: &str) -> Result<String, EarlyEnd> {
    let text = shown(word);
    if text == format!("short-{side}") || text == format!("long-{side}") {
        return Ok(text);
    }
    if Path::new(word).extension() != Some(OsStr::new("py")) {
        return misuse(format!("{text} is neither short-{side} nor long-{side} nor a Python file"));
    }
    if !Path::new(word).is_file() {
        return misuse(format!("there is no file {text} in this folder"));
    }
    Ok(text)
}
