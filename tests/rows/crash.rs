//! What a program says when it crashes, in one line: a traceback or a panic, and in whose words.

use common::printable;

/// Returns the line of a traceback, a panic or a stack trace that says what happened.
pub fn crash(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let said = |kind: &str, line: &str| Some(format!("{kind}: {}", shown(line)));
    if let Some(at) = lines.iter().rposition(|line| line.starts_with("Traceback (most recent")) {
        let last = lines[at + 1..].iter().find(|line| !line.starts_with(' ') && !line.is_empty());
        return said("traceback", last.unwrap_or(&"cut off"));
    }
    if let Some(at) = lines.iter().position(|line| line.contains(" panicked at ")) {
        return said("panic", lines.get(at + 1).unwrap_or(&lines[at]));
    }
    if let Some(line) = lines.iter().find_map(|line| line.strip_prefix("panic: ")) {
        return said("panic", line); // Go
    }
    // Java, JavaScript
    let at = lines.iter().position(|line| line.trim_start().starts_with("at "))?;
    let named = |line: &&&str| line.contains("Error") || line.contains("Exception");
    said("stack trace", lines[..at].iter().rfind(named)?)
}

/// Returns a line as text that is safe to print, and not too long: a program can print anything.
fn shown(line: &str) -> String {
    let line = line.trim().as_bytes();
    printable(&line[..line.len().min(300)]).to_string()
}

/// Returns the last line that says what is wrong.
pub fn last_words(stderr: &str) -> Option<String> {
    let line = stderr.lines().rfind(|line| !line.trim().is_empty())?;
    crash(stderr).or_else(|| Some(shown(line)))
}

#[test]
fn crash_is_named_in_the_words_of_its_language() {
    for (text, said) in [
        (
            "Exception in thread Thread-1:\nTraceback (most recent call last):\n  File \"s.py\"\n\
             TypeError: a bytes-like object is required\n",
            "traceback: TypeError: a bytes-like object is required",
        ),
        (
            "thread 'main' panicked at src/main.rs:9:5:\ncalled `Result::unwrap()` on an `Err`\n\
             note: run with `RUST_BACKTRACE=1`\n",
            "panic: called `Result::unwrap()` on an `Err`",
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1\n",
            "panic: runtime error: index out of range",
        ),
        (
            "Exception in thread \"main\" java.net.ConnectException: Connection refused\n\tat java.base\n",
            "stack trace: Exception in thread \"main\" java.net.ConnectException: Connection refused",
        ),
        (
            "node:events:496\n      throw er;\n      ^\n\nError: connect ECONNREFUSED\n    at TCP (node:net)\n",
            "stack trace: Error: connect ECONNREFUSED",
        ),
    ] {
        assert_eq!(crash(text).as_deref(), Some(said));
    }
    assert_eq!(crash("error: cannot connect at all\n"), None);
}
