//! What is recorded of real runs, as the page reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that the page shows.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Lesson {
    #[serde(with = "super::once")]
    pub scenarios: Vec<RecordedScenario>,
    /// By edition and program, such as `rust/short-server`.
    pub sources: BTreeMap<String, Source>,
}

impl Lesson {
    /// Returns what a page shows; `None` where it is no such page.
    pub fn in_page(page: &str) -> Option<Self> {
        let (_, data) = page.split_once("id=\"data\">")?;
        serde_json::from_str(data.split_once("</script>")?.0).ok()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct RecordedScenario {
    pub id: String,
    pub title: Words,
    /// The number of the experiment that it belongs to, and where that is.
    pub experiment: Option<u8>,
    pub anchor: Option<Words>,
    /// Whether server and clients are on two machines: 10.0.0.1 and 10.0.0.2.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wire: bool,
    pub editions: BTreeMap<String, Recording>,
}

/// One text in both languages.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub en: String,
    pub zh: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Recording {
    /// The server first.
    pub programs: Vec<Part>,
    pub frames: Vec<Frame>,
    /// Whether a single client has a number too, since more may come.
    #[serde(skip_serializing_if = "is_default")]
    pub numbered: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    /// Its key in [`Lesson::sources`].
    pub source: String,
    pub server: bool,
}

/// What one step shows, once nothing moves any more.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// Which program acted, if one did.
    pub who: Option<usize>,
    /// The last call that it was let make.
    pub call: Option<String>,
    #[serde(flatten)]
    pub words: Words,
    /// What the kernel has done by itself since, which stands beside these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_itself: Option<Words>,
    /// The goals that a learner has reached with it, and why it is so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<Words>,
    /// What is asked before this is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    /// One for each program.
    pub sides: Vec<Side>,
    pub sockets: Vec<Socket>,
    pub segments: Vec<Segment>,
    /// What becomes of what travels to the server, and to its clients, where not all of it simply arrives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<Way>,
    /// Whether something still moved when it was looked at.
    #[serde(skip_serializing_if = "is_default")]
    pub restless: bool,
    /// Whether a program did not do what the scenario expects, so that the recording ends here.
    #[serde(skip_serializing_if = "is_default")]
    pub unexpected: bool,
}

impl Frame {
    /// Returns a frame in which nothing has happened since this one.
    pub fn unchanged(&self) -> Self {
        let side = |side: &Side| Side { new: String::new(), did: Vec::new(), ..side.clone() };
        let sides = self.sides.iter().map(side).collect();
        let (sockets, wire) = (self.sockets.clone(), self.wire.clone());
        Self { sides, sockets, wire, ..Self::default() }
    }

    /// Adds what a later frame shows: both become one.
    pub fn add(&mut self, next: Self) {
        for (side, next) in self.sides.iter_mut().zip(next.sides) {
            side.new += &next.new;
            side.did.extend(next.did);
            side.mixed |= next.mixed;
            (side.at, side.state, side.threads) = (next.at, next.state, next.threads);
            (side.raised, side.forked) = (next.raised, next.forked);
        }
        self.sockets = next.sockets;
        self.segments.extend(next.segments);
        self.wire = next.wire;
        self.restless = next.restless;
    }
}

/// A question about a step that is not shown yet, and why one of its answers is right.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ask {
    /// The belief that it is about: a later question about the same asks again, in other words.
    pub about: String,
    pub question: Words,
    pub answers: Vec<Words>,
    pub right: usize,
    pub why: Words,
}

/// A program and its terminal.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Side {
    /// What is new in the terminal.
    pub new: String,
    pub at: Vec<At>,
    pub did: Vec<Did>,
    #[serde(skip_serializing_if = "is_default")]
    pub state: State,
    /// Where there is more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<Thread>,
    /// Whether one thread's lines are mixed with another one's question, which is then asked again.
    #[serde(skip_serializing_if = "is_default")]
    pub mixed: bool,
    /// Whether it has started other processes, which run.
    #[serde(skip_serializing_if = "is_default")]
    pub forked: bool,
    /// The line, in [`Source::lines`], that raised an exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raised: Option<usize>,
    /// The key of the source that it runs, where it is not its [`Part::source`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What a program or a thread does now.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "what", rename_all = "lowercase")]
pub enum State {
    /// It has not been started.
    #[default]
    Absent,
    /// It asks to be let make this call.
    Asks(String),
    /// It waits in this call or for this, such as `recv(4, 1024)`, `poll, at most 0.5 s`, `its turn` or `its terminal`.
    Waits(String),
    Runs,
    /// A signal has stopped it.
    Stopped,
    /// With this, such as `status 1` or `SIGKILL`.
    Ended(String),
}

impl State {
    /// Returns whether it has been started, and has not ended.
    pub fn is_running(&self) -> bool {
        !matches!(self, Self::Absent | Self::Ended(_))
    }

