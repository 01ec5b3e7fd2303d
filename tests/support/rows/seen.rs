//! What is seen of a program under judgement: what it prints, how it ends, and in what it waits.

use std::process::ExitStatus;
use std::time::Duration;

use common::printable;

use super::crash::{crash, last_words};
use super::running::{PATIENCE, Running};
use super::{Failure, Kind, Verdict, unexpected};
use crate::run::{Output, late, poll, proc, quoted};

/// How long a program may take to say why it has ended a connection.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// In what a thread waits, by a part of the name of the kernel's function, the most telling first.
const WAITS: [(&str, &str); 8] = [
    ("wait_woken", "it waits in recv"),
    ("sk_wait_data", "it waits in recv"),
    ("nanosleep", "it sleeps"),
    ("pipe_read", "it waits for input from a pipe"),
    ("poll", "it waits for an event (poll, select)"),
    ("accept", "it waits in accept"),
    ("futex", "it waits for a lock or a thread"),
    ("do_wait", "it waits for a child to end"),
];

impl Running {
    /// Waits until standard output holds enough and the program is idle, and returns all of it.
    fn printed(&self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.process.stdout.look(self.limit(), is_enough);
        self.wait_until_idle();
        self.process.stdout.look(Duration::ZERO, |_| true)
    }

    /// Says what came in place of a line, which can be on standard error.
    fn in_place_of(&self, parts: &[&str], got: String) -> String {
        let stderr = text_of(&self.process.stderr, Duration::ZERO);
        let is_it = |line: &str| parts.iter().all(|part| line.contains(part));
        if stderr.lines().any(is_it) { "it on standard error".to_owned() } else { got }
    }

    /// Waits until it has printed this on standard output, and nothing else.
    pub fn has_printed(&self, expected: &str) -> Verdict {
        let printed = self.printed(|bytes| {
            bytes.len() >= expected.len() || !expected.as_bytes().starts_with(bytes)
        });
        let mut lines = printed.split_inclusive(|byte| *byte == b'\n');
        let mut wanted = expected.split_inclusive('\n');
        loop {
            match (lines.next(), wanted.next()) {
                (None, None) => return Ok(()),
                (Some(line), Some(wanted)) if line == wanted.as_bytes() => {}
                (Some(line), None) => return unexpected("no more lines", quoted(line)),
                (line, Some(wanted)) => {
                    let got = line.map_or_else(|| "no such line".to_owned(), quoted);
                    let got = self.in_place_of(&[wanted.trim_end()], got);
                    return unexpected(quoted(wanted.as_bytes()), got);
                }
            }
        }
    }

    /// Waits until it has shown this at least so often, whatever it shows beside it.
    pub fn has_shown(&self, text: &str, times: usize) -> Verdict {
        let printed = self.printed(|bytes| count(bytes, text) >= times);
        match count(&printed, text) {
            enough if enough >= times => Ok(()),
            0 => unexpected(quoted(text.as_bytes()), self.in_place_of(&[text], quoted(&printed))),
            count => unexpected(
                format!("{} {times} times", quoted(text.as_bytes())),
                format!("it {count} times"),
            ),
        }
    }

    /// Waits until it has shown this on one line, and sees that nothing raw is on any line.
    pub fn has_shown_on_one_line(&self, beginning: &str, end: &str) -> Verdict {
        let printed = self.printed(|bytes| count(bytes, end) > 0);
        has_nothing_raw(&printed)?;
        let mut lines = printed.split(|byte| *byte == b'\n');
        match lines.find(|line| count(line, end) > 0) {
            Some(line) if count(line, beginning) > 0 => Ok(()),
            Some(line) => unexpected("it on one line", quoted(line)),
            None => {
                let last = printed.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
                let got = self.in_place_of(&[beginning, end], quoted(last.unwrap_or_default()));
                unexpected("all of it on a line of standard output", got)
            }
        }
    }

    /// Waits until it has shown a text, and sees that another one is not on its line.
    pub fn has_shown_alone(&self, text: &str, other: &str) -> Verdict {
        self.has_shown(text, 1)?;
        let printed = self.printed(|_| true);
        let mut lines = printed.split(|byte| *byte == b'\n').filter(|line| count(line, text) > 0);
        match lines.find(|line| count(line, other) > 0) {
            None => Ok(()),
            Some(line) => unexpected(format!("{} alone", quoted(text.as_bytes())), quoted(line)),
        }
    }

    /// Waits until it has shown each text so many times, on a line of its own.
    pub fn has_shown_on_lines(&self, texts: [&str; 2], times: usize) -> Verdict {
        let is_complete = |bytes: &[u8]| texts.iter().all(|text| count(bytes, text) >= times);
        let printed = self.printed(is_complete);
        let mut lines = printed.split(|byte| *byte == b'\n');
        let is_mixed = |line: &&[u8]| texts.iter().all(|text| count(line, text) > 0);
        match lines.clone().find(is_mixed).or_else(|| lines.by_ref().max_by_key(|line| line.len()))
        {
            Some(line) if is_mixed(&line) || !is_complete(&printed) => {
                unexpected("a line for each client", self.in_place_of(&texts[..1], quoted(line)))
            }
            _ => Ok(()),
        }
    }

    /// Returns the whole lines that it has printed, except for those that the original prints.
    pub fn complaints(&self) -> Vec<String> {
        let outputs = [&self.process.stdout, &self.process.stderr];
        let texts = outputs.map(|output| text_of(output, Duration::ZERO));
        let lines = texts.iter().flat_map(|text| text.split_inclusive('\n'));
        let whole = lines.filter_map(|line| line.strip_suffix('\n'));
        whole.filter(|line| !line.starts_with("[*] ")).map(str::to_owned).collect()
    }

