//! Clients that behave badly, many at once, and signals: the servers serve on, and leak nothing.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use common::printable;
use fastrand::Rng;
use socket2::{Domain, Socket, Type};

use support::run::sockets::{Entry, Timer, sockets};
use support::run::{
    LIMIT, PAIRS, Peer, Program, Server, free_address, listening_socket, path_of, poll,
};

#[test]
fn resets_after_every_step_cost_nobody_else_anything() {
    for (server, client) in PAIRS {
        let server = Server::start(server);
        let before = server.process.holds();
        for count in 0..=4 {
            for _ in 0..20 {
                let mut faulty = server.client();
                let steps: [fn(&mut Peer) -> io::Result<()>; 4] = [
                    |client| client.send("hello"),
                    |client| client.expect("ACK!"),
                    |client| client.send("more"),
                    |client| client.send_no_more(),
                ];
                steps[..count].iter().for_each(|step| step(&mut faulty).unwrap());
                faulty.reset().unwrap();
            }
            server.send_once(client, "still there");
        }
        server.process.comes_to_hold(before);
    }
}

#[test]
fn ten_thousand_random_messages_are_answered_and_shown() {
    let mut random = Rng::with_seed(12345);
    let mut message = |longest| {
        let length = random.usize(1..=longest);
        std::iter::repeat_with(|| random.u8(..)).take(length).collect::<Vec<u8>>()
    };
    let server = Server::start("short-server");
    let before = server.process.holds();
    for _ in 0..5000 {
        let message = message(3000);
        assert_eq!(server.exchange(&message).unwrap(), b"ACK!");
        server.accepted();
        let shown = &message[..message.len().min(1024)];
        server.process.expect(&format!("[*] Received: {}", printable(shown)));
    }
    server.process.comes_to_hold(before);

    let server = Server::start("long-server");
    let client = server.client();
    server.accepted();
    for _ in 0..5000 {
        let message = message(1024);
        client.send(&message).unwrap();
        client.expect("ACK!").unwrap();
        server.process.expect(&format!("[*] Received: {}", printable(&message)));
        server.process.expect("[*] Sended: ACK!");
    }
}

#[test]
fn client_that_never_reads_keeps_the_long_server_only_while_it_stays() {
    // It prints nothing, or it would wait for its reader.
    let address = free_address().unwrap();
    let server = Program::new("long-server").args([address.to_string()]).env("RUST_LOG", "off");
    let _server = server.start();
    let connect = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap(); // replies have little room
        socket.connect(&address.into()).ok().map(|()| socket)
    };
    let socket = poll(LIMIT, connect).expect("it listens");
    let mut flood = Peer::of(socket.into(), 4 * LIMIT).unwrap();
    flood.send_until_nothing_moves().unwrap(); // the server waits in send
    let next = Peer::connect(address, LIMIT).unwrap();
    next.send("next").unwrap();
    assert!(next.hears_nothing_for(Duration::from_millis(100)));
    flood.reset().unwrap();
    next.expect("ACK!").unwrap();
}

#[test]
fn server_that_runs_out_of_descriptors_neither_spins_nor_loses_anybody() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(path_of("short-server"));
    let server = Server::of(Program::of(shell).args(["127.0.0.1:0", "100"]));
    let before = server.process.holds();
    let mut clients: Vec<_> = (0..100).map(|_| server.client()).collect();
    server.process.skip_to("[!] accept: Too many open files");

    let (begun, cpu_before) = (Instant::now(), server.cpu_seconds());
    assert!(clients[99].hears_nothing_for(Duration::from_secs(3)));
    let cpu_share = (server.cpu_seconds() - cpu_before) / begun.elapsed().as_secs_f64();
    assert!(cpu_share < 0.05, "{cpu_share} of a CPU");

    for client in &mut clients {
        client.send("hello").unwrap();
        client.send_no_more().unwrap();
        assert_eq!(client.rest().unwrap(), b"ACK!");
    }
    server.process.comes_to_hold(before);
    let printed = server.process.kill().stdout;
    let complaints = printed.matches("[!]").count();
    assert!(complaints <= 60, "{complaints} complaints");
}

#[test]
fn both_sides_have_keepalive() {
    for (server, client) in PAIRS {
        let server = Server::start(server);
        let _client = server.client();
        has_keepalive(|socket| socket.address == server.address);
        let (listener, address) = listening_socket();
        let _client = Program::new(client).args([&address]).start();
        let _server = Peer::accept(&listener).unwrap();
        has_keepalive(|socket| socket.peer.to_string() == address);
    }
}

/// Waits until the kernel runs the timer for a silent peer on this end of a connection.
#[track_caller]
fn has_keepalive(is_it: impl Fn(&Entry) -> bool) {
    let left = poll(LIMIT, || {
        let mut sockets = sockets().into_iter();
        let socket = sockets.find(|socket| socket.state == "ESTABLISHED" && is_it(socket))?;
        socket.timer.filter(|(timer, _)| *timer == Timer::Keepalive).map(|(_, left)| left)
    });
    let left = left.expect("a timer").as_secs_f32();
    assert!((50.0..=60.0).contains(&left), "{left} s");
}

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
