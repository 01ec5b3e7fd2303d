//! Bytes from the network as text that is safe to print.
//!
//! Whoever connects chooses these bytes. Printed raw, a line break forges a line of the server's
//! log (CWE-117), and an escape sequence drives the terminal (CWE-150).

use std::fmt::{self, Display, Formatter, Write};

#[cfg(test)]
mod tests;

/// Shows bytes on one line, with nothing in it that a terminal would obey.
///
/// UTF-8 text of any language stays as it is, except for the backslash and for characters that
/// control a line or its direction or are invisible: these are escaped as in Rust, `\n` or
/// `\u{202e}`. (The joiners and variation selectors that emoji and scripts need stay.) A byte that
/// belongs to no UTF-8 character becomes `\xff`. No two inputs give the same text.
#[must_use]
pub fn printable(bytes: &[u8]) -> impl Display {
    Printable(bytes)
}

/// Shows bytes as [`printable`] does, between quotes, and no more of them than the first 32.
pub(crate) fn quoted(bytes: &[u8]) -> impl Display {
    Quoted(bytes)
}

struct Printable<'a>(&'a [u8]);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, must_be_escaped)
    }
}

struct Quoted<'a>(&'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const LIMIT: usize = 32; // bytes, as in strace
        let (mut end, mut more) = (self.0.len(), "");
        if end > LIMIT {
            (end, more) = (LIMIT, "...");
            // A UTF-8 character, of at most 4 bytes, is not cut in two.
            while end > LIMIT - 3 && is_continuation(self.0[end]) {
                end -= 1;
            }
        }
        f.write_char('"')?;
        write_escaped(f, &self.0[..end], |character| {
            character == '"' || must_be_escaped(character)
        })?;
        write!(f, "\"{more}")
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

fn write_escaped(
    f: &mut Formatter<'_>,
    bytes: &[u8],
    must_be_escaped: impl Fn(char) -> bool,
) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if must_be_escaped(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

fn must_be_escaped(character: char) -> bool {
    let ends_a_line = matches!(character, '\u{2028}' | '\u{2029}');
    character == '\\' || character.is_control() || ends_a_line || is_invisible(character)
}

/// Returns whether a character takes no place on the screen, among them all that turn the direction
/// of what follows: Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt of version
/// 16) without the joiners and variation selectors that emoji and scripts need.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
    )
}
