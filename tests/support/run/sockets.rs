//! The kernel's TCP and UDP sockets, as Linux tells them: see `proc_net_tcp.txt`. Elsewhere there are none.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A socket in the kernel's table. Those that are not bound, or only bound, are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub address: SocketAddr,
    pub peer: SocketAddr,
    pub state: &'static str,
    /// Bytes that are not confirmed.
    pub sent: usize,
    /// Bytes that are not read, or clients that are not accepted.
    pub unread: usize,
    /// The timer that runs, and how much of its time is left.
    pub timer: Option<(Timer, Duration)>,
    /// 0 where no program has it.
    pub inode: u64,
}

/// What a timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    Retransmission,
    /// Keepalive, or the end of an orphan in `FIN_WAIT_2`.
    Keepalive,
    TimeWait,
    /// Of a full receive queue.
    Probe,
}

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

/// Returns the sockets of this process's network, over IPv4 and over IPv6.
pub fn sockets() -> Vec<Entry> {
    entries(["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"])
}

/// Returns the UDP sockets of this process's network.
pub fn udp_sockets() -> Vec<Entry> {
    entries(["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"])
}

fn entries(tables: [&str; 2]) -> Vec<Entry> {
    let tables = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1).filter_map(entry)).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |text| usize::from_str_radix(text, 16).ok();
    let pair = |at: usize| fields.get(at)?.split_once(':');
    let ((sent, unread), (timer, left)) = (pair(4)?, pair(5)?);
    let timers = [Timer::Retransmission, Timer::Keepalive, Timer::TimeWait, Timer::Probe];
    let timer = number(timer)?.checked_sub(1).and_then(|timer| timers.get(timer));
    let left = Duration::from_millis(10 * u64::from_str_radix(left, 16).ok()?);
    Some(Entry {
        address: address(pair(1)?)?,
        peer: address(pair(2)?)?,
        state: STATES.get(number(fields.get(3)?)?.checked_sub(1)?)?,
        sent: number(sent)?,
        unread: number(unread)?,
        timer: timer.map(|timer| (*timer, left)),
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// Reads an address: words of four bytes as this machine orders them, and the port.
fn address((address, port): (&str, &str)) -> Option<SocketAddr> {
    let words = address.as_bytes().chunks(8).map(|word| {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::from(bytes),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?),
    };
    Some(SocketAddr::new(address.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}
