//! The segments that travel between the sockets: RFC 9293.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read};
use std::mem;
use std::net::IpAddr;
use std::time::Instant;

use socket2::{Domain, Protocol, Socket, Type};

use super::carry::Cable;
use super::machines::{ADDRESSES, machine_of};
use super::table;
use crate::run::{self, sockets::Entry};
use crate::session::recording::{self, Extra, Held};

/// How many bytes of a stream are kept, at least: more than a receive queue holds.
const KEPT: usize = 8 * 1024 * 1024;

/// All that travels.
#[derive(Default)]
pub struct Wire {
    /// On one machine: of IPv4 and, where there is that, of IPv6.
    sockets: Vec<(Domain, Socket)>,
    /// On two.
    cable: Option<Cable>,
    streams: BTreeMap<Direction, Stream>,
    /// Those that have begun a connection, and not answered one.
    begun: BTreeSet<Direction>,
    /// What has travelled since it was last taken.
    segments: Vec<Packet>,
    /// Whether its numbers are shown.
    has_numbers: bool,
}

/// From a port to a port.
pub type Direction = (u16, u16);

#[expect(clippy::struct_excessive_bools, reason = "several can be so at once")]
/// What has travelled in one direction. All numbers count from its first byte.
#[derive(Default)]
struct Stream {
    /// The sequence number of the first byte.
    first: u32,
    /// The last bytes, and the number of the first of these.
    bytes: Vec<u8>,
    begin: usize,
    /// Behind all that has been sent, all that has arrived without a gap, all that the receiver has confirmed,
    /// and what the sender knows of that. An end of the stream counts as one.
    sent: usize,
    arrived: usize,
    confirmed: usize,
    known: usize,
    /// What has arrived behind a gap: from where to where.
    ahead: BTreeMap<usize, usize>,
    /// Whether a reset has arrived, in this direction or in the other.
    is_over: bool,
    has_ended: bool,
    /// Whether some of it has not been seen: then no byte is told.
    has_gap: bool,
    /// Whether a probe has arrived that has not been answered.
    is_probed: bool,
    /// When the receiver has heard of it last; a probe and what has arrived before tell it nothing.
    heard: Option<Instant>,
    /// How much more its own sender takes in the other direction, as it has said last, and how many times
    /// two of the number that a segment has that is.
    window: u32,
    scale: u8,
}

pub struct Packet {
    /// Whose machine has sent it, where there are two.
    machine: Option<usize>,
    from: u16,
    to: u16,
    sequence: u32,
    confirms: u32,
    window: u32,
    /// What it says of its sender's windows, where it is a SYN.
    scale: u8,
    flags: String,
    bytes: Vec<u8>,
    pub(super) extra: Extra,
}