    /// Waits until it has nothing more to say, and sees that it has said a line more at most.
    pub fn complains_briefly(&self, before: usize) -> Verdict {
        self.wait_until_idle();
        let count = self.complaints().len().saturating_sub(before);
        if count <= 1 {
            return Ok(());
        }
        // What it has written may still have to be read.
        let _ = poll(LAST_WORDS, || crash(&(self.complaints().join("\n") + "\n")));
        let complaints = self.complaints().join("\n") + "\n";
        crashed("one line at most", &complaints, format!("{count} lines"))
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> Result<ExitStatus, Failure> {
        let status = self.process.end_within(self.limit());
        let (expected, got) = ("its end".to_owned(), late("no end", PATIENCE).to_string());
        status.ok_or(Failure::No { expected, got, kind: Kind::Unexpected })
    }

    /// Waits for its end, which is to be a failure, with a line or two about it and no traceback.
    pub fn fails_briefly(&mut self) -> Verdict {
        let status = self.ends()?;
        let stdout = text_of(&self.process.stdout, LAST_WORDS);
        let stderr = text_of(&self.process.stderr, LAST_WORDS);
        let lines = stdout.lines().chain(stderr.lines());
        let expected = "a short error";
        match lines.filter(|line| !line.trim().is_empty()).count() {
            _ if status.success() => unexpected("status not 0", status.to_string()),
            0 => unexpected(expected, format!("{status}, without a word")),
            1..=3 if crash(&stderr).is_none() => Ok(()),
            count => crashed(expected, &stderr, format!("{count} lines")),
        }
    }

    /// Has the program say why a connection was lost, if it does, and says in what it waits.
    pub fn explain(&mut self, failure: Failure) -> Failure {
        let Failure::No { expected, got, kind: Kind::ConnectionLost } = failure else {
            return failure;
        };
        self.wait_until_idle(); // a traceback takes many writes
        let (got, kind) = match self.last_words() {
            Some(words) => (words, Kind::Crash),
            None => (self.beside(got), Kind::Unexpected),
        };
        let got = match self.subject.mistake {
            Some(mistake) => format!("{mistake}: {got}"),
            None => got,
        };
        Failure::No { expected, got, kind }
    }

    /// Says beside what came in what it waits, and the last line of its own.
    fn beside(&self, got: String) -> String {
        let waits = self.waits().filter(|_| got.contains("nothing in"));
        let said = self.complaints().into_iter().rfind(|line| !line.trim().is_empty());
        let said = said.map(|line| format!("it says {}", quoted(line.as_bytes())));
        let parts = [Some(got), waits.map(str::to_owned), said];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// Says in what it waits, as far as the system tells.
    fn waits(&self) -> Option<&'static str> {
        if !self.process.sleeps() {
            return Some("it runs, and waits for nothing");
        }
        let processes = self.process.processes();
        let is_one = |part: &str| processes.iter().any(|process| proc::waits_in(*process, part));
        WAITS.iter().find(|(part, _)| is_one(part)).map(|(_, waits)| *waits)
    }

    /// Returns its words about a crash, or how it has ended.
    pub fn last_words(&mut self) -> Option<String> {
        poll(LAST_WORDS, || {
            let status = self.process.end_within(Duration::ZERO);
            let limit = status.map_or(Duration::ZERO, |_| LAST_WORDS);
            let stderr = text_of(&self.process.stderr, limit);
            crash(&stderr).or_else(|| {
                let status = status?;
                Some(match last_words(&stderr) {
                    Some(line) => format!("{line} ({status})"),
                    None => format!("it ended with {status}"),
                })
            })
        })
    }
}

/// Returns the words of a crash, which say all, or else this.
fn crashed(expected: &str, text: &str, otherwise: String) -> Verdict {
    match crash(text) {
        None => unexpected(expected, otherwise),
        Some(got) => Err(Failure::No { expected: expected.to_owned(), got, kind: Kind::Crash }),
    }
}

/// Returns what is on an output when it ends, or when the time is over.
fn text_of(output: &Output, limit: Duration) -> String {
    String::from_utf8_lossy(&output.look(limit, |_| false)).into_owned()
}

fn count(bytes: &[u8], text: &str) -> usize {
    String::from_utf8_lossy(bytes).matches(text).count()
}

fn has_nothing_raw(printed: &[u8]) -> Verdict {
    let mut lines = printed.split(|byte| *byte == b'\n');
    match lines.find(|line| is_raw(line)) {
        None => Ok(()),
        Some(raw) => unexpected("escaped text", format!("raw {}", shortened(raw))),
    }
}

/// Returns the beginning and the end of a line: what is raw can be anywhere in a long one.
fn shortened(line: &[u8]) -> String {
    match (line.get(..60), line.len().checked_sub(60)) {
        (Some(beginning), Some(end)) if end > 90 => {
            format!("{} ... {}", printable(beginning), printable(&line[end..]))
        }
        _ => printable(line).to_string(),
    }
}

/// Returns whether a line holds what drives a terminal, or is not text. A backslash is harmless.
fn is_raw(line: &[u8]) -> bool {
    let harmless = String::from_utf8_lossy(line).replace('\\', "/");
    std::str::from_utf8(line).is_err() || printable(harmless.as_bytes()).to_string() != harmless
}
