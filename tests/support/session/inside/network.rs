//! What the kernel tells: its sockets, and the segments that travel between them.
//!
//! All of it in a network namespace of the recording's own, in which nobody else has sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind, Read};

use socket2::{Domain, Protocol, Socket, Type};

use crate::session::recording::{self, Extra};

/// The names of the states, from 1 up: `tcp_states.h` of Linux.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];

/// One row of `/proc/net/tcp`: see `proc_net_tcp.txt` of Linux.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub port: u16,
    pub peer: u16,
    pub state: &'static str,
    /// Bytes that are not confirmed.
    sent: usize,
    /// Bytes that are not read, or clients that are not accepted.
    pub unread: usize,
    /// Which timer runs.
    timer: u8,
    /// 0 where no program has it.
    pub inode: u64,
}

impl Row {
    /// Returns whether all that it sent is confirmed, or cannot be: the peer's queue is full.
    fn is_confirmed(&self, clients_wait: bool) -> bool {
        const RETRANSMISSION: u8 = 1;
        const PROBE_OF_A_FULL_QUEUE: u8 = 4;
        match self.state {
            "TIME_WAIT" => true,
            "SYN_SENT" => clients_wait,
            _ => {
                self.timer != RETRANSMISSION
                    && (self.sent == 0 || self.timer == PROBE_OF_A_FULL_QUEUE)
            }
        }
    }
}

/// Returns the kernel's TCP sockets over IPv4, except for those that are not bound, or only bound.
pub fn sockets() -> io::Result<Vec<Row>> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    Ok(table.lines().skip(1).filter_map(row).collect())
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let port = |field: &str| u16::from_str_radix(field.split_once(':')?.1, 16).ok();
    let number = |text| usize::from_str_radix(text, 16).ok();
    let (sent, unread) = fields.get(4)?.split_once(':')?;
    let (timer, _) = fields.get(5)?.split_once(':')?;
    Some(Row {
        port: port(fields.get(1)?)?,
        peer: port(fields.get(2)?)?,
        state: STATES.get(number(fields.get(3)?)?.checked_sub(1)?)?,
        sent: number(sent)?,
        unread: number(unread)?,
        timer: timer.parse().ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// Returns whether nothing is under way between these sockets.
pub fn is_at_rest(rows: &[Row]) -> bool {
    // Only a full queue leaves a SYN unanswered.
    let clients_wait = rows.iter().any(|row| row.state == "LISTEN" && row.unread > 0);
    rows.iter().all(|row| row.is_confirmed(clients_wait))
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
    pub fn last_bytes(&self, row: &Row) -> (&[u8], bool) {
        let Some(stream) = self.streams.get(&(row.peer, row.port)) else {
            return (&[], false);
        };
        // An end of the stream that is not read counts as one byte.
        let ends = stream.has_ended && row.unread > 0;
        let unread = row.unread - usize::from(ends);
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
