//! How a socket call is narrated: the one place that every call passes through.

use std::fmt;
use std::io;

use log::{Level, log, log_enabled};

use crate::step;

/// Sorts the calls by how they are narrated.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Returns at once; shown at debug.
    Immediate,
    /// Can wait for the peer; shown at debug, and before it waits as well.
    Blocking,
    /// Is not part of the lesson, such as an option; shown at trace.
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

/// Makes a system call and shows it with its arguments and its result, the way `strace(1)` does.
///
/// `call` is the text `name(arguments)`, `outcome` gives the text of a result that is no error.
/// Neither text is put together unless somebody watches.
pub(crate) fn narrate<T>(
    kind: Kind,
    call: fmt::Arguments<'_>,
    make: impl FnOnce() -> io::Result<T>,
    outcome: impl FnOnce(&T) -> String,
) -> io::Result<T> {
    let level = kind.level();
    if !is_watched(level) {
        return make();
    }
    step::pause(call);
    if kind == Kind::Blocking {
        log!(level, "{call} ...");
    }
    let result = make();
    match &result {
        Ok(value) => log!(level, "{call} = {}", outcome(value)),
        Err(error) => log!(level, "{call} = -1 {error}"),
    }
    result
}

/// Shows a `close(2)` before it is made: afterwards another thread's `accept(2)` may already have
/// been given the same descriptor. Its result is not shown, for nobody can do anything about it.
pub(crate) fn narrate_close(call: fmt::Arguments<'_>) {
    let level = Kind::Immediate.level();
    if is_watched(level) {
        step::pause(call);
        log!(level, "{call}");
    }
}

/// Whether calls of this level are shown, or stepped through.
fn is_watched(level: Level) -> bool {
    log_enabled!(level) || (level == Level::Debug && step::is_on())
}
