//! How a socket call is narrated, and the pause of `STEP=1` before it: the one place that every
//! call passes through.

use std::env;
use std::fmt::{self, Display};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use log::{Level, log, log_enabled};

use crate::error::{Error, Operation, Result};
use crate::output;

/// A system call that is being made.
pub(crate) struct Call {
    operation: Operation,
    /// The call as `strace(1)` writes it. No text is put together unless somebody watches.
    text: Option<String>,
}

impl Call {
    /// Announces a call, just before it is made: pauses under `STEP=1`, and shows a call that can
    /// wait for the peer.
    ///
    /// A `close(2)` is shown here as well, and [`end`](Self::end) is not called for it: afterwards
    /// another thread's `accept(2)` may already have been given the same descriptor.
    pub(crate) fn begin(operation: Operation, arguments: fmt::Arguments<'_>) -> Self {
        let level = level(operation);
        let is_watched = log_enabled!(level) || (level == Level::Debug && is_stepping());
        let text = is_watched.then(|| format!("{operation}({arguments})"));
        if let Some(call) = &text {
            pause(call);
            match operation {
                Operation::Accept | Operation::Connect | Operation::Recv => {
                    log!(level, "{call} ...");
                }
                Operation::Close => log!(level, "{call}"),
                _ => {}
            }
        }
        Self { operation, text }
    }

    /// Shows the result of the call, and returns it; `shown` is the text of a success.
    ///
    /// # Errors
    ///
    /// The system's error, as that of this call.
    pub(crate) fn end<T, D: Display>(
        self,
        result: io::Result<T>,
        shown: impl FnOnce(&T) -> D,
    ) -> Result<T> {
        let level = level(self.operation);
        if let Some(call) = self.text {
            match &result {
                Ok(value) => log!(level, "{call} = {}", shown(value)),
                Err(error) => log!(level, "{call} = -1 {error}"),
            }
        }
        result.map_err(|error| Error::new(self.operation, error))
    }
}

/// Returns the level at which a call is shown: what is not part of the lesson only at trace.
fn level(operation: Operation) -> Level {
    match operation {
        Operation::SetOption | Operation::GetAddress => Level::Trace,
        _ => Level::Debug,
    }
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
