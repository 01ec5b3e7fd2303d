//! What a program says when it crashes, in one line: a traceback or a panic, and in whose words.

use common::printable;

/// The most characters of a line that are shown.
const LONGEST: usize = 200;

/// Returns the line of a traceback, a panic or a stack trace that says what happened.
pub fn crash(text: &str) -> Option<String> {
    // What has no line break yet is still being written.
    let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
    let lines: Vec<&str> = whole.lines().map(str::trim_end).collect();
    let said = |kind: &str, line: &str| Some(format!("{kind}: {}", shown(line)));
    if let Some(at) = lines.iter().rposition(|line| line.starts_with("Traceback (most recent")) {
        let last = lines[at + 1..].iter().find(|line| !line.starts_with(' ') && !line.is_empty());
        return said("traceback", last?);
    }
    if let Some(at) = lines.iter().position(|line| line.contains(" panicked at ")) {
        return said("panic", lines.get(at + 1)?);
    }
    if let Some(line) = lines.iter().find_map(|line| line.strip_prefix("panic: ")) {
        return said("panic", line); // Go
    }
    // Java, JavaScript
    let at = lines.iter().position(|line| line.trim_start().starts_with("at "))?;
    let named = |line: &&&str| line.contains("Error") || line.contains("Exception");
    said("stack trace", lines[..at].iter().rfind(named)?)
}

/// Returns a line as text that is safe to print, not too long, and without gaps like those between the columns of a
/// table: a program can print anything.
fn shown(line: &str) -> String {
    let text = printable(line.as_bytes()).to_string();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() <= LONGEST {
        text
    } else {
        text.chars().take(LONGEST).chain("...".chars()).collect()
    }
}

/// Returns the last line that says what is wrong.
pub fn last_words(stderr: &str) -> Option<String> {
    let line = stderr.lines().rfind(|line| !line.trim().is_empty())?;
    crash(stderr).or_else(|| Some(shown(line)))
}
