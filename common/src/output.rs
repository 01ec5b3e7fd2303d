//! What the programs write: the log and the replies on standard output, errors on standard error.

use std::env;
use std::io::{self, Write};

use env_logger::Target;
use log::{Level, LevelFilter};

use crate::bytes::printable;
use crate::error::{Error, Operation, Result};

/// Starts the log: one line a record on standard output, with a mark for its level in front.
///
/// `RUST_LOG` chooses the level, as with every program that uses `env_logger`; without it, it is
/// the default.
pub(crate) fn start_log(default_level: &str) {
    env_logger::Builder::new()
        .parse_filters(&log_filter(default_level))
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

/// Reads `RUST_LOG`, without what is wrong in it: `env_logger` would warn of that too, but print it
/// raw, and panic where standard error is full.
fn log_filter(default_level: &str) -> String {
    let asked = env::var("RUST_LOG").unwrap_or_default();
    let has_two_patterns = asked.matches('/').count() > 1;
    let (wrong, right): (Vec<&str>, Vec<&str>) = asked.split(',').partition(|directive| {
        let (directive, _pattern) = directive.split_once('/').unwrap_or((directive, ""));
        let level = directive
            .split_once('=')
            .map_or("", |(_module, level)| level.trim());
        has_two_patterns || !(level.is_empty() || level.parse::<LevelFilter>().is_ok())
    });
    for directive in wrong {
        let shown = printable(directive.as_bytes());
        complain(&format!(
            "warning: RUST_LOG: '{shown}' is no LEVEL and no MODULE=LEVEL"
        ));
    }
    let filter = right.join(",");
    if filter.is_empty() {
        default_level.to_owned()
    } else {
        filter
    }
}

/// Prints a reply and a line break on standard output, with `write(2)`.
///
/// # Errors
///
/// Nobody reads the standard output any more, or it is full.
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
