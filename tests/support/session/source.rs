//! The part of a program's source that is shown.

use std::fs;
use std::io;

use super::recording::{Part, Source};
use crate::root;

/// Returns the part of a program's source that is shown: of the project's own ones, the
/// conversation.
pub fn source_of(part: &Part) -> io::Result<Source> {
    let name = &part.name;
    let (file, begin): (_, &[&str]) = match part.source.split_once('/') {
        Some(("rust", _)) => (root().join(name).join("src/main.rs"), &["fn serve(", "fn talk("]),
        Some(("python", _)) => {
            let begin = &["def serve(", "listener = ", "client = "];
            (root().join(name).join(name.replace('-', "_") + ".py"), begin)
        }
        _ => (name.into(), &[]),
    };
    let text = fs::read(file)?; // of any encoding
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let begins = |line: &String| begin.iter().any(|begin| line.starts_with(begin));
    let first = lines.iter().position(begins).unwrap_or(0);
    // Behind its functions, the short server's twin reads its arguments.
    let is_behind = |line: &String| first > 0 && line.starts_with("address = ");
    let end = first + lines[first..].iter().position(is_behind).unwrap_or(lines.len() - first);
    let mut lines = lines[first..end].to_vec();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    Ok(Source { lines, first: first + 1 })
}
