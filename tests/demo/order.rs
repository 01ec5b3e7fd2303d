//! The order in which things happen.
//!
//! Two programs print at the same time, so the order in which their lines arrive is left to
//! chance: a client's `recv` can show a reply before the server has got round to showing its
//! `send`. But what is received was sent before, and who is accepted has connected before. So a
//! line that shows an effect waits here until the line with its cause has come.
//!
//! A program in Python shows no calls. What it prints proves less, but enough: a server has
//! received a message before it replies, and a client has printed a reply before it sends again.

use std::collections::VecDeque;

use crate::line::{Line, Meaning, begins_to_wait};
use crate::player::Side;

pub struct Order {
    server: Printed,
    client: Printed,
}

/// What one program has printed.
#[derive(Default)]
struct Printed {
    side: Side,
    /// Whether it shows its calls, as only the programs in Rust do.
    is_narrated: bool,
    /// Lines that are still to be shown.
    waiting: VecDeque<String>,
    /// Whether no more lines come.
    has_ended: bool,

    // What the lines shown so far have told.
    /// Connected sockets that have not sent the end of the stream.
    open: Vec<i64>,
    stream: Stream,
    bytes_sent: usize,
    bytes_received: usize,
    /// How often it has sent; a program in Python does not show it.
    sent: usize,
    received: usize,
    /// Whether its next line can say that it has sent, as the long server's does.
    may_say_that_it_sent: bool,
}

/// What has become of the stream of bytes to the other side.
#[derive(Default, PartialEq)]
enum Stream {
    #[default]
    None,
    Open,
    Ended,
}

impl Order {
    pub fn new(is_server_narrated: bool, is_client_narrated: bool) -> Self {
        Self {
            server: Printed::new(Side::Server, is_server_narrated),
            client: Printed::new(Side::Client, is_client_narrated),
        }
    }

    /// Takes a line as it arrives.
    pub fn add(&mut self, side: Side, line: String) {
        self.of(side).waiting.push_back(line);
    }

    /// Takes note that no more lines arrive.
    pub fn end(&mut self, side: Side) {
        self.of(side).has_ended = true;
    }

    /// Returns the next line of which all that led to it has been returned.
    ///
    /// Where both sides have one, a call that begins to wait comes first, since it began before
    /// what ends its waiting, and then the server's.
    pub fn next(&mut self) -> Option<Line> {
        let server = self.server.has_cause(&self.client);
        let client = self.client.has_cause(&self.server);
        if client && (!server || self.client.begins_to_wait() && !self.server.begins_to_wait()) {
            self.client.take()
        } else if server {
            self.server.take()
        } else {
            None
        }
    }

    /// Returns the next line in any case: its cause is not going to be shown.
    pub fn next_in_any_case(&mut self) -> Option<Line> {
        self.server.take().or_else(|| self.client.take())
    }

    pub fn is_empty(&self) -> bool {
        self.server.waiting.is_empty() && self.client.waiting.is_empty()
    }

    fn of(&mut self, side: Side) -> &mut Printed {
        match side {
            Side::Server => &mut self.server,
            Side::Client => &mut self.client,
        }
    }
}

impl Printed {
    fn new(side: Side, is_narrated: bool) -> Self {
        Self {
            side,
            is_narrated,
            ..Self::default()
        }
    }

    fn begins_to_wait(&self) -> bool {
        self.waiting
            .front()
            .is_some_and(|line| begins_to_wait(line))
    }

    /// Returns whether a line waits whose cause the peer has shown, or is not going to show any more.
    fn has_cause(&self, peer: &Self) -> bool {
        let Some(line) = self.waiting.front() else {
            return false;
        };
        if peer.has_ended && peer.waiting.is_empty() {
            return true;
        }
        match Meaning::of(line) {
            Some(Meaning::Accepted(_) | Meaning::SaysAccepted) => {
                peer.stream != Stream::None || !peer.is_narrated
            }
            Some(Meaning::Received(0)) => peer.stream == Stream::Ended,
            Some(Meaning::Received(bytes)) if peer.is_narrated => {
                self.bytes_received.saturating_add(bytes) <= peer.bytes_sent
                    && !peer.may_say_that_it_sent
            }
            Some(Meaning::Received(_)) => self.can_receive_from(peer),
            Some(Meaning::SaysReceived) if !self.is_narrated => self.can_receive_from(peer),
            _ => true,
        }
    }

    /// Returns whether the peer can have sent once more than has been received here.
    fn can_receive_from(&self, peer: &Self) -> bool {
        let sent = match peer.side {
            _ if peer.is_narrated => peer.sent,
            Side::Server => peer.received,
            Side::Client => peer.received + 1,
        };
        self.received < sent && !peer.may_say_that_it_sent
    }

    fn take(&mut self) -> Option<Line> {
        let text = self.waiting.pop_front()?;
        let mut crosses = false;
        self.may_say_that_it_sent = false;
        match Meaning::of(&text) {
            Some(Meaning::Connected(socket)) => {
                self.open.push(socket);
                self.stream = Stream::Open;
                crosses = true;
            }
            Some(Meaning::Accepted(socket)) => self.open.push(socket),
            Some(Meaning::Sent(bytes)) => {
                // Any program can print any number.
                self.bytes_sent = self.bytes_sent.saturating_add(bytes);
                self.sent += 1;
                self.may_say_that_it_sent = self.side == Side::Server;
                crosses = true;
            }
            Some(Meaning::Received(bytes)) => {
                self.bytes_received = self.bytes_received.saturating_add(bytes);
                self.received += 1;
            }
            Some(Meaning::SaysReceived) if !self.is_narrated => {
                self.received += 1;
                self.may_say_that_it_sent = self.side == Side::Server;
            }
            Some(Meaning::EndedTheStream(socket)) => {
                crosses = self.forget(socket);
                if crosses {
                    self.stream = Stream::Ended;
                }
            }
            // Nothing goes over a broken connection any more, not even its end.
            Some(Meaning::Failed(socket)) => drop(self.forget(socket)),
            Some(Meaning::SaysAccepted | Meaning::SaysReceived) | None => {}
        }
        let side = self.side;
        Some(Line {
            side,
            text,
            crosses,
        })
    }

    /// Returns whether the socket was connected, and could still send until now.
    fn forget(&mut self, socket: i64) -> bool {
        let position = self.open.iter().position(|open| *open == socket);
        position
            .map(|position| self.open.remove(position))
            .is_some()
    }
}
