//! What a line tells: its level, and what it has to do with the other program.

use log::Level;

use crate::player::Side;

/// A line that is to be shown.
pub struct Line {
    pub side: Side,
    pub text: String,
    /// Whether it is a call that sends something to the other side: bytes, or the connection's
    /// beginning or end.
    pub crosses: bool,
}

/// Returns the level of a line of the log, by its mark.
pub fn level(text: &str) -> Option<Level> {
    match text.get(..4)? {
        "[-] " => Some(Level::Error),
        "[!] " => Some(Level::Warn),
        "[*] " => Some(Level::Info),
        "[.] " => Some(Level::Debug),
        "[ ] " => Some(Level::Trace),
        _ => None,
    }
}

/// Returns whether the line shows a call that begins to wait.
pub fn begins_to_wait(text: &str) -> bool {
    level(text) == Some(Level::Debug) && text.ends_with(") ...")
}

/// The part of a line in the conversation.
pub enum Meaning {
    /// What a call has done; each socket has the number of its descriptor.
    Connected(i64),
    Accepted(i64),
    Sent(usize),
    Received(usize),
    EndedTheStream(i64),
    Failed(i64),
    /// What a program says without showing its calls.
    SaysAccepted,
    SaysReceived,
}

impl Meaning {
    pub fn of(text: &str) -> Option<Self> {
        if text.starts_with("[*] Accepted connection from: ") {
            return Some(Self::SaysAccepted);
        }
        if text.starts_with("[*] Received:") || text.starts_with("ACK!") {
            return Some(Self::SaysReceived);
        }
        let (name, rest) = text.strip_prefix("[.] ")?.split_once('(')?;
        let number = |text: &str| text.split([' ', ',', ')']).next()?.parse().ok();
        let descriptor = number(rest)?;
        // What is sent or received can look like a result.
        let result = match name {
            "send" => rest.rsplit_once(" = "),
            _ => rest.split_once(" = "),
        };
        let result = result.and_then(|(_, result)| number(result));
        let bytes = result.and_then(|bytes| usize::try_from(bytes).ok());
        match (name, result) {
            ("connect", Some(0)) => Some(Self::Connected(descriptor)),
            ("accept", Some(accepted @ 0..)) => Some(Self::Accepted(accepted)),
            ("send", Some(1..)) => bytes.map(Self::Sent),
            ("recv", Some(0..)) => bytes.map(Self::Received),
            ("send" | "recv", Some(_)) => Some(Self::Failed(descriptor)),
            ("shutdown", Some(0)) | ("close", _) => Some(Self::EndedTheStream(descriptor)),
            _ => None,
        }
    }
}
