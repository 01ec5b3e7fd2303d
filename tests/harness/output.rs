//! What a program prints: read all the time, and kept until somebody looks at it.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// Ends a prompt, in place of a line break.
pub const PROMPT_END: &str = "  [Enter] ";

/// One of a program's outputs. It can still be looked at when the program has ended.
#[derive(Clone)]
pub struct Output(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Default)]
struct Kept {
    unread: Vec<u8>,
    has_ended: bool,
}

/// How many unread bytes are kept; what comes beyond them is thrown away, for a program can print
/// without end.
const MOST_KEPT: usize = 256 * 1024;

impl Output {
    /// Returns an output that nothing is read from.
    pub fn none() -> Self {
        let output = Self(Arc::default());
        output.kept().has_ended = true;
        output
    }

    /// Reads a pipe in a thread of its own, so that the program never waits for its reader.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub fn of(mut pipe: impl Read + Send + 'static) -> io::Result<Self> {
        let output = Self(Arc::default());
        let writer = output.clone();
        let read = move || {
            let mut buffer = [0; 8192];
            loop {
                let count = match pipe.read(&mut buffer) {
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => 0, // as a pseudo-terminal ends
                };
                let mut kept = writer.kept();
                let room = MOST_KEPT - kept.unread.len();
                kept.unread.extend(&buffer[..count.min(room)]);
                kept.has_ended = count == 0;
                writer.0.1.notify_all();
                if kept.has_ended {
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
        let waited = self.0.1.wait_timeout_while(self.kept(), limit, goes_on);
        waited.expect("no thread panics while it holds this").0
    }

    /// Waits in the same way, and returns what is unread then, without taking it.
    pub fn look(&self, limit: Duration, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.wait(limit, is_enough).unread.clone()
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
            Some(end) => Ok(Some(kept.unread.drain(..end).collect())),
            None if !kept.has_ended => Err("nothing more is printed in time".to_owned()),
            None if kept.unread.is_empty() => Ok(None),
            None => Ok(Some(std::mem::take(&mut kept.unread))),
        }
    }

    /// Waits for the end, and takes all that is unread.
    pub fn rest(&self, limit: Duration) -> Result<Vec<u8>, String> {
        let mut kept = self.wait(limit, |_| false);
        let rest = std::mem::take(&mut kept.unread);
        if kept.has_ended {
            return Ok(rest);
        }
        Err(format!("it goes on after: {}", String::from_utf8_lossy(&rest)))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.0.lock().expect("no thread panics while it holds this")
    }
}

fn end_of_line(bytes: &[u8]) -> Option<usize> {
    let line_break = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let line = &bytes[..line_break.unwrap_or(bytes.len())];
    let mut windows = line.windows(PROMPT_END.len());
    let prompt = windows.position(|window| window == PROMPT_END.as_bytes());
    prompt.map(|at| at + PROMPT_END.len()).or(line_break)
}
