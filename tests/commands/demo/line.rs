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
pub enum Stream {
    None,
    Open,
    Ended,
}

/// Returns the connection after a line, and whether the line shows that something goes to the other side: bytes, or
/// the connection's beginning or end.
pub fn follow(stream: Stream, text: &str) -> (Stream, bool) {
    let Some((call, result)) = split_call(text) else {
        return (stream, false);
    };
    let name = name_of(call);
    let failed = result.is_some_and(|result| result.starts_with('-'));
    match name {
        "connect" | "accept" if result.is_some() && !failed => (Stream::Open, name == "connect"),
        "send" | "recv" | "shutdown" if failed => (Stream::Ended, false),
        // Nothing goes over a broken connection, not even its end.
        "close" | "shutdown" => (Stream::Ended, stream == Stream::Open),
        _ => (stream, name == "send" && stream == Stream::Open),
    }
}
