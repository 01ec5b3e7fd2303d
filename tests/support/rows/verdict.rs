//! What was seen of a behaviour.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};

use crate::run::{Unexpected, words};

/// The system's words for a connection that the other side has reset.
pub const RESET: &str = "Connection reset by peer";

/// `Ok` where the behaviour was seen.
pub type Verdict = Result<(), Failure>;

/// What was there in place of the behaviour.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Something else was seen.
    No {
        expected: String,
        got: String,
        kind: Kind,
    },
    NotTried(Reason),
}

/// What kind of a *no* it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unexpected,
    /// The connection was lost, or nothing came: the program may say why.
    ConnectionLost,
    /// The program has said what happened, and that says all.
    Crash,
}

/// Why a row was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The program makes it impossible: this counts neither for nor against it.
    Impossible(&'static str),
    /// This machine lacks something: nothing is known about the program.
    Lacks(&'static str),
    /// The program in Rust does not do it either: the machine is at fault.
    RustNeither,
    /// All rows of the program together take too long.
    TooSlow,
    /// The row with this number has said it: this one has nothing else to say.
    See(usize),
}

impl Failure {
    /// Returns whether an earlier row shows the same fault, as far as their words tell. Most rows need what the first
    /// one asks.
    pub fn is_same_as(&self, earlier: &Self, is_first: bool) -> bool {
        let (Self::No { expected, got, kind }, Self::No { expected: first, got: same, .. }) =
            (self, earlier)
        else {
            return false;
        };
        let is_enough = is_first || *kind == Kind::Crash;
        got == same && (is_enough || expected == first) || is_first && expected.starts_with(first)
    }

    pub fn lacks(what: &'static str) -> Self {
        Self::NotTried(Reason::Lacks(what))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::No { got, kind: Kind::Crash, .. } => write!(f, "no: {got}"),
            Self::No { expected, got, .. } => write!(f, "no: expected {expected}, got {got}"),
            Self::NotTried(Reason::See(row)) => write!(f, "see {row}"),
            Self::NotTried(Reason::RustNeither) => {
                write!(f, "not tried: the program in Rust does not do it either")
            }
            Self::NotTried(Reason::Impossible(why)) => write!(f, "not tried: {why}"),
            Self::NotTried(Reason::Lacks(what)) => {
                write!(f, "not tried: this machine lacks {what}")
            }
            Self::NotTried(Reason::TooSlow) => write!(f, "not tried: too slow"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionRefused
            | ErrorKind::WouldBlock
            | ErrorKind::TimedOut => Kind::ConnectionLost,
            // Only the tool itself chooses ports.
            ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable => return Self::lacks("ports"),
            // ENFILE, EMFILE on Unix
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => {
                return Self::lacks("descriptors");
            }
            _ => Kind::Unexpected,
        };
        if let Some(this) = error.get_ref().and_then(|inner| inner.downcast_ref::<Unexpected>()) {
            let Unexpected { expected, got } = this.clone();
            return Self::No { expected, got, kind };
        }
        let (expected, got) = match error.kind() {
            ErrorKind::ConnectionRefused => ("that it accepts a client", words(&error)),
            ErrorKind::WouldBlock => ("that it reads", "no room for more bytes in 5 s".to_owned()),
            // A reset is a broken pipe to the one who has seen the end of the stream before it, and
            // no connection any more to the one who half-closes after it.
            ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted | ErrorKind::NotConnected => {
                ("an open connection", RESET.to_owned())
            }
            ErrorKind::UnexpectedEof => ("an open connection", "the end".to_owned()),
            _ => ("an open connection", words(&error)),
        };
        Self::No { expected: expected.to_owned(), got, kind }
    }
}

/// Returns what was expected, and what came in its place.
pub fn unexpected(expected: impl Into<String>, got: impl Into<String>) -> Verdict {
    Err(Failure::No { expected: expected.into(), got: got.into(), kind: Kind::Unexpected })
}
