//! What was expected, and what came instead.

use std::error;
use std::fmt::{self, Display, Formatter};
use std::io::{Error, ErrorKind};

use common::printable;

/// An error with both sides: what was expected, and what came.
#[derive(Clone, Debug)]
pub struct Unexpected {
    pub expected: String,
    pub got: String,
}

impl Unexpected {
    /// Returns it as an error of this kind.
    pub fn error(kind: ErrorKind, expected: impl Into<String>, got: impl Into<String>) -> Error {
        Error::new(kind, Self { expected: expected.into(), got: got.into() })
    }
}

impl Display for Unexpected {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

impl error::Error for Unexpected {}

/// How many bytes are quoted.
const QUOTED: usize = 80;

/// Returns text in quotes, and other bytes as pairs of hexadecimal digits.
pub fn quoted(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let (shown, end) = match bytes.get(..QUOTED) {
        Some(shown) if bytes.len() > QUOTED => (shown, "..."),
        _ => (bytes, ""),
    };
    let text = String::from_utf8_lossy(shown);
    // What is cut can end in half a character.
    let is_text =
        |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER || c.is_whitespace();
    let others = text.chars().filter(|c| !is_text(*c)).count();
    if others * 3 <= text.chars().count() {
        return format!("\"{}\"{end}", printable(shown).to_string().replace("\\u{0}", "\\0"));
    }
    let pairs: Vec<String> = shown.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let end = if bytes.len() > 16 { " ..." } else { "" };
    pairs.join(" ") + end
}

/// Returns a system's error in its words, without its number.
pub fn words(error: &Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
