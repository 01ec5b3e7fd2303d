//! The line of each call in a program's source.

use std::collections::BTreeMap;
use std::path::Path;

use super::calls::Call;
use crate::session::recording::Source;

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
