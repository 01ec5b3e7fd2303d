//! `STEP=1`: a pause before each call, until somebody presses Enter.

use std::env;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

static ON: AtomicBool = AtomicBool::new(false);

/// Is held by the thread that asks, so that two never ask at once.
static TURN: Mutex<()> = Mutex::new(());

/// Turns the pauses on where the environment variable `STEP` is set, but not to nothing or to `0`.
pub(crate) fn start() {
    let asked = env::var_os("STEP").is_some_and(|value| !value.is_empty() && value != "0");
    ON.store(asked, Ordering::Relaxed);
}

pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Says on standard error which call is next, and waits for a line on standard input. At the end
/// of the input there are no more pauses.
pub(crate) fn pause(call: fmt::Arguments<'_>) {
    if !is_on() {
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_on() {
        return; // the input ended while another thread asked
    }
    let mut prompt = io::stderr();
    // A prompt that nobody can read is no reason to stop.
    let _ = write!(prompt, "next: {call}  [Enter] ");
    let line = io::stdin().lock().skip_until(b'\n');
    if !line.is_ok_and(|bytes| bytes > 0) {
        let _ = writeln!(prompt);
        ON.store(false, Ordering::Relaxed);
    }
}
