//! What is measured: each function does it once, and returns the figure.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use crate::servers::{Edition, memory};
use harness::{LIMIT, Peer, Program, Server};

/// Returns short exchanges a second, by so many clients at a time; `count` is for all of them.
pub fn short_exchanges(server: &Server, clients: usize, count: usize) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| (0..count / clients).for_each(|_| short_exchange(server.address)));
        }
    });
    per_second(count, begun)
}

fn short_exchange(address: SocketAddr) {
    let mut stream = connect(address);
    stream.write_all(b"i am TCP client").expect("the server takes it");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("the server closes");
    assert_eq!(reply, b"ACK!");
}

/// Returns round trips a second, by one client on one connection.
pub fn round_trips(server: &Server, count: usize) -> f64 {
    let mut stream = connect(server.address);
    let begun = Instant::now();
    let mut reply = [0; 4];
    for _ in 0..count {
        stream.write_all(b"TCP client connect").expect("the server takes it");
        stream.read_exact(&mut reply).expect("the server replies");
        assert_eq!(&reply, b"ACK!");
    }
    per_second(count, begun)
}

/// Returns the replies a second that the long client takes, from its connection on.
pub fn long_client(edition: Edition, count: usize) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    let mut command = edition.command("long-client");
    command.arg(address.to_string());
    if let Edition::Rust = edition {
        command.arg("TCP client connect").arg(count.to_string());
    }
    let client = Program::of(command).stdout(Stdio::null()).stderr(Stdio::null());
    let client = client.start();
    let peer = Peer::accept(&listener).expect("the client comes");
    let mut stream = peer.stream().expect("it is open");
    stream.set_read_timeout(Some(LIMIT)).expect("the limit is not zero");
    let begun = Instant::now();
    let mut message = [0; 18];
    for _ in 0..count {
        stream.read_exact(&mut message).expect("the client sends");
        assert_eq!(&message, b"TCP client connect");
        stream.write_all(b"ACK!").expect("the client takes it");
    }
    let rate = per_second(count, begun);
    drop(peer); // the twin, which takes no COUNT, ends of this
    client.finish();
    rate
}

/// Returns the milliseconds that a short client takes from its start to its exit.
pub fn short_client(edition: Edition, server: &Server, count: usize) -> f64 {
    let begun = Instant::now();
    for _ in 0..count {
        let mut command = edition.plain_command("short-client");
        let output = command.arg(server.address.to_string()).output();
        assert_eq!(output.expect("the client can be started").stdout, b"ACK!\n");
    }
    begun.elapsed().as_secs_f64() * 1000.0 / as_float(count)
}

/// Returns the bytes of memory that each of `count` connected, silent clients takes.
pub fn memory_of_waiting_clients(server: &Server, count: usize) -> Option<f64> {
    short_exchange(server.address);
    let before = memory(server)?;
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(connect(server.address));
        // Whoever came before is accepted before, so that nobody finds the queue full.
        short_exchange(server.address);
    }
    let after = memory(server)?;
    for client in &mut clients {
        client.write_all(b"at last").expect("the server takes it");
        let mut reply = [0; 4];
        client.read_exact(&mut reply).expect("the server replies");
        assert_eq!(&reply, b"ACK!");
    }
    Some((after - before) / as_float(count))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, LIMIT).expect("the server is reached");
    stream.set_read_timeout(Some(LIMIT)).expect("the limit is not zero");
    stream
}

fn per_second(count: usize, begun: Instant) -> f64 {
    as_float(count) / begun.elapsed().as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "no figure here needs more than 52 bits")]
fn as_float(count: usize) -> f64 {
    count as f64
}
