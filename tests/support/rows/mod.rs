//! What the four programs do and do not do: each behaviour is provoked, and recognised, in one row.
//!
//! A row asks nothing of a program but that it takes ADDRESS as its last argument, so that it can be
//! in any language. Nothing is looked up in a table of expectations: every verdict is measured.

mod client;
mod crash;
mod running;
mod seen;
mod server;
mod stopped;
mod subject;
mod trace;
mod trial;
mod verdict;

use std::sync::{Mutex, mpsc};
use std::thread;

use crate::run::Peer;
pub use crash::crash;
use running::Running;
pub use subject::Subject;
use trace::FailingStep;
pub use trial::try_out;
use verdict::unexpected;
pub use verdict::{Failure, Kind, Reason, Verdict};

/// How many rows are tried at the same time: most of the time they wait.
const AT_ONCE: usize = 16;

/// How often a row is tried anew: its fault hit another call, or the tool itself was stopped.
const TRIES: usize = 3;

/// A behaviour: its name, what it is worth, and how it is provoked and recognised.
pub struct Row {
    pub name: &'static str,
    /// All rows of a program together are worth 100.
    pub points: u32,
    /// What the names of its programs begin with.
    of: &'static str,
    setup: Under<'static>,
    /// The step of the conversation that fails, and how, as strace says it.
    fault: Option<(FailingStep, &'static str)>,
    test: Test,
}

/// What happens between a program and the other side of its connection.
type Test = fn(&mut Running, &mut Peer) -> Verdict;

/// What a program is started under.
#[derive(Clone, Copy)]
enum Under<'a> {
    Plain,
    Traced,
    /// strace, which makes a call fail, such as `sendto:retval=2:when=1`.
    Injected(&'a str),
    /// A shell that leaves it so many descriptors.
    Descriptors(usize),
}

/// Begins a row of the short program; `when` ends it.
const fn short(points: u32, name: &'static str) -> Row {
    row("short", points, name)
}

/// Begins a row of the long program.
const fn long(points: u32, name: &'static str) -> Row {
    row("long", points, name)
}

/// Begins a row of both.
const fn both(points: u32, name: &'static str) -> Row {
    row("", points, name)
}

const fn row(of: &'static str, points: u32, name: &'static str) -> Row {
    Row { name, points, of, setup: Under::Plain, fault: None, test: |_, _| Ok(()) }
}

impl Row {
    const fn when(mut self, test: Test) -> Self {
        self.test = test;
        self
    }

    const fn under(mut self, setup: Under<'static>) -> Self {
        self.setup = setup;
        self
    }

    const fn with_fault(mut self, step: FailingStep, effect: &'static str) -> Self {
        self.fault = Some((step, effect));
        self
    }

    /// Tries it, and says what happened instead.
    pub fn check(&self, subject: &Subject) -> Verdict {
        for tries in 1.. {
            let stopped = stopped::so_far();
            let verdict = match self.fault {
                None => self.check_under(subject, self.setup).0,
                Some((step, effect)) => self.check_with_fault(subject, step, effect),
            };
            match verdict {
                Err(_) if subject.time_left().is_zero() => break,
                Err(_) if stopped::so_far() > stopped && tries < TRIES => {}
                verdict => return verdict,
            }
        }
        Err(Failure::NotTried(Reason::TooSlow))
    }

    fn check_under(&self, subject: &Subject, setup: Under) -> (Verdict, Option<Running>) {
        let mut program = match Running::start(subject, setup) {
            Ok(program) => program,
            Err(failure) => return (Err(failure), None),
        };
        // The peer stays while all is explained: its leaving could be the end of the program.
        let mut peer = program.meet();
        let verdict = match &mut peer {
            Ok(peer) => (self.test)(&mut program, peer),
            Err(failure) => Err(failure.clone()),
        };
        (verdict.map_err(|failure| program.explain(failure)), Some(program))
    }

    /// Sees which call makes the step, and has this one fail: a program can make the same call
    /// with other sockets before.
    fn check_with_fault(&self, subject: &Subject, step: FailingStep, effect: &str) -> Verdict {
        let one_round = row(self.of, 0, self.name).when(|program, peer| {
            if program.is_server() { program.talk(peer) } else { program.answer(peer, "ACK!") }
        });
        for _ in 0..TRIES {
            let (verdict, program) = one_round.check_under(subject, Under::Traced);
            verdict?;
            let call =
                program.and_then(|program| program.trace.call_of(step, program.address.port()));
            let Some((name, number)) = call else {
                return Err(Failure::NotTried(Reason::Impossible("it does not make this call")));
            };
            let fault = format!("{name}:{effect}:when={number}");
            let (verdict, program) = self.check_under(subject, Under::Injected(&fault));
            match program {
                Some(program) if !program.trace.has_failed(step, program.address.port()) => {}
                _ => return verdict,
            }
        }
        Err(Failure::lacks("a way to hit this call: it is another one each time"))
    }
}

/// Returns the rows of one of the four programs.
pub fn rows_of(program: &str) -> Vec<&'static Row> {
    let rows = if program.ends_with("server") { server::ROWS } else { client::ROWS };
    let rows = rows.iter();
    rows.filter(|row| program.starts_with(row.of)).collect()
}

/// Tries rows on subjects, a few at a time, and has the verdicts used in their order, each as soon
/// as it is there. What is not begun when nobody wants more verdicts is not tried.
pub fn try_all<R>(
    tasks: &[(&Row, &Subject)],
    use_them: impl FnOnce(&mut dyn Iterator<Item = Verdict>) -> R,
) -> R {
    let subjects = tasks.iter().map(|(_, subject)| *subject);
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
        let verdicts = verdicts.into_iter();
        let not_tried = || Err(Failure::lacks("processes"));
        let used =
            use_them(&mut verdicts.map(|verdict| verdict.recv().unwrap_or_else(|_| not_tried())));
        subjects.for_each(Subject::give_up);
        used
    })
}
