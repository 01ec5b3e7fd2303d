//! As many idle clients at once as the descriptors allow.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::harness::{LIMIT, Peer, Program, Server};

/// At most so many: more client ports than this are not sure to be free.
const MOST: usize = 19_000;

/// How many clients the short server serves at once.
const SERVED_AT_ONCE: usize = 10_000;

#[test]
#[ignore = "it takes every descriptor: cargo test -- --ignored"]
fn every_client_of_a_huge_crowd_is_served() {
    let crowd = descriptor_limit().saturating_sub(200).min(MOST);
    let server = Server::of(Program::new("short-server").args(["127.0.0.1:0", "4096"]));
    let before = server.holds();
    let mut clients: Vec<_> = (0..crowd).map(|_| start_to_connect(server.address)).collect();
    let talking = crowd.min(SERVED_AT_ONCE);
    server.comes_to_hold(before.map(|count| count + talking));

    for client in &mut clients {
        client.send("hello").unwrap();
        client.send_no_more().unwrap();
        assert_eq!(client.rest().unwrap(), b"ACK!");
    }
    server.comes_to_hold(before);
}

/// Begins to connect, and does not wait until that is done: a client that finds the queue full tries
/// again.
fn start_to_connect(address: SocketAddr) -> Peer {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    let _ = socket.connect(&address.into()); // says that it is in progress
    Peer::of(socket.into(), LIMIT).unwrap()
}

/// The soft limit of this process, which the server inherits.
fn descriptor_limit() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux tells the limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("a soft limit");
    soft.parse().unwrap_or(usize::MAX) // or "unlimited"
}
