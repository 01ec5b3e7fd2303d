//! How a socket call is narrated: the one place that every call passes through.

use std::fmt;
use std::io;

use log::{Level, debug, log, log_enabled};

/// Sorts the calls by how they are narrated.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Returns at once; shown at debug.
    Prompt,
    /// Can wait for the peer; shown at debug, and before it waits.
    Blocking,
    /// Is not part of the lesson, such as an option; shown at trace.
    Aside,
}

/// Makes a system call and shows it with its arguments and its result, the way strace(1) does.
///
/// `call` is the text `name(arguments)`, `outcome` the text of the result where there is one.
/// Neither is put together unless somebody watches.
pub(crate) fn narrate<T>(
    kind: Kind,
    call: fmt::Arguments<'_>,
    make: impl FnOnce() -> io::Result<T>,
    outcome: impl FnOnce(&T) -> String,
) -> io::Result<T> {
    let level = if kind == Kind::Aside {
        Level::Trace
    } else {
        Level::Debug
    };
    if !log_enabled!(level) {
        return make();
    }
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
/// been given the same descriptor. What it returns nobody sees.
pub(crate) fn narrate_close(call: fmt::Arguments<'_>) {
    debug!("{call}");
}
