//! Waiting, which always has a limit.

use std::io::{Error, ErrorKind};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for anything; only a test that fails waits so long.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Asks again and again, with a pause, until there is an answer or the time is over.
pub fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if begun.elapsed() > limit {
            return None;
        }
        // Nothing announces what is asked for, and asking without a pause would slow it down.
        thread::sleep(Duration::from_millis(3));
    }
}

/// Returns the error of a wait that has lasted too long.
pub fn late(what: &str, limit: Duration) -> Error {
    let text = format!("{what} in {} s", limit.as_secs_f32());
    Error::new(ErrorKind::TimedOut, text)
}
