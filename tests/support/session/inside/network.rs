//! What the kernel tells: its sockets, and the segments that travel between them.
//!
//! All of it in a network namespace of the recording's own, in which nobody else has sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::run;
use crate::run::sockets::{Entry, Timer};
use crate::session::recording::{self, Extra};

/// Returns the kernel's sockets. How much time a timer has left says nothing of what there is to see.
pub fn sockets() -> Vec<Entry> {
    let without_time = |entry: Entry| {
        let timer = entry.timer.map(|(timer, _)| (timer, Duration::ZERO));
        Entry { timer, ..entry }
    };
    run::sockets::sockets().into_iter().map(without_time).collect()
}

/// Returns whether nothing is under way between these sockets.
pub fn is_at_rest(sockets: &[Entry]) -> bool {
    // Only a full queue leaves a SYN unanswered.
    let clients_wait = sockets.iter().any(|it| it.state == "LISTEN" && it.unread > 0);
    sockets.iter().all(|socket| is_confirmed(socket, clients_wait))
}

/// Returns whether all that a socket sent is confirmed, or cannot be: the peer's queue is full.
fn is_confirmed(socket: &Entry, clients_wait: bool) -> bool {
    let timer = socket.timer.map(|(timer, _)| timer);
    match socket.state {
        "TIME_WAIT" => true,
        "SYN_SENT" => clients_wait,
        _ => {
            timer != Some(Timer::Retransmission)
                && (socket.sent == 0 || timer == Some(Timer::Probe))
        }
    }
}

/// The ports of the clients: the first of the first one's, and how many each has.
const FIRST_PORT: u16 = 40_000;
const PORTS_EACH: u16 = 100;

/// Has the kernel choose ports for this program: the first one free of so many.
pub fn choose_ports_for(program: usize, count: u16) -> io::Result<()> {
    let first = FIRST_PORT + PORTS_EACH * u16::try_from(program).unwrap_or(0);
    let last = first + count.clamp(2, PORTS_EACH) - 1;
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{first} {last}"))
}

/// Returns the program whose port it is. The server's is any that the kernel did not choose.
pub fn owner_of(port: u16, programs: usize) -> usize {
    let owner = usize::from(port.saturating_sub(FIRST_PORT) / PORTS_EACH);
    if owner < programs { owner } else { 0 }
}

/// All that travels.
pub struct Wire {
    socket: Socket,
    streams: BTreeMap<Direction, Stream>,
    /// SYNs that nothing has answered.
    unanswered: BTreeSet<Direction>,
    /// What has travelled since it was last taken.
    segments: Vec<Segment>,
}

/// From a port to a port.
type Direction = (u16, u16);

/// What has travelled in one direction.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    has_ended: bool,
}

pub struct Segment {
    from: u16,
    to: u16,
    flags: String,
    bytes: Vec<u8>,
    /// Whether it is a SYN that is sent again.
    is_again: bool,
}

impl Wire {
    pub fn open() -> io::Result<Self> {
        // A raw socket is given each segment that arrives, with its IP header: see raw(7).
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let (streams, unanswered, segments) = Default::default();
        Ok(Self { socket, streams, unanswered, segments })
    }

    /// Reads what has travelled, and returns how many segments have not been taken.
    pub fn read(&mut self) -> io::Result<usize> {
        let mut packet = vec![0; 1 << 16];
        loop {
            match (&self.socket).read(&mut packet) {
                Ok(count) => self.add(&packet[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(self.segments.len());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn add(&mut self, packet: &[u8]) {
        let Some(mut segment) = Segment::in_packet(packet) else {
            return;
        };
        let direction = (segment.from, segment.to);
        self.unanswered.remove(&(segment.to, segment.from));
        let stream = self.streams.entry(direction).or_default();
        if segment.flags.contains("SYN") {
            *stream = Stream::default();
        }
        if segment.flags == "SYN" {
            segment.is_again = !self.unanswered.insert(direction);
        }
        stream.bytes.extend(&segment.bytes);
        stream.has_ended |= segment.flags.contains("FIN");
        self.segments.push(segment);
    }

    /// Takes what has travelled.
    pub fn take(&mut self, programs: usize) -> Vec<recording::Segment> {
        self.segments.drain(..).map(|segment| segment.recorded(programs)).collect()
    }

    /// Returns the last bytes of what a port was sent by its peer, and whether the stream has ended.
    pub fn last_bytes(&self, socket: &Entry) -> (&[u8], bool) {
        let direction = (socket.peer.port(), socket.address.port());
        let Some(stream) = self.streams.get(&direction) else {
            return (&[], false);
        };
        // An end of the stream that is not read counts as one byte.
        let ends = stream.has_ended && socket.unread > 0;
        let unread = socket.unread - usize::from(ends);
        (&stream.bytes[stream.bytes.len().saturating_sub(unread)..], ends)
    }
}

impl Segment {
    /// Reads an IP packet: RFC 791, and the TCP segment in it: RFC 9293.
    fn in_packet(packet: &[u8]) -> Option<Self> {
        let words = |byte: u8| usize::from(byte) * 4;
        let tcp = packet.get(words(packet.first()? & 0xf)..)?;
        let port = |at| Some(u16::from_be_bytes([*tcp.get(at)?, *tcp.get(at + 1)?]));
        let bits = *tcp.get(13)?;
        let flags = [(2, "SYN"), (1, "FIN"), (4, "RST"), (16, "ACK")];
        let flags = flags.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name);
        Some(Self {
            from: port(0)?,
            to: port(2)?,
            flags: flags.collect::<Vec<_>>().join(" "),
            bytes: tcp.get(words(tcp.get(12)? >> 4)..)?.to_owned(),
            is_again: false,
        })
    }

    fn recorded(&self, programs: usize) -> recording::Segment {
        let [from, to] = [self.from, self.to].map(|port| owner_of(port, programs));
        let (text, length) = (beginning(&self.bytes), self.bytes.len());
        let extra = Extra { again: self.is_again, ..Extra::default() };
        recording::Segment(from, to, self.flags.clone(), text, length, extra)
    }
}

/// Returns bytes as text, no more of them than the first 32, as the programs show them.
pub fn beginning(bytes: &[u8]) -> String {
    const LIMIT: usize = 32;
    let shown =
        bytes.get(..LIMIT).map_or(bytes, |beginning| match std::str::from_utf8(beginning) {
            // No character is cut in two.
            Err(error) if error.error_len().is_none() => &beginning[..error.valid_up_to()],
            _ => beginning,
        });
    let more = if shown.len() < bytes.len() { "..." } else { "" };
    format!("{}{more}", common::printable(shown))
}
