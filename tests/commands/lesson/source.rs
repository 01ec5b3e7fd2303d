//! The sources of the programs, and the line of each call in them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::narration::Call;
use support::root;
use support::session::recording::{Part, Source};

/// Returns the part of a program's source that is shown: of the project's own ones, the
/// conversation.
pub fn of(part: &Part) -> io::Result<Source> {
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

/// Finds the lines of a Rust program's calls, by the methods' names.
pub fn find_lines_in_rust(calls: &mut [Call], source: &[String]) {
    let code: Vec<&str> = source.iter().map(|line| line.split("//").next().unwrap_or("")).collect();
    let mut last = 0;
    // A socket's last call, and whether its socket is being closed already.
    let mut sockets: BTreeMap<String, (Option<usize>, &str, bool)> = BTreeMap::new();
    for call in calls {
        // The first one behind the last call; then from the beginning again.
        let find = |what: &str| {
            let mut lines = (last..code.len()).chain(0..last);
            lines.find(|line| code[*line].contains(what))
        };
        let descriptor = call.descriptor().unwrap_or_default().to_owned();
        let (line_before, before, lingers) = sockets.get(&descriptor).copied().unwrap_or_default();
        let lingers = lingers || call.name() == "shutdown";
        call.line = match call.name() {
            "socket" => find("Socket::"),
            _ if lingers => find(".linger_and_close("),
            // A `?` or a `return` leaves the function, which closes the socket.
            "close" if before == "failed" => line_before,
            "close" if before == "ended" => find("no_reply(").or_else(|| find("close(")),
            "close" => find("close("),
            name => find(&format!(".{name}(")),
        };
        last = call.line.unwrap_or(last);
        let outcome = match call.result.as_deref() {
            Some("0") if call.name() == "recv" => "ended",
            Some(_) if call.failed() => "failed",
            _ => "",
        };
        if call.name() == "close" {
            sockets.remove(&descriptor);
        } else {
            sockets.insert(descriptor, (call.line, outcome, lingers));
        }
    }
}

/// Finds the lines of a Python program's calls, by what `common/watch.py` has written down before
/// each: `FILE:LINE:CALL`.
pub fn find_lines_in_python(calls: &mut [Call], written: &str, file: &Path, source: &Source) {
    let entry = |line: &'_ str| {
        let (path, rest) = line.split_once(':')?;
        let (number, call) = rest.split_once(':')?;
        let is_its = path.is_empty() || Path::new(path).ends_with(file);
        let number = number.parse::<usize>().ok().filter(|_| is_its);
        Some((number, call.to_owned()))
    };
    let mut entries: Vec<_> = written.lines().filter_map(entry).collect();
    for call in calls {
        let Some(place) = entries.iter().position(|(_, text)| *text == call.text) else {
            continue;
        };
        let line = match entries.remove(place).0 {
            // The exit makes it.
            Some(0) => source.lines.iter().position(|line| line.contains("the exit does")),
            number => number.and_then(|number| number.checked_sub(source.first)),
        };
        call.line = line.filter(|line| *line < source.lines.len());
    }
}
