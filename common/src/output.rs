//! Standard output, and the question of `STEP=1` that stands under it.

use std::io::{self, BufRead, ErrorKind, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long to wait before a file that is not ready is tried again.
const NOT_READY: Duration = Duration::from_millis(10);

/// The question that waits for its answer.
static QUESTION: Mutex<Option<String>> = Mutex::new(None);

/// Writes text to standard output, all of it. While a question waits for its answer, the text is
/// shown above it.
///
/// # Errors
///
/// Nobody reads the standard output any more, or it is full.
pub(crate) fn write(text: &[u8]) -> io::Result<()> {
    let question = question();
    if question.is_some() {
        write_error("\n");
    }
    let written = write_all(text);
    if let Some(question) = &*question {
        write_error(question);
    }
    written
}

/// Writes piece by piece: what the file has no room for, the standard library keeps and writes
/// next time, so that no line is torn where `write_all` would give it up.
fn write_all(text: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let mut rest = text;
    while !rest.is_empty() {
        match when_ready(|| output.write(rest))? {
            0 => return Err(ErrorKind::WriteZero.into()),
            count => rest = &rest[count..],
        }
    }
    when_ready(|| output.flush())
}

/// Asks a question on standard error, waits for a line on standard input, and returns whether one
/// came: at the end of the input none does.
pub(crate) fn ask(text: String) -> bool {
    let mut pending = question(); // until it is said, no thread prints
    write_error(&text);
    *pending = Some(text);
    drop(pending);
    let line = when_ready(|| io::stdin().lock().skip_until(b'\n'));
    *question() = None;
    line.is_ok_and(|bytes| bytes > 0)
}

/// Writes to standard error, in one piece. If that is closed or full, there is nobody left to tell.
pub(crate) fn write_error(text: &str) {
    let _ = when_ready(|| io::stderr().write_all(text.as_bytes()));
}

fn question() -> MutexGuard<'static, Option<String>> {
    QUESTION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a call until its file is ready: a parent process may have made the file non-blocking.
fn when_ready<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(NOT_READY),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
