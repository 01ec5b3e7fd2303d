//! What is measured: each function does it once, and returns the figure.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::servers::{self, memory};
use support::run::{Edition, Peer, Server, listening_socket};

/// Returns short exchanges a second, by so many clients at a time; `count` is for all of them.
pub fn short_exchanges(server: &Server, clients: usize, count: usize) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| (0..count / clients).for_each(|_| short_exchange(server)));
        }
    });
    per_second(count, begun)
}

fn short_exchange(server: &Server) {
    let client = server.client();
    ask(&client, "i am TCP client");
    client.expect_end().expect("the server closes");
}

fn ask(client: &Peer, message: &str) {
    client.send(message).expect("the server takes it");
    client.expect("ACK!").expect("the server replies");
}

/// Returns round trips a second, by one client on one connection.
pub fn round_trips(server: &Server, count: usize) -> f64 {
    let client = server.client();
    let begun = Instant::now();
    (0..count).for_each(|_| ask(&client, "TCP client connect"));
    per_second(count, begun)
}

/// Returns the replies a second that the long client takes, from its connection on.
pub fn long_client(edition: Edition, count: usize) -> f64 {
    let (listener, address) = listening_socket();
    let mut client = servers::line_by_line(edition, "long-client").args(&[&address]);
    if let Edition::Rust = edition {
        client = client.args(&["TCP client connect", &count.to_string()]);
    }
    let client = client.program().stdout(Stdio::null()).stderr(Stdio::null()).start();
    let server = Peer::accept(&listener).expect("the client comes");
    let begun = Instant::now();
    for _ in 0..count {
        server.expect("TCP client connect").expect("the client sends");
        server.send("ACK!").expect("the client takes it");
    }
    let rate = per_second(count, begun);
    drop(server); // the twin, which takes no COUNT, ends of this
    client.finish();
    rate
}

/// Returns the milliseconds that a short client takes from its start to its exit.
pub fn short_client(edition: Edition, server: &Server, count: usize) -> f64 {
    let words =
        servers::invocation(edition, "short-client").args(&[&server.address.to_string()]).command;
    let mut client = Command::new(&words[0]);
    client.args(&words[1..]).env_remove("RUST_LOG").env_remove("STEP");
    let begun = Instant::now();
    for _ in 0..count {
        let output = client.output().expect("the client can be started");
        assert_eq!(output.stdout, b"ACK!\n");
    }
    begun.elapsed().as_secs_f64() * 1000.0 / as_float(count)
}

/// Returns the bytes of memory that each of `count` connected, silent clients takes.
pub fn memory_of_waiting_clients(server: &Server, count: usize) -> Option<f64> {
    short_exchange(server);
    let before = memory(server)?;
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(server.client());
        // Whoever came before is accepted before, so that nobody finds the queue full.
        short_exchange(server);
    }
    let after = memory(server)?;
    for client in &clients {
        ask(client, "at last");
    }
    Some((after - before) / as_float(count))
}

fn per_second(count: usize, begun: Instant) -> f64 {
    as_float(count) / begun.elapsed().as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "no figure here needs more than 52 bits")]
fn as_float(count: usize) -> f64 {
    count as f64
}
