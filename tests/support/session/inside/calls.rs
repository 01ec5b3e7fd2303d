//! The socket calls that a program shows.

use crate::session::recording::{When, name_of};

#[derive(Clone)]
pub struct Call {
    /// Such as `recv(4, 1024)`.
    pub text: String,
    /// `None` where it has not returned; nothing for `close`.
    pub result: Option<String>,
    /// Whether it has begun.
    pub when: When,
    /// Where in the text the line with its result begins.
    pub end: usize,
    /// Its line in the source.
    pub line: Option<usize>,
}

impl Call {
    fn new(text: &str, end: usize, result: Option<&str>) -> Self {
        let result = result.map(str::to_owned);
        Self { text: text.to_owned(), result, when: When::Blocked, end, line: None }
    }

    /// Returns a call that a program asks to be let make.
    pub fn next(text: String) -> Self {
        Self { text, result: None, when: When::Next, end: usize::MAX, line: None }
    }

    /// Returns a call that has begun, and has not shown it.
    pub fn begun(text: &str) -> Self {
        Self::new(text, usize::MAX, None)
    }

    pub fn name(&self) -> &str {
        name_of(&self.text)
    }

    /// Returns the descriptor, its first argument.
    pub fn descriptor(&self) -> Option<&str> {
        self.text.split(['(', ',', ')']).nth(1)
    }

    pub fn failed(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.starts_with("-1 "))
    }
}

/// Returns the calls that a program's output shows, in the order in which they began.
pub fn in_text(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let end = begin;
        begin += line.len();
        let Some(line) = line.trim_end_matches('\n').strip_prefix("[.] ") else {
            continue;
        };
        if let Some(call) = line.strip_suffix(" ...") {
            calls.push(Call::new(call, usize::MAX, None));
            continue;
        }
        let (call, result) = split(line);
        let waiting = calls.iter_mut().rfind(|it| it.result.is_none() && it.text == call);
        match waiting {
            Some(waiting) => (waiting.result, waiting.end) = (Some(result.to_owned()), end),
            None => calls.push(Call::new(call, end, Some(result))),
        }
    }
    calls
}

/// Splits a call from its result. What is sent or received can look like a result.
fn split(line: &str) -> (&str, &str) {
    let split =
        if name_of(line) == "send" { line.rsplit_once(" = ") } else { line.split_once(" = ") };
    split.unwrap_or((line, ""))
}
