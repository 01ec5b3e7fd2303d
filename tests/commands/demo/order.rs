//! The order in which things happen.
//!
//! Two programs print at the same time, so the order in which their lines arrive is left to
//! chance: a client's `recv` can show a reply before the server has got round to showing its
//! `send`. But what is received was sent before, and who is accepted has connected before. So a
//! line that shows an effect waits here until the line with its cause has come.
//!
//! A program in Python shows no calls. What it prints proves less, but enough: a server has
//! received a message before it replies, and a client has printed a reply before it sends again.

use crate::endpoint::{Endpoint, Side};
use crate::line::{Meaning, begins_to_wait};

/// A line that is to be shown.
pub struct Line {
    pub side: Side,
    pub text: String,
    /// Whether it is a call that sends something to the other side: bytes, or the connection's
    /// beginning or end.
    pub crosses: bool,
}

/// What the server has printed, and what the client has.
pub struct Order([Printed; 2]);

/// What one program has printed.
struct Printed {
    side: Side,
    /// As only the programs in Rust do.
    shows_calls: bool,
    /// The line that is to be shown next.
    next: Option<String>,
    /// Whether no more lines come.
    has_ended: bool,

    // What the lines shown so far have told.
    stream: Stream,
    sent: usize,
    received: usize,
    /// Whether its next line can say that it has sent, as the long server's does.
    may_say_that_it_sent: bool,
}

/// What has become of the stream of bytes to the other side.
#[derive(PartialEq, Eq)]
enum Stream {
    None,
    Open,
    Ended,
}

impl Order {
    pub fn new(server: &Endpoint, client: &Endpoint) -> Self {
        Self([server, client].map(Printed::new))
    }

    /// Takes the next line of a program of which no line waits, or its end.
    pub fn add(&mut self, side: Side, line: Option<String>) {
        let printed = &mut self.0[side as usize];
        printed.has_ended = line.is_none();
        printed.next = line;
    }

    /// Returns the next line of which all that led to it has been returned.
    ///
    /// Where both sides have one, a call that begins to wait comes first, since it began before
    /// what ends its waiting, and then the server's.
    pub fn next(&mut self) -> Option<Line> {
        let [server, client] = &mut self.0;
        let waits_first = client.begins_to_wait() && !server.begins_to_wait();
        if client.has_cause(server) && (waits_first || !server.has_cause(client)) {
            client.take()
        } else if server.has_cause(client) {
            server.take()
        } else {
            None
        }
    }

    /// Returns the next line in any case: where no line has a cause, none is going to be shown.
    pub fn next_in_any_case(&mut self) -> Option<Line> {
        self.next().or_else(|| self.0.iter_mut().find_map(Printed::take))
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|printed| printed.next.is_none())
    }

    /// Returns whether no line of a program waits, and more can come.
    pub fn wants(&self, side: Side) -> bool {
        let printed = &self.0[side as usize];
        printed.next.is_none() && !printed.has_ended
    }

    /// Returns whether all lines of a program have been shown.
    pub fn has_ended(&self, side: Side) -> bool {
        let printed = &self.0[side as usize];
        printed.next.is_none() && printed.has_ended
    }
}

impl Printed {
    fn new(endpoint: &Endpoint) -> Self {
        // A client in Python does not show that it sends its first message.
        let sends_unseen = endpoint.side == Side::Client && !endpoint.is_rust;
        Self {
            side: endpoint.side,
            shows_calls: endpoint.is_rust,
            next: None,
            has_ended: false,
            stream: Stream::None,
            sent: usize::from(sends_unseen),
            received: 0,
            may_say_that_it_sent: false,
        }
    }

    fn begins_to_wait(&self) -> bool {
        self.next.as_deref().is_some_and(begins_to_wait)
    }

    /// Returns whether a line waits whose cause the peer has shown, or is not going to show any more.
    fn has_cause(&self, peer: &Self) -> bool {
        let Some(line) = &self.next else {
            return false;
        };
        if peer.has_ended && peer.next.is_none() {
            return true;
        }
        match Meaning::of(line, self.shows_calls) {
            Meaning::Accepted => peer.stream != Stream::None || !peer.shows_calls,
            Meaning::Received => self.received < peer.sent && !peer.may_say_that_it_sent,
            Meaning::ReceivedTheEnd => peer.stream == Stream::Ended,
            _ => true,
        }
    }

    fn take(&mut self) -> Option<Line> {
        let text = self.next.take()?;
        let meaning = Meaning::of(&text, self.shows_calls);
        // Nothing goes over a broken connection any more, not even its end.
        let ends = meaning == Meaning::EndedTheStream && self.stream == Stream::Open;
        let crosses = ends || matches!(meaning, Meaning::Connected | Meaning::Sent);
        // A program in Python sends what is next as soon as it has received.
        let replies = meaning == Meaning::Received && !self.shows_calls;
        let has_sent = replies || meaning == Meaning::Sent;
        self.sent += usize::from(has_sent);
        self.may_say_that_it_sent = has_sent && self.side == Side::Server;
        match meaning {
            Meaning::Connected | Meaning::Accepted => self.stream = Stream::Open,
            Meaning::EndedTheStream | Meaning::Failed => self.stream = Stream::Ended,
            Meaning::Received => self.received += 1,
            _ => {}
        }
        let side = self.side;
        Some(Line { side, text, crosses })
    }
}
