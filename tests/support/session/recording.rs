//! What is recorded of real runs, as the page reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that the page shows.
#[derive(Serialize, Deserialize)]
pub struct Lesson {
    pub scenarios: Vec<Scenario>,
    /// By edition and program, such as `rust/short-server`.
    pub sources: BTreeMap<String, Source>,
}

#[derive(Serialize, Deserialize)]
pub struct Scenario {
    pub id: String,
    pub title: Words,
    /// The number of the experiment that it belongs to, and where that is.
    pub experiment: Option<u8>,
    pub anchor: Option<Words>,
    pub editions: BTreeMap<String, Recording>,
}

/// One text in both languages.
#[derive(Clone, Serialize, Deserialize)]
pub struct Words {
    pub en: String,
    pub zh: String,
}

#[derive(Serialize, Deserialize)]
pub struct Recording {
    /// The server first.
    pub programs: Vec<Part>,
    pub frames: Vec<Frame>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    /// Its key in [`Lesson::sources`].
    pub source: String,
    pub server: bool,
}

/// What one step shows, once nothing moves any more.
#[derive(Serialize, Deserialize)]
pub struct Frame {
    /// Which program acted, if one did.
    pub who: Option<usize>,
    /// The last call that it was let make.
    pub call: Option<String>,
    #[serde(flatten)]
    pub words: Words,
    /// One for each program.
    pub sides: Vec<Side>,
    pub sockets: Vec<Socket>,
    pub segments: Vec<Segment>,
    /// Whether a program did not do what the scenario expects, so that the recording ends here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unexpected: bool,
}

/// A program and its terminal.
#[derive(Serialize, Deserialize)]
pub struct Side {
    /// What is new in the terminal.
    pub new: String,
    pub at: Vec<At>,
    pub did: Vec<Did>,
}

/// A call that a program waits in or is about to make, and its line in [`Source::lines`].
#[derive(Serialize, Deserialize)]
pub struct At(pub Option<usize>, pub When, pub String);

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    Blocked,
    Next,
}

/// A call that was made, with its line and its result, which `close` does not have.
#[derive(Serialize, Deserialize)]
pub struct Did(pub Option<usize>, pub String, pub String);

#[derive(Default, Serialize, Deserialize)]
pub struct Socket {
    /// The program that has it, or had it.
    pub of: usize,
    /// `None` where the program does not have it yet, or not any more.
    pub fd: Option<u32>,
    pub state: String,
    pub port: Option<u16>,
    pub peer: Option<u16>,
    /// Of a listening socket: how many clients wait to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// Of a connection: how many bytes have come and are not read, and how they begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx: Option<usize>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether an end of the stream has come, and is not read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fin: bool,
    /// Whether it waits to be accepted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queued: bool,
}

/// What travelled: from whose program, to whose, the flags, how the bytes begin, and how many they
/// are.
#[derive(Serialize, Deserialize)]
pub struct Segment(pub usize, pub usize, pub String, pub String, pub usize);

/// The part of a source that is shown, and the number of its first line.
#[derive(Serialize, Deserialize)]
pub struct Source {
    pub lines: Vec<String>,
    pub first: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}
