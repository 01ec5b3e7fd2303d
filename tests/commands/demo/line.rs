//! What a line tells: its level, and what it does to the connection.

use log::Level;

use support::run::narrated::split_call;
use support::session::recording::name_of;

/// Returns the level of a line of the log, by its mark.
pub fn level(text: &str) -> Option<Level> {
    let marks = ["[-] ", "[!] ", "[*] ", "[.] ", "[ ] "];
    let mut levels = Level::iter().zip(marks);
    levels.find_map(|(level, mark)| text.starts_with(mark).then_some(level))
}

/// What has become of a program's connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    None,
    Open,
    Ended,
}

/// Returns the connection after a line, and whether the line shows that something goes to the other side: bytes, or
/// the connection's beginning or end.
pub fn follow(connection: Connection, text: &str) -> (Connection, bool) {
    let Some((call, result)) = split_call(text) else {
        return (connection, false);
    };
    let name = name_of(call);
    let failed = result.is_some_and(|result| result.starts_with('-'));
    let can_go_on = result.is_some_and(|it| NOT_YET.iter().any(|words| it.contains(words)));
    match name {
        "connect" | "accept" if result.is_some() && !failed => {
            (Connection::Open, name == "connect")
        }
        "send" | "recv" | "shutdown" if failed && !can_go_on => (Connection::Ended, false),
        // Nothing goes over a broken connection, not even its end.
        "close" | "shutdown" => (Connection::Ended, connection == Connection::Open),
        _ => (connection, name == "send" && !failed && connection == Connection::Open),
    }
}

/// What the results say of calls that wait no longer, or not at all.
const NOT_YET: [&str; 2] = ["temporarily unavailable", "timed out"];
