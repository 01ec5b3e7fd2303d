//! How a socket call is narrated, and the pause of `STEP=1` before it: the one place that every
//! call passes through.

use std::env;
use std::fmt::Display;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use log::{Level, log, log_enabled};

use crate::output;

/// How a call is narrated.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// It returns at once; shown at debug.
    Immediate,
    /// It can wait for the peer; shown at debug, and before it waits as well.
    Blocking,
    /// It is not part of the lesson, such as an option; shown at trace.
    Aside,
}

impl Kind {
    fn level(self) -> Level {
        match self {
            Self::Immediate | Self::Blocking => Level::Debug,
            Self::Aside => Level::Trace,
        }
    }
}

/// Makes a system call and shows it with its arguments and its result, in the style of `strace(1)`.
///
/// `shown` returns the text of a result that is not an error. No text is put together unless
/// somebody watches.
pub(crate) fn narrate<T>(
    kind: Kind,
    name: &str,
    arguments: &[&dyn Display],
    make: impl FnOnce() -> io::Result<T>,
    shown: impl FnOnce(&T) -> String,
) -> io::Result<T> {
    let level = kind.level();
    if !is_watched(level) {
        return make();
    }
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let call = format!("{name}({})", arguments.join(", "));
    pause(&call);
    if kind == Kind::Blocking {
        log!(level, "{call} ...");
    }
    let result = make();
    match &result {
        Ok(value) => log!(level, "{call} = {}", shown(value)),
        Err(error) => log!(level, "{call} = -1 {error}"),
    }
    result
}

/// Shows a `close(2)` before it is made: afterwards another thread's `accept(2)` may already have
/// been given the same descriptor. Its result is not shown, for nobody can do anything about it.
pub(crate) fn narrate_close(socket: &dyn Display) {
    let level = Kind::Immediate.level();
    if is_watched(level) {
        let call = format!("close({socket})");
        pause(&call);
        log!(level, "{call}");
    }
}

/// Returns whether calls of this level are shown, or stepped through.
fn is_watched(level: Level) -> bool {
    log_enabled!(level) || (level == Level::Debug && is_stepping())
}

static STEPPING: AtomicBool = AtomicBool::new(false);

/// Held by the thread that asks, so that two never ask at once.
static TURN: Mutex<()> = Mutex::new(());

/// Turns the pauses on where the environment variable `STEP` is set, but not to nothing or to `0`,
/// and returns whether it is.
pub(crate) fn start_stepping() -> bool {
    let asked = env::var_os("STEP").is_some_and(|value| !value.is_empty() && value != "0");
    STEPPING.store(asked, Ordering::Relaxed);
    asked
}

fn is_stepping() -> bool {
    STEPPING.load(Ordering::Relaxed)
}

/// Says on standard error which call is next, and waits for Enter. At the end of the input there
/// are no more pauses.
fn pause(call: &str) {
    if !is_stepping() {
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_stepping() {
        return; // the input ended while another thread asked
    }
    if !output::ask(format!("next: {call}  [Enter] ")) {
        output::write_error("\n");
        STEPPING.store(false, Ordering::Relaxed);
    }
}
