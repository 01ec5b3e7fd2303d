//! The order in which things happen.
//!
//! Two programs print at the same time, so the order in which their lines arrive is left to
//! chance: a client's `recv` can show a reply before the server has got round to showing its
//! `send`. But what is received was sent before, and who is accepted has connected before. So a
//! line that shows an effect waits here until the line with its cause has come.

use std::collections::VecDeque;

use crate::player::Side;

pub struct Order {
    server: Printed,
    client: Printed,
}

/// What one program has printed.
#[derive(Default)]
struct Printed {
    /// Whether it shows its calls, as only the programs in Rust do.
    has_narration: bool,
    /// Lines that are still to be shown.
    waiting: VecDeque<String>,
    /// What the lines shown so far have told.
    has_connected: bool,
    has_ended_the_stream: bool,
    bytes_sent: usize,
    bytes_received: usize,
    messages: usize,
    replies: usize,
}

impl Order {
    pub fn new(server_has_narration: bool, client_has_narration: bool) -> Self {
        let printed = |has_narration| Printed {
            has_narration,
            ..Printed::default()
        };
        Self {
            server: printed(server_has_narration),
            client: printed(client_has_narration),
        }
    }

    /// Takes a line as it arrives.
    pub fn add(&mut self, side: Side, line: String) {
        let printed = match side {
            Side::Server => &mut self.server,
            Side::Client => &mut self.client,
        };
        printed.waiting.push_back(line);
    }

    /// Gives the next line of which all that led to it has been given.
    pub fn next(&mut self) -> Option<(Side, String)> {
        let line = self
            .server
            .take_if_caused_by(&self.client)
            .map(|line| (Side::Server, line));
        line.or_else(|| {
            self.client
                .take_if_caused_by(&self.server)
                .map(|line| (Side::Client, line))
        })
    }

    /// Gives the next line in any case: its cause is not going to be shown.
    pub fn next_in_any_case(&mut self) -> Option<(Side, String)> {
        let line = self.server.take().map(|line| (Side::Server, line));
        line.or_else(|| self.client.take().map(|line| (Side::Client, line)))
    }

    pub fn is_empty(&self) -> bool {
        self.server.waiting.is_empty() && self.client.waiting.is_empty()
    }
}

impl Printed {
    fn take_if_caused_by(&mut self, peer: &Self) -> Option<String> {
        let has_cause = match Event::of(self.waiting.front()?) {
            Some(Event::Reply) => self.replies < peer.messages,
            _ if !peer.has_narration => true,
            Some(Event::Accepted) => peer.has_connected,
            Some(Event::Received(0)) => peer.has_ended_the_stream,
            Some(Event::Received(bytes)) => self.bytes_received + bytes <= peer.bytes_sent,
            _ => true,
        };
        if has_cause { self.take() } else { None }
    }

    fn take(&mut self) -> Option<String> {
        let line = self.waiting.pop_front()?;
        match Event::of(&line) {
            Some(Event::Connected) => self.has_connected = true,
            Some(Event::EndedTheStream) => self.has_ended_the_stream = true,
            Some(Event::Sent(bytes)) => self.bytes_sent += bytes,
            Some(Event::Received(bytes)) => self.bytes_received += bytes,
            Some(Event::Message) => self.messages += 1,
            Some(Event::Reply) => self.replies += 1,
            Some(Event::Accepted) | None => {}
        }
        Some(line)
    }
}

/// What a line tells that is a cause or an effect of what the other program does.
enum Event {
    Connected,
    Accepted,
    Sent(usize),
    Received(usize),
    EndedTheStream,
    /// The server has shown what it received.
    Message,
    /// The client has shown what it received.
    Reply,
}

impl Event {
    fn of(line: &str) -> Option<Self> {
        if line.starts_with("[*] Received:") {
            return Some(Self::Message);
        }
        if line.starts_with("ACK!") {
            return Some(Self::Reply);
        }
        let call = line.strip_prefix("[.] ")?;
        let (name, _) = call.split_once('(')?;
        let number = |result: &str| result.split(' ').next()?.parse().ok();
        match name {
            "connect" => call.ends_with(" = 0").then_some(Self::Connected),
            "accept" => call.contains(" from ").then_some(Self::Accepted),
            "send" => number(call.rsplit_once(" = ")?.1).map(Self::Sent),
            "recv" => number(call.split_once(" = ")?.1).map(Self::Received),
            "shutdown" | "close" => Some(Self::EndedTheStream),
            _ => None,
        }
    }
}