    /// Returns the call that it asks to be let make.
    pub fn asks(&self) -> Option<&str> {
        match self {
            Self::Asks(call) => Some(call),
            _ => None,
        }
    }
}

/// One of a program's threads, `main` or such as `client 1`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    pub name: String,
    pub state: State,
}

/// A call that a program waits in or is about to make, its line in [`Source::lines`], and the thread's
/// name where there is more than one.
#[derive(Clone, Serialize, Deserialize)]
pub struct At(
    pub Option<usize>,
    pub When,
    pub String,
    #[serde(default, skip_serializing_if = "Option::is_none")] pub Option<String>,
);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    Blocked,
    Next,
}

/// A call that was made, with its line and its result, which `close` does not have, and the thread's
/// name where there is more than one.
#[derive(Clone, Serialize, Deserialize)]
pub struct Did(
    pub Option<usize>,
    pub String,
    pub String,
    #[serde(default, skip_serializing_if = "Option::is_none")] pub Option<String>,
);

#[expect(clippy::struct_excessive_bools, reason = "several can be so at once")]
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Socket {
    /// The program that has it, or had it.
    pub of: usize,
    /// `None` where the program does not have it yet, or not any more.
    pub fd: Option<u32>,
    pub state: String,
    pub port: Option<u16>,
    /// Where it is, or was, connected.
    pub peer: Option<u16>,
    /// What it is where it is not TCP, such as `udp` or `pair`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Where it is not 127.0.0.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of a listening socket: how many clients wait to be accepted, and for how many there is room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<usize>,
    /// Of a connection: how many bytes have come and are not read, and how they begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How many bytes have been sent and are not confirmed, and how they begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tx_text: String,
    /// Whether its receive queue takes no more.
    #[serde(skip_serializing_if = "is_default")]
    pub full: bool,
    /// Whether an end of the stream has come, and is not read.
    #[serde(skip_serializing_if = "is_default")]
    pub fin: bool,
    /// Whether its own FIN waits behind bytes that are not confirmed, and has not been sent.
    #[serde(skip_serializing_if = "is_default")]
    pub unsent_fin: bool,
    /// Whether it waits to be accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub queued: bool,
    /// Under which descriptor the socket listens in whose queue it waits, where several listen on its
    /// port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<u32>,
    /// What its kernel waits for, `retransmission`, `keepalive`, `TIME_WAIT` or `probe`, and for how
    /// many seconds more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<(String, f64)>,
    /// After how many keepalive probes without an answer its kernel gives the connection up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
}

impl Socket {
    /// Returns whether this one and the other are the two ends of a connection.
    pub fn is_other_end_of(&self, other: &Self) -> bool {
        self.peer.is_some() && self.port.zip(self.peer) == other.peer.zip(other.port)
    }

    /// Returns whether this one and the other are the same end of the same connection, as of two frames, whoever holds it.
    pub fn is_same_end_as(&self, other: &Self) -> bool {
        (self.of, self.port, self.peer) == (other.of, other.port, other.peer)
    }
}

/// What travelled: from whose program, to whose, the flags, how the bytes begin, and how many they
/// are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment(
    pub usize,
    pub usize,
    pub String,
    pub String,
    pub usize,
    #[serde(default, skip_serializing_if = "is_default")] pub Extra,
);

/// What is special about a segment.
#[expect(clippy::struct_excessive_bools, reason = "several can be so at once")]
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Whether it was sent before.
    #[serde(skip_serializing_if = "is_default")]
    pub again: bool,
    /// Whether it only asks whether the other side is there, or takes more by now; or only answers that.
    #[serde(skip_serializing_if = "is_default")]
    pub probe: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub answer: bool,
    /// Whether all that it carries has arrived before.
    #[serde(skip_serializing_if = "is_default")]
    pub known: bool,
    /// Whether it does not arrive, or not yet, or was held and now does.
    #[serde(skip_serializing_if = "is_default")]
    pub lost: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub held: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub late: bool,
    /// Its numbers, counted from its SYN, and the room in the receive queue, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub win: Option<u32>,
}

/// What becomes of what travels in one direction.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub fate: Fate,
    /// What stands on the wire until it is let go, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
}

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    #[default]
    Deliver,
    Hold,
    /// The next one with SYN, bytes or FIN is lost, and then all are delivered.
    LoseOne,
    Lose,
}

/// A segment that is held, its number, and how often it has been sent: the kernel sends it again, but it
/// stands there once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub number: usize,
    pub copies: usize,
    pub segment: Segment,
}

/// The part of a source that is shown, and the number of its first line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub lines: Vec<String>,
    pub first: usize,
}

/// Returns the name of a call.
pub fn name_of(call: &str) -> &str {
    call.split('(').next().unwrap_or(call)
}

/// Returns the descriptor that a call names, its first argument.
pub fn descriptor_of(call: &str) -> Option<u32> {
    call.split(['(', ',', ')']).nth(1)?.parse().ok()
}

/// Returns whether a value is the usual one, which is not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
