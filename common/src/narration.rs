//! How a socket call is narrated, and the pause of `STEP=1` before it: the one place that every
//! call passes through.

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use log::{Level, log, log_enabled};

use crate::error::{Error, Result};
use crate::output;

/// A system call that is being made.
pub(crate) struct Call {
    name: &'static str,
    /// The call as `strace(1)` writes it. No text is put together unless somebody watches.
    text: Option<String>,
}

impl Call {
    /// Announces a call, just before it is made: pauses under `STEP=1`, and shows a call that can
    /// wait for the peer.
    ///
    /// A `close(2)` is shown here as well, and [`end`](Self::end) is not called for it: afterwards
    /// another thread's `accept(2)` may already have been given the same descriptor.
    #[track_caller]
    pub(crate) fn begin(name: &'static str, arguments: fmt::Arguments<'_>) -> Self {
        let level = level(name);
        let is_watched = log_enabled!(level) || (level == Level::Debug && is_stepping());
        let text = is_watched.then(|| format!("{name}({arguments})"));
        if let Some(call) = &text {
            if name != "close" {
                note_line();
            }
            record_line(call);
            pause(call);
            match name {
                "accept" | "connect" | "recv" => log!(level, "{call} ..."),
                "close" => log!(level, "{call}"),
                _ => {}
            }
        }
        Self { name, text }
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
        let level = level(self.name);
        if let Some(call) = self.text {
            match &result {
                Ok(value) => log!(level, "{call} = {}", shown(value)),
                Err(error) => log!(level, "{call} = -1 {error}"),
            }
        }
        result.map_err(|error| Error::new(self.name, error))
    }
}

/// Returns the level at which a call is shown: what is not part of the lesson only at trace.
fn level(name: &str) -> Level {
    match name {
        "setsockopt" | "getsockname" => Level::Trace,
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

/// Returns whether the program still stops before each call.
pub(crate) fn is_stepping() -> bool {
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

thread_local! {
    /// The line of the program at which this thread has last called this crate. There a `?` or a
    /// `return` drops the socket, which closes it.
    static LINE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Notes the line of the program that calls this crate.
#[track_caller]
pub(crate) fn note_line() {
    LINE.set(Some(Location::caller()));
}

/// Appends `FILE:LINE:THREAD:CALL` to the file that `WATCH_LINES` names, for `cargo lesson`: the
/// line of the program, and the thread, that is about to make the call. `watch.py` does the same
/// for Python.
fn record_line(call: &str) {
    static LINES: LazyLock<Option<OsString>> = LazyLock::new(|| env::var_os("WATCH_LINES"));
    let (Some(path), Some(line)) = (&*LINES, LINE.get()) else {
        return;
    };
    if let Ok(mut file) = File::options().append(true).open(path) {
        // A link to such as `1234/task/1235`.
        let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
        let thread = thread.file_name().unwrap_or_default().to_string_lossy();
        let text = format!("{}:{}:{thread}:{call}\n", line.file(), line.line());
        let _ = file.write_all(text.as_bytes());
    }
}
