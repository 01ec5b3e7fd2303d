//! What a line tells: its level, and its part in the conversation.

use log::Level;

/// Returns the level of a line of the log, by its mark.
pub fn level(text: &str) -> Option<Level> {
    let marks = ["[-] ", "[!] ", "[*] ", "[.] ", "[ ] "];
    let mut levels = Level::iter().zip(marks);
    levels.find_map(|(level, mark)| text.starts_with(mark).then_some(level))
}

/// Returns whether the line shows a call that begins to wait.
pub fn begins_to_wait(text: &str) -> bool {
    text.starts_with("[.] ") && text.ends_with(") ...")
}

/// What a line has to do with the other program.
#[derive(PartialEq, Eq)]
pub enum Meaning {
    Connected,
    Accepted,
    Sent,
    Received,
    ReceivedTheEnd,
    EndedTheStream,
    Failed,
    Nothing,
}

impl Meaning {
    /// Returns the meaning of a line of a program that shows its calls, or only says what it does.
    pub fn of(text: &str, shows_calls: bool) -> Self {
        let starts_with = |beginning| text.starts_with(beginning);
        if !shows_calls && starts_with("[*] Accepted connection from: ") {
            return Self::Accepted;
        }
        if !shows_calls && (starts_with("[*] Received:") || starts_with("ACK!")) {
            return Self::Received;
        }
        let call = text.strip_prefix("[.] ").filter(|_| shows_calls);
        let Some((name, rest)) = call.and_then(|call| call.split_once('(')) else {
            return Self::Nothing;
        };
        // What is sent or received can look like a result.
        let result = match name {
            "send" => rest.rsplit_once(" = "),
            _ => rest.split_once(" = "),
        };
        match (name, result.map(|(_, result)| result)) {
            ("close", _) | ("shutdown", Some("0")) => Self::EndedTheStream,
            ("connect", Some("0")) => Self::Connected,
            ("recv", Some("0")) => Self::ReceivedTheEnd,
            ("send" | "recv", Some(result)) if result.starts_with('-') => Self::Failed,
            ("send", Some(_)) => Self::Sent,
            ("recv", Some(_)) => Self::Received,
            ("accept", Some(result)) if !result.starts_with('-') => Self::Accepted,
            _ => Self::Nothing,
        }
    }
}
