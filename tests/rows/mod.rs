//! What the four programs do and do not do: each behaviour is provoked, and recognised, in one row.
//!
//! A row asks nothing of a program but that it takes ADDRESS as its last argument, so that it can be
//! in any language. Nothing is looked up in a table of expectations: every verdict is measured.

mod client;
mod server;
mod subject;
mod trace;

use std::io::{self, ErrorKind};

pub use subject::Subject;

/// The four programs, in the tutorial's order.
pub const PROGRAMS: [&str; 4] = ["short-server", "short-client", "long-server", "long-client"];

/// A behaviour: its name, and the function that provokes and recognises it.
pub struct Row {
    pub name: &'static str,
    pub check: fn(&Subject) -> Verdict,
}

const fn row(name: &'static str, check: fn(&Subject) -> Verdict) -> Row {
    Row { name, check }
}

/// `Ok` where the behaviour was seen.
pub type Verdict = Result<(), Instead>;

/// What was there in place of the behaviour.
#[derive(Debug)]
pub enum Instead {
    /// This happened, and says all.
    Happened(String),
    /// The conversation broke off, in these words; the program may have better ones.
    Lost(String),
    /// It could not be tried, for want of this.
    NotTried(&'static str),
}

impl From<io::Error> for Instead {
    fn from(error: io::Error) -> Self {
        let text = error.to_string();
        let words = text
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_owned();
        match error.kind() {
            // A reset is a broken pipe to the one who has seen the end of the stream before it, and
            // no connection any more to the one who half-closes after it.
            ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected => Self::Lost("Connection reset by peer".to_owned()),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionRefused | ErrorKind::TimedOut => {
                Self::Lost(words)
            }
            _ => Self::Happened(words),
        }
    }
}

/// Returns what happened in place of a behaviour.
fn instead(what: impl Into<String>) -> Verdict {
    Err(Instead::Happened(what.into()))
}

/// Returns the rows of one of the four programs.
pub fn rows_of(program: &str) -> &'static [Row] {
    match program {
        "short-server" => server::SHORT,
        "long-server" => server::LONG,
        "short-client" => client::SHORT,
        _ => client::LONG,
    }
}