impl Wire {
    pub fn open() -> io::Result<Self> {
        // A raw socket is given each segment that arrives, with its IP header if that is IPv4: raw(7).
        let open = |domain| {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::TCP))?;
            socket.set_nonblocking(true)?;
            // What is not read in time is lost: there is room for much.
            let _ = socket.set_recv_buffer_size(KEPT);
            Ok((domain, socket))
        };
        let sockets: io::Result<_> = open(Domain::IPV4);
        let sockets = [sockets?].into_iter().chain(open(Domain::IPV6).ok()).collect();
        Ok(Self { sockets, ..Self::default() })
    }

    /// The wire between two machines, whose sockets may have small queues.
    pub fn between_machines(small_queues: bool) -> io::Result<Self> {
        let cable = Some(Cable::new(small_queues)?);
        Ok(Self { cable, has_numbers: true, ..Self::default() })
    }

    /// Lets the cable do something with this wire.
    pub fn with_cable(
        &mut self,
        act: impl FnOnce(&mut Cable, &mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(mut cable) = mem::take(&mut self.cable) else {
            return Ok(());
        };
        let result = act(&mut cable, self);
        self.cable = Some(cable);
        result
    }

    /// Does something on the machine of a program, where it has one.
    pub fn on_machine_of(
        &self,
        who: usize,
        act: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match &self.cable {
            Some(cable) => cable.machines[machine_of(who)].inside(act),
            None => act(),
        }
    }

    /// Returns the sockets of all machines.
    pub fn sockets(&self) -> io::Result<Vec<Entry>> {
        let Some(cable) = &self.cable else {
            return Ok(run::sockets::sockets());
        };
        let [server, clients] = &cable.machines;
        let mut sockets = server.inside(|| Ok(run::sockets::sockets()))?;
        sockets.extend(clients.inside(|| Ok(run::sockets::sockets()))?);
        Ok(sockets)
    }

    /// Returns whether this is the server's address, where it has a machine of its own.
    pub fn is_of_server(&self, address: IpAddr) -> bool {
        self.cable.is_some() && address == ADDRESSES[0]
    }

    /// Returns whether nothing is under way between these sockets. What is held or lost is not.
    pub fn is_at_rest(&self, sockets: &[Entry]) -> bool {
        if self.cable.is_none() {
            return table::is_at_rest(sockets);
        }
        self.streams.values().all(|stream| stream.is_over || stream.arrived <= stream.confirmed)
    }

    /// Returns whether a reset has travelled between two machines since what has travelled was last taken.
    pub fn has_carried_a_reset(&self) -> bool {
        let mut segments = self.segments.iter();
        self.cable.is_some() && segments.any(|segment| segment.flags.contains("RST"))
    }

    /// Says whether whatever is sent again is let through.
    pub fn follow_the_clock(&mut self, follows: bool) {
        if let Some(cable) = &mut self.cable {
            cable.follows_the_clock = follows;
        }
    }

    /// Returns whether a program's machine is still to send something again.
    pub fn is_to_repeat(&self, who: usize) -> bool {
        self.cable.as_ref().is_some_and(|cable| cable.is_to_repeat(who))
    }

    /// Reads what has travelled, and returns how many segments have not been taken.
    /// Between two machines it travels only where it is to be carried.
    pub fn read(&mut self, is_to_be_carried: bool) -> io::Result<usize> {
        if is_to_be_carried {
            self.with_cable(Cable::carry)?;
        }
        let mut packet = vec![0; 1 << 16];
        let mut segments = Vec::new();
        for (domain, socket) in &self.sockets {
            let mut socket = socket;
            loop {
                match socket.read(&mut packet) {
                    Ok(count) => segments.extend(Packet::read(*domain, &packet[..count])),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        for segment in segments {
            self.add(segment);
        }
        Ok(self.segments.len())
    }

    /// Notes what is sent.
    pub fn add(&mut self, mut segment: Packet) {
        let has = |flag| segment.flags.contains(flag);
        let (direction, back) = (segment.direction(), segment.back());
        let (begins, ends) = (has("SYN"), has("FIN"));

        let (mut confirms_more, mut answers_a_probe) = (false, false);
        if let Some(other) = self.streams.get_mut(&back).filter(|_| has("ACK")) {
            let confirmed = other.place(segment.confirms).unwrap_or(0);
            confirms_more = confirmed > other.confirmed;
            answers_a_probe = segment.is_bare() && other.is_probed && !confirms_more;
            other.is_probed &= !segment.is_bare();
            other.confirmed = other.confirmed.max(confirmed);
        }
        let stream = self.streams.entry(direction).or_default();
        let first = segment.sequence.wrapping_add(1);
        if begins && stream.first != first {
            *stream = Stream { first, scale: segment.scale, ..Stream::default() };
            if segment.flags == "SYN" {
                self.begun.insert(direction);
            } else {
                self.begun.remove(&direction);
            }
        } else if begins {
            segment.extra.again = true;
        }
        let place = stream.place(segment.sequence);
        // What confirms more or opens the window is not only a probe, or the answer to one.
        let opens = stream.window == 0 && segment.window > 0;
        segment.extra.probe = !confirms_more && stream.is_probe(&segment);
        segment.extra.answer = answers_a_probe && !opens && !segment.extra.probe;
        if !(segment.extra.lost || segment.extra.held) {
            stream.hear(&segment);
        }
        let length = segment.length();
        if let Some(place) = place.filter(|_| length > 0) {
            segment.extra.again |= place + length <= stream.sent;
            stream.has_gap |= place > stream.sent;
            stream.add(place, &segment.bytes);
            stream.sent = stream.sent.max(place + length);
        }
        stream.has_ended |= ends;
        stream.window = segment.window << if begins { 0 } else { stream.scale };
        self.show(segment);
    }

    /// Notes what has arrived.
    pub fn arrive(&mut self, segment: &Packet) {
        let is_reset = segment.flags.contains("RST");
        if let Some(other) = self.streams.get_mut(&segment.back()) {
            let known = other.place(segment.confirms).unwrap_or(0);
            other.known = other.known.max(known.min(other.confirmed));
            other.is_over |= is_reset;
        }
        let Some(stream) = self.streams.get_mut(&segment.direction()) else {
            return;
        };
        stream.is_over |= is_reset;
        stream.hear(segment);
        if let Some(place) = stream.place(segment.sequence).filter(|_| segment.length() > 0) {
            stream.ahead.insert(place, place + segment.length());
        }
        while let Some((place, end)) = stream.ahead.pop_first() {
            if place > stream.arrived {
                stream.ahead.insert(place, end);
                break;
            }
            stream.arrived = stream.arrived.max(end);
        }
    }

    /// Returns whether nothing in a segment is sent for the first time, or it is a probe.
    pub fn is_again(&self, segment: &Packet) -> bool {
        let Some(stream) = self.streams.get(&segment.direction()) else {
            return false;
        };
        if segment.flags.contains("SYN") {
            return stream.first == segment.sequence.wrapping_add(1);
        }
        let place = stream.place(segment.sequence);
        !segment.flags.contains("RST") && place.is_none_or(|place| place < stream.sent)
    }

    /// Returns whether a segment only asks whether its receiver is there, or takes more by now.
    pub fn is_probe(&self, segment: &Packet) -> bool {
        self.streams.get(&segment.direction()).is_some_and(|stream| stream.is_probe(segment))
    }

    /// Returns when a port has last heard of its peer.
    pub fn heard(&self, (port, peer): Direction) -> Option<Instant> {
        self.streams.get(&(peer, port))?.heard
    }

    /// Returns whether a segment's sender does not know that it has arrived.
    pub fn is_unknown(&self, segment: &Packet) -> bool {
        let stream = self.streams.get(&segment.direction());
        stream.is_none_or(|stream| {
            let end = stream.place(segment.sequence).map(|place| place + segment.length());
            end.is_none_or(|end| end > stream.known)
        })
    }

    /// Shows a segment.
    pub fn show(&mut self, mut segment: Packet) {
        let stream = self.streams.get(&segment.direction());
        let arrives = !(segment.extra.lost || segment.extra.held);
        segment.extra.known = arrives && stream.is_some_and(|it| it.has_arrived(&segment));
        let segment = self.with_numbers(segment);
        self.segments.push(segment);
    }

    /// Adds a segment's numbers, between two machines. They count from the SYN of their direction.
    fn with_numbers(&self, mut segment: Packet) -> Packet {
        if self.has_numbers {
            let [stream, other] =
                [segment.direction(), segment.back()].map(|it| self.streams.get(&it));
            let from_syn = |number: u32, stream: Option<&Stream>| {
                stream.map(|stream| number.wrapping_sub(stream.first).wrapping_add(1))
            };
            let (confirms, has_ack) = (segment.confirms, segment.flags.contains("ACK"));
            segment.extra.seq = from_syn(segment.sequence, stream);
            segment.extra.ack = from_syn(confirms, other).filter(|_| has_ack);
            segment.extra.win = stream.map(|stream| stream.window);
        }
        segment
    }

    /// Takes what has travelled; the function tells whose a socket is, by its port, its peer's, and
    /// whether it has begun the connection.
    pub fn take(&mut self, owner: impl Fn(Direction, bool) -> usize) -> Vec<recording::Segment> {
        let segments = without_doubled_acks(mem::take(&mut self.segments), self.cable.is_none());
        segments.into_iter().map(|segment| self.recorded(segment, &owner)).collect()
    }

    /// Returns what becomes of what travels to the server, and to its clients, where not all of it simply
    /// arrives; the function tells the same as that of [`Wire::take`].
    pub fn ways(&self, owner: impl Fn(Direction, bool) -> usize) -> Vec<recording::Way> {
        let Some(cable) = &self.cable else {
            return Vec::new();
        };
        let ways = [1, 0].map(|from| {
            let held = cable.held(from).filter_map(|(number, copies, packet)| {
                let segment = self.with_numbers(Packet::in_packet(packet, from)?);
                Some(Held { number, copies, segment: self.recorded(segment, &owner) })
            });
            recording::Way { fate: cable.fate(from), held: held.collect() }
        });
        if ways == <[recording::Way; 2]>::default() { Vec::new() } else { ways.into() }
    }

    fn recorded(
        &self,
        segment: Packet,
        owner: &impl Fn(Direction, bool) -> usize,
    ) -> recording::Segment {
        let owner_of = |ports| owner(ports, self.is_first(ports));
        let (from, to) = match segment.machine {
            Some(0) => (0, owner_of(segment.back())),
            Some(_) => (owner_of(segment.direction()), 0),
            None => (owner_of(segment.direction()), owner_of(segment.back())),
        };
        let (text, length) = (beginning(&segment.bytes), segment.bytes.len());
        recording::Segment(from, to, segment.flags, text, length, segment.extra)
    }

    /// Returns whether all has come to a port that its peer sends, and the end of the stream.
    pub fn has_ended(&self, (port, peer): Direction) -> bool {
        let stream = self.streams.get(&(peer, port));
        stream.is_some_and(|stream| stream.has_ended && stream.confirmed >= stream.sent)
    }

    /// Returns whether a port has sent the end of its stream, which may not have arrived.
    pub fn has_sent_its_end(&self, direction: Direction) -> bool {
        self.streams.get(&direction).is_some_and(|stream| stream.has_ended)
    }

    /// Returns how many bytes have come to a port, and how they begin.
    pub fn arrived(&self, (port, peer): Direction) -> (usize, String) {
        let Some(stream) = self.streams.get(&(peer, port)) else {
            return (0, String::new());
        };
        let all = if self.cable.is_some() { stream.arrived } else { stream.sent };
        let count = all - usize::from(stream.has_ended && all > 0);
        (count, beginning(stream.between(0, count)))
    }

    /// Returns how the last bytes begin that have come to a port: so many it has not read.
    pub fn unread(&self, (port, peer): Direction, count: usize) -> String {
        let Some(stream) = self.streams.get(&(peer, port)) else {
            return String::new();
        };
        let end = stream.confirmed - usize::from(self.has_ended((port, peer)));
        beginning(stream.between(end.saturating_sub(count), end))
    }

    /// Returns how the bytes begin that a port has sent, as far as they have travelled, and its peer
    /// has not confirmed.
    pub fn unconfirmed(&self, direction: Direction) -> String {
        let stream = self.streams.get(&direction);
        let known = |it: &Stream| if self.cable.is_some() { it.known } else { it.confirmed };
        stream.map_or_else(String::new, |it| beginning(it.between(known(it), it.sent)))
    }

    /// Returns whether a port has said that its receive queue takes no more.
    pub fn is_full(&self, direction: Direction) -> bool {
        self.streams.get(&direction).is_some_and(|stream| stream.window == 0)
    }

    /// Returns whether a port has begun a connection, and not answered one.
    pub fn is_first(&self, direction: Direction) -> bool {
        self.begun.contains(&direction)
    }
}

impl Stream {
    /// Returns where a sequence number is, from the first byte on; `None` before that.
    fn place(&self, sequence: u32) -> Option<usize> {
        // Numbers begin anew after four gigabytes: what is near to what has been sent counts.
        let base = self.first.wrapping_add(u32::try_from(self.sent % (1 << 32)).ok()?);
        let ahead = sequence.wrapping_sub(base);
        if ahead < 1 << 31 {
            self.sent.checked_add(ahead.try_into().ok()?)
        } else {
            self.sent.checked_sub(base.wrapping_sub(sequence).try_into().ok()?)
        }
    }

    /// Returns whether a segment carries nothing, and has a number that has been confirmed.
    fn is_probe(&self, segment: &Packet) -> bool {
        let place = self.place(segment.sequence);
        segment.is_bare() && place.is_none_or(|place| place < self.confirmed)
    }

    /// Returns whether all that a segment carries has arrived.
    fn has_arrived(&self, segment: &Packet) -> bool {
        let place = self.place(segment.sequence);
        segment.length() > 0 && place.is_some_and(|it| it + segment.length() <= self.arrived)
    }

    /// Notes that a segment arrives.
    fn hear(&mut self, segment: &Packet) {
        let is_probe = self.is_probe(segment);
        self.is_probed |= is_probe;
        if !is_probe && !self.has_arrived(segment) {
            self.heard = Some(Instant::now());
        }
    }

    fn add(&mut self, place: usize, bytes: &[u8]) {
        let Some(at) = place.checked_sub(self.begin).filter(|_| !bytes.is_empty()) else {
            return;
        };
        if self.bytes.len() < at + bytes.len() {
            self.bytes.resize(at + bytes.len(), 0);
        }
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        if self.bytes.len() > 2 * KEPT {
            let old = self.bytes.len() - KEPT;
            self.bytes.drain(..old);
            self.begin += old;
        }
    }

    fn between(&self, begin: usize, end: usize) -> &[u8] {
        if self.has_gap {
            return &[];
        }
        let [begin, end] =
            [begin, end].map(|at| at.saturating_sub(self.begin).min(self.bytes.len()));
        &self.bytes[begin..end]
    }
}

impl Packet {
    /// Reads a packet of TCP over IPv4 that a machine has sent.
    pub fn in_packet(packet: &[u8], machine: usize) -> Option<Self> {
        const TCP: u8 = 6;
        let is_one = packet.first()? >> 4 == 4 && *packet.get(9)? == TCP;
        let read = is_one.then(|| Self::read(Domain::IPV4, packet)).flatten()?;
        Some(Self { machine: Some(machine), ..read })
    }

    pub fn direction(&self) -> Direction {
        (self.from, self.to)
    }

    pub fn back(&self) -> Direction {
        (self.to, self.from)
    }

    /// Returns whether it is more than a bare ACK or a reset: it is sent again until it is confirmed.
    pub fn counts(&self) -> bool {
        self.length() > 0 || self.flags.contains("SYN")
    }

    fn is_bare(&self) -> bool {
        self.length() == 0 && self.flags == "ACK"
    }

    /// Returns whether a segment is a copy of this one, sent again.
    pub fn is_copy(&self, other: &Self) -> bool {
        let confirms = |it: &Self| if it.counts() { 0 } else { it.confirms };
        let key = |it: &Self| (it.direction(), it.sequence, it.length(), confirms(it));
        key(self) == key(other) && self.flags == other.flags
    }

    /// Returns how much it carries; an end of the stream counts as one.
    fn length(&self) -> usize {
        self.bytes.len() + usize::from(self.flags.contains("FIN"))
    }

    fn read(domain: Domain, packet: &[u8]) -> Option<Self> {
        let words = |byte: u8| usize::from(byte) * 4;
        let header = if domain == Domain::IPV4 { words(packet.first()? & 0xf) } else { 0 };
        let tcp = packet.get(header..)?;
        let short = |at| Some(u16::from_be_bytes([*tcp.get(at)?, *tcp.get(at + 1)?]));
        let long = |at| Some(u32::from(short(at)?) << 16 | u32::from(short(at + 2)?));
        let bits = *tcp.get(13)?;
        let flags = [(2, "SYN"), (1, "FIN"), (4, "RST"), (16, "ACK")];
        let flags = flags.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name);
        Some(Self {
            machine: None,
            from: short(0)?,
            to: short(2)?,
            sequence: long(4)?,
            confirms: long(8)?,
            window: short(14)?.into(),
            scale: scale_in(tcp.get(20..words(tcp.get(12)? >> 4)).unwrap_or_default()),
            flags: flags.collect::<Vec<_>>().join(" "),
            bytes: tcp.get(words(tcp.get(12)? >> 4)..)?.to_owned(),
            extra: Extra::default(),
        })
    }
}

/// Returns the scale of the windows that a SYN's options have: RFC 7323.
fn scale_in(options: &[u8]) -> u8 {
    const SCALE: u8 = 3;
    const NOTHING: u8 = 1;
    match options {
        [SCALE, _, scale, ..] => *scale,
        [NOTHING, rest @ ..] => scale_in(rest),
        [_, length, ..] if *length > 1 => {
            scale_in(options.get(usize::from(*length)..).unwrap_or_default())
        }
        _ => 0,
    }
}

/// Leaves out each bare ACK where the next one in this direction confirms as much: how many there are is
/// left to the clock. So is what is sent again between them, on one machine.
fn without_doubled_acks(segments: Vec<Packet>, is_one_machine: bool) -> Vec<Packet> {
    let mut kept: Vec<Packet> = Vec::new();
    for segment in segments {
        let is_bare = |it: &Packet| {
            let Extra { again, lost, held, late, probe, answer, .. } = it.extra;
            it.is_bare() && !(again || lost || held || late || probe || answer)
        };
        let is_alike = |it: &Packet| is_bare(it) && it.direction() == segment.direction();
        let is_by_clock =
            |it: &Packet| is_one_machine && (it.extra.again || it.extra.probe || it.extra.answer);
        let last = kept.iter().rposition(|it| !is_by_clock(it));
        if let Some(last) = last.filter(|last| is_bare(&segment) && is_alike(&kept[*last])) {
            kept.remove(last);
        }
        kept.push(segment);
    }
    kept
}

/// Returns bytes as text, no more of them than the first 32, as the programs show them.
fn beginning(bytes: &[u8]) -> String {
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
