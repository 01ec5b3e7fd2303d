//! What the programs write: the log and the replies on standard output, errors on standard error.

use std::io::{self, Write};

use env_logger::{Env, Target};
use log::Level;

use crate::bytes::printable;
use crate::error::{Error, Operation, Result};

/// Starts the log: one line a record on standard output, with a mark for its level in front.
///
/// `RUST_LOG` chooses the level, as with every program that uses `env_logger`; without it, it is
/// the default.
pub(crate) fn start_log(default_level: &str) {
    env_logger::Builder::from_env(Env::default().default_filter_or(default_level))
        .target(Target::Stdout)
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

/// Prints a reply and a line break on standard output, with `write(2)`.
///
/// # Errors
///
/// Standard output is closed or full.
pub fn print(reply: &[u8]) -> Result<()> {
    print_line(&printable(reply).to_string())
}

pub(crate) fn print_line(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").map_err(|error| Error::new(Operation::Print, error))
}

/// Prints a line on standard error. If that is closed or full, there is nobody left to tell.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
