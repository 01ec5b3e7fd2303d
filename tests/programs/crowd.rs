//! As many idle clients at once as the descriptors allow.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use harness::{LIMIT, Program, Server, poll};

/// At most so many: more client ports than this are not sure to be free.
const MOST: usize = 19_000;

/// How many clients the short server serves at once.
const SERVED_AT_ONCE: usize = 10_000;

#[test]
#[ignore = "it takes every descriptor: cargo test -- --ignored"]
fn every_client_of_a_huge_crowd_is_served() {
    let count = descriptor_limit().saturating_sub(200).min(MOST);
    let server = Server::of(Program::new("short-server").args(["127.0.0.1:0", "4096"]));
    let before = server.process.holds();
    let mut crowd: Vec<_> = (0..count).map(|_| Client::start_to_connect(server.address)).collect();
    let talking = count.min(SERVED_AT_ONCE);
    server.process.comes_to_hold(before.map(|count| count + talking));

    // In any order: those who stay silent can keep the others in the queue, or out of it.
    let are_served = poll(4 * LIMIT, || {
        crowd.retain_mut(|client| !client.is_served());
        crowd.is_empty().then_some(())
    });
    are_served.unwrap_or_else(|| panic!("{} are not served", crowd.len()));
    server.process.comes_to_hold(before);
}

/// A client that never waits.
struct Client {
    stream: TcpStream,
    has_spoken: bool,
    reply: Vec<u8>,
}

impl Client {
    /// Begins to connect; if the queue is full, the kernel tries again later.
    fn start_to_connect(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into()); // says that it is in progress
        Self { stream: socket.into(), has_spoken: false, reply: Vec::new() }
    }

    /// Says hello once it is connected, and returns whether the reply and the end have come.
    fn is_served(&mut self) -> bool {
        self.has_spoken = self.has_spoken || self.stream.write(b"hello").is_ok();
        let has_ended = self.has_spoken && self.stream.read_to_end(&mut self.reply).is_ok();
        assert!(!has_ended || self.reply == b"ACK!", "{:?}", self.reply);
        has_ended
    }
}

/// The soft limit of this process, which the server inherits.
fn descriptor_limit() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux tells the limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("a soft limit");
    soft.parse().unwrap_or(usize::MAX) // or "unlimited"
}
