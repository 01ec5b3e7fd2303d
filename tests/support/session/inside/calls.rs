//! The socket calls that a program makes, as it writes them down and shows them.
//!
//! What it prints can look like a call. So a call counts only if it has been written down first, with
//! its line and its thread, in the file that `WATCH_LINES` names: `FILE:LINE:THREAD:CALL`.

use std::collections::VecDeque;
use std::path::Path;

use crate::run::PROMPT_END;
use crate::run::narrated::split_call;
use crate::session::recording::{Source, descriptor_of, name_of};

pub struct NarratedCall {
    /// Such as `recv(4, 1024)`.
    pub text: String,
    /// Its line in the part of the source that is shown.
    pub line: Option<usize>,
    /// The thread that is about to make it, or that makes it, where somebody has let it.
    pub thread: Option<u32>,
}

impl NarratedCall {
    pub fn name(&self) -> &str {
        name_of(&self.text)
    }

    pub fn descriptor(&self) -> Option<u32> {
        descriptor_of(&self.text)
    }
}

/// The calls of a program that runs.
#[derive(Default)]
pub struct Calls {
    /// How much of the file has been read.
    read: usize,
    /// Those that are about to be made.
    coming: VecDeque<NarratedCall>,
    /// Those that have begun, and have not returned.
    pub begun: Vec<NarratedCall>,
    /// Those that have returned since this was last emptied, with their results.
    pub returned: Vec<(NarratedCall, String)>,
    /// The ports and backlogs of its sockets, as `bind` and `listen` have been told.
    pub bound: Vec<(u32, String)>,
    pub backlogs: Vec<(u32, i64)>,
}

impl Calls {
    /// Reads what the program has written down; its own lines are those in this file.
    pub fn note(&mut self, written: &[u8], file: &Path, source: &Source) {
        let new = written.get(self.read..).unwrap_or_default();
        let end = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read += end;
        let lines = String::from_utf8_lossy(&new[..end]);
        let call = |line: &str| {
            let (path, rest) = line.split_once(':')?;
            let (number, rest) = rest.split_once(':')?;
            let (thread, text) = rest.split_once(':')?;
            let is_its = path.is_empty() || Path::new(path).ends_with(file);
            let line = match number.parse::<usize>().ok().filter(|_| is_its) {
                // The exit makes it.
                Some(0) => source.lines.iter().position(|line| line.contains("the exit does")),
                number => number.and_then(|number| number.checked_sub(source.first)),
            };
            let line = line.filter(|line| *line < source.lines.len());
            Some(NarratedCall { text: text.to_owned(), line, thread: thread.parse().ok() })
        };
        self.coming.extend(lines.lines().filter_map(call));
    }

    /// Returns the call that an unfinished line asks to be let make, in the style of `STEP=1`.
    pub fn asked(&self, line: &str) -> Option<&NarratedCall> {
        let text = line.strip_prefix("next: ")?.strip_suffix(PROMPT_END)?;
        self.coming.iter().find(|call| call.text == text)
    }

    /// Returns whether a thread is about to make a call. Where it does not ask, it waits for its turn: under `STEP=1`
    /// one thread asks at a time.
    pub fn has_coming(&self, thread: u32) -> bool {
        self.coming.iter().any(|call| call.thread == Some(thread))
    }

    /// Notes that a thread is let make a call.
    pub fn begin(&mut self, text: &str, thread: Option<u32>) {
        let mut alike = self.coming.iter().enumerate().filter(|(_, call)| call.text == text);
        let first = alike.clone().next();
        let place = alike.find(|(_, call)| call.thread == thread).or(first).map(|it| it.0);
        if let Some(call) = place.and_then(|place| self.coming.remove(place)) {
            self.begun.push(NarratedCall { thread, ..call });
        }
    }

    /// Reads a line that the program shows.
    pub fn read(&mut self, line: &str) {
        let Some((text, result)) = split_call(line) else {
            return;
        };
        let (text, result) = match text.strip_suffix(" ...") {
            Some(text) => (text, None),
            None => (text, Some(result.unwrap_or_default())), // `close` has none
        };
        let place = |calls: &Self| calls.begun.iter().position(|call| call.text == text);
        if place(self).is_none() {
            self.begin(text, None); // nobody has asked: its input has ended
        }
        // Of several alike, the last one has begun first.
        if let Some((place, result)) = place(self).zip(result) {
            let call = self.begun.remove(place);
            self.note_result(&call, result);
            self.returned.push((call, result.to_owned()));
        }
    }

    fn note_result(&mut self, call: &NarratedCall, result: &str) {
        let Some(descriptor) = call.descriptor() else {
            return;
        };
        let argument =
            call.text.trim_end_matches(')').split_once(", ").map(|(_, argument)| argument);
        match (call.name(), argument) {
            ("bind", Some(address)) if result == "0" => {
                self.bound.push((descriptor, address.to_owned()));
            }
            ("listen", Some(backlog)) if result == "0" => {
                self.backlogs.extend(backlog.parse().ok().map(|backlog| (descriptor, backlog)));
            }
            ("close", _) => {
                self.bound.retain(|(its, _)| *its != descriptor);
                self.backlogs.retain(|(its, _)| *its != descriptor);
            }
            _ => {}
        }
    }
}
