//! What a program prints: read all the time, and kept until somebody looks at it.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// Ends a prompt, in place of a line break.
pub const PROMPT_END: &str = "  [Enter] ";

/// One of a program's outputs. It can still be looked at when the program has ended.
pub struct Output(Arc<Shared>);

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    unread: Vec<u8>,
    has_ended: bool,
    /// Whether nobody is going to look at it any more.
    is_dropped: bool,
}

/// How many unread bytes are kept; then the program has to wait, for it can print without end.
const MOST_KEPT: usize = 2 * 1024 * 1024;

/// The longest line, in bytes; what is longer is taken for several.
const LONGEST_LINE: usize = 64 * 1024;

impl Output {
    /// Returns an output that nothing is read from.
    pub fn none() -> Self {
        let output = Self(Arc::default());
        output.kept().has_ended = true;
        output
    }

    /// Reads a pipe in a thread of its own, so that the program does not wait for its reader.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub fn of(mut pipe: impl Read + Send + 'static) -> io::Result<Self> {
        let output = Self(Arc::default());
        let shared = Arc::clone(&output.0);
        let read = move || {
            let mut buffer = [0; 8192];
            loop {
                let count = match pipe.read(&mut buffer) {
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => 0, // as a pseudo-terminal ends
                };
                let is_full = |kept: &mut Kept| kept.unread.len() >= MOST_KEPT && !kept.is_dropped;
                let kept = shared.changed.wait_while(shared.kept(), is_full);
                let mut kept = kept.expect(NO_PANIC);
                kept.unread.extend(&buffer[..count]);
                kept.has_ended = count == 0;
                shared.changed.notify_all();
                if kept.has_ended || kept.is_dropped {
                    break;
                }
            }
        };
        thread::Builder::new().spawn(read)?;
        Ok(output)
    }

    /// Waits until what is unread is enough, or the output has ended, or the time is over.
    fn wait(&self, limit: Duration, is_enough: impl Fn(&[u8]) -> bool) -> MutexGuard<'_, Kept> {
        let goes_on = |kept: &mut Kept| !kept.has_ended && !is_enough(&kept.unread);
        let waited = self.0.changed.wait_timeout_while(self.kept(), limit, goes_on);
        waited.expect(NO_PANIC).0
    }

    /// Waits in the same way, and returns what is unread then, without taking it.
    pub fn look(&self, limit: Duration, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.wait(limit, is_enough).unread.clone()
    }

    /// Returns how many bytes are unread.
    pub fn unread(&self) -> usize {
        self.kept().unread.len()
    }

    /// Returns whether nothing is printed for this time.
    pub fn is_silent_for(&self, time: Duration) -> bool {
        self.look(time, |bytes| !bytes.is_empty()).is_empty()
    }

    /// Waits for the next line, which may be a prompt or what an ended output ends with, and takes
    /// it with its line break. `Ok(None)` is the end, and an error means that the time is over.
    pub fn line(&self, limit: Duration) -> Result<Option<Vec<u8>>, String> {
        let mut kept = self.wait(limit, |unread| end_of_line(unread).is_some());
        match end_of_line(&kept.unread) {
            Some(end) => Ok(Some(self.take(&mut kept, end))),
            None if !kept.has_ended => Err("nothing more is printed in time".to_owned()),
            None if kept.unread.is_empty() => Ok(None),
            None => {
                let end = kept.unread.len();
                Ok(Some(self.take(&mut kept, end)))
            }
        }
    }

    /// Waits for the end, and takes all that is unread.
    pub fn rest(&self, limit: Duration) -> Result<Vec<u8>, String> {
        let mut kept = self.wait(limit, |_| false);
        let end = kept.unread.len();
        let rest = self.take(&mut kept, end);
        if kept.has_ended {
            return Ok(rest);
        }
        Err(format!("it goes on after: {}", String::from_utf8_lossy(&rest)))
    }

    /// Takes what is unread up to here, and lets a program go on that waits for this.
    fn take(&self, kept: &mut Kept, end: usize) -> Vec<u8> {
        self.0.changed.notify_all();
        kept.unread.drain(..end).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept()
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect(NO_PANIC)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.kept().is_dropped = true;
        self.0.changed.notify_all();
    }
}

const NO_PANIC: &str = "no thread panics while it holds this";

fn end_of_line(bytes: &[u8]) -> Option<usize> {
    let bytes = &bytes[..bytes.len().min(LONGEST_LINE)];
    let line_break = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let line = &bytes[..line_break.unwrap_or(bytes.len())];
    let mut windows = line.windows(PROMPT_END.len());
    let prompt = windows.position(|window| window == PROMPT_END.as_bytes());
    let prompt = prompt.map(|at| at + PROMPT_END.len());
    let is_too_long = line.len() == LONGEST_LINE;
    prompt.or(line_break).or_else(|| is_too_long.then_some(LONGEST_LINE))
}
