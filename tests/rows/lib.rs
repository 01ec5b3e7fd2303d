//! What the four programs do and do not do: each behaviour is provoked, and recognised, in one row.
//!
//! A row asks nothing of a program but that it takes ADDRESS as its last argument, so that it can be
//! in any language. Nothing is looked up in a table of expectations: every verdict is measured.

// Only the tests and tools of this workspace use it: plain names say enough, and panics end a test.
#![allow(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc)]
#![allow(clippy::must_use_candidate, clippy::return_self_not_must_use)]

mod client;
mod running;
mod server;
mod subject;
mod trace;

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};
use std::sync::{Mutex, mpsc};
use std::thread;

use harness::Peer;
use running::Running;
pub use subject::Subject;

const SHORT_OF_PROCESSES: &str = "this machine is short of processes or ports";

/// How many rows are tried at the same time: most of the time they wait.
const AT_ONCE: usize = 8;

/// A behaviour: its name, and the story that provokes and recognises it.
pub struct Row {
    pub name: &'static str,
    /// What the names of its programs begin with.
    of: &'static str,
    under: Under,
    story: Story,
}

/// What happens between a program and the other side of its connection.
type Story = fn(&mut Running, &mut Peer) -> Verdict;

/// What a program is started under.
#[derive(Clone, Copy)]
enum Under {
    Nothing,
    Strace,
    /// strace, which makes a call fail, such as `sendto:retval=2:when=1`.
    Fault(&'static str),
    /// A shell that leaves it so many descriptors.
    Descriptors(usize),
}

/// Begins a row of the short program; `when` ends it.
const fn short(name: &'static str) -> Row {
    row("short", name)
}

/// Begins a row of the long program.
const fn long(name: &'static str) -> Row {
    row("long", name)
}

/// Begins a row of both.
const fn both(name: &'static str) -> Row {
    row("", name)
}

const fn row(of: &'static str, name: &'static str) -> Row {
    Row { name, of, under: Under::Nothing, story: |_, _| Ok(()) }
}

impl Row {
    const fn when(self, story: Story) -> Self {
        Self { story, ..self }
    }

    const fn under(self, under: Under, story: Story) -> Self {
        Self { under, story, ..self }
    }

    /// Starts the program, tells the story, and says what happened instead.
    pub fn check(&self, subject: &Subject) -> Verdict {
        let mut program = Running::start(subject, self.under)?;
        // The peer stays while all is explained: its leaving could be the end of the program.
        let verdict = match program.meet() {
            Ok(mut peer) => {
                let verdict = (self.story)(&mut program, &mut peer);
                verdict.map_err(|instead| program.explain(instead))
            }
            Err(lost) => match program.explain(lost) {
                // What it got is free, or where a client is waited for: it does something else there.
                Instead::Happened(why) if why.contains("ddress already in use") => {
                    instead(format!("{}: {why}", program.miss()))
                }
                why => Err(why),
            },
        };
        if let Under::Fault(_) = self.under {
            program.trace.has_a_fault(program.address.port())?;
        }
        verdict
    }
}

/// Returns the rows of one of the four programs.
pub fn rows_of(program: &str) -> Vec<&'static Row> {
    let rows = if program.ends_with("server") { server::ROWS } else { client::ROWS };
    let rows = rows.iter();
    rows.filter(|row| program.starts_with(row.of)).collect()
}

/// `Ok` where the behaviour was seen.
pub type Verdict = Result<(), Instead>;

/// What was there in place of the behaviour.
#[derive(Clone, Debug)]
pub enum Instead {
    /// This happened, and says all.
    Happened(String),
    /// The conversation broke off, in these words; the program may have better ones.
    Lost(String),
    /// It could not be tried, because of this.
    NotTried(&'static str),
}

impl Display for Instead {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Happened(what) | Self::Lost(what) => write!(f, "no: {what}"),
            Self::NotTried(why) => write!(f, "not tried: {why}"),
        }
    }
}

impl From<io::Error> for Instead {
    fn from(error: io::Error) -> Self {
        let text = error.to_string();
        let words = text.split(" (os error").next().unwrap_or_default();
        match error.kind() {
            // A reset is a broken pipe to the one who has seen the end of the stream before it, and
            // no connection any more to the one who half-closes after it.
            ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected => Self::Lost("Connection reset by peer".to_owned()),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionRefused | ErrorKind::TimedOut => {
                Self::Lost(words.to_owned())
            }
            // No process or thread, no port: this is not the program's fault.
            ErrorKind::WouldBlock | ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable => {
                Self::NotTried(SHORT_OF_PROCESSES)
            }
            // ENFILE, EMFILE on Unix
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => {
                Self::NotTried("this machine is short of descriptors")
            }
            _ => Self::Happened(words.to_owned()),
        }
    }
}

/// Returns what happened in place of a behaviour.
fn instead(what: impl Into<String>) -> Verdict {
    Err(Instead::Happened(what.into()))
}

/// Tries rows on subjects, a few at a time, and has the verdicts used in their order, each as soon
/// as it is there. What is not begun when nobody wants more verdicts is not tried.
pub fn try_all<R>(
    tasks: &[(&Row, &Subject)],
    use_them: impl FnOnce(&mut dyn Iterator<Item = Verdict>) -> R,
) -> R {
    let (senders, verdicts): (Vec<_>, Vec<_>) = tasks.iter().map(|_| mpsc::channel()).unzip();
    let tasks = Mutex::new(tasks.iter().zip(senders));
    let next = || tasks.lock().expect("no row panics").next();
    let try_them = || {
        while let Some(((row, subject), sender)) = next() {
            if sender.send(row.check(subject)).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let start = || thread::Builder::new().spawn_scoped(scope, try_them);
        if (0..AT_ONCE).filter(|_| start().is_ok()).count() == 0 {
            while next().is_some() {} // nobody tries them
        }
        let not_tried = Err(Instead::NotTried(SHORT_OF_PROCESSES));
        let verdicts = verdicts.into_iter();
        use_them(&mut verdicts.map(|verdict| verdict.recv().unwrap_or(not_tried.clone())))
    })
}
