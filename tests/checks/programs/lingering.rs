//! Lingering close: neither side closes over bytes that it has not read.

use std::thread;
use std::time::{Duration, Instant};

use support::run::{Finished, Peer, Process, Program, Server, listening_socket};

/// Returns how many bytes of messages a server has shown, and its lines that begin with `[!]`.
fn received(server: Server) -> (usize, String) {
    let printed = server.process.kill().stdout;
    let messages = printed.lines().filter_map(|line| line.strip_prefix("[*] Received: "));
    let complaints = printed.lines().filter(|line| line.starts_with("[!]"));
    (messages.map(str::len).sum(), complaints.collect())
}

#[test]
fn long_client_loses_nothing_of_long_messages() {
    for (size, count) in [(2_000, 3), (3_000, 3), (10_000, 1), (100_000, 1)] {
        let server = Server::start("long-server");
        let client =
            server.run_client("long-client", &["x".repeat(size).as_str(), &count.to_string()]);
        assert_eq!(client.status, Some(0), "{client:?}");
        assert_eq!(received(server), (size * count, String::new()));
    }
}

#[test]
fn client_that_takes_longer_than_five_seconds_to_send_is_answered_and_not_reset() {
    let server = Server::start("short-server");
    let slow = server.client();
    for _ in 0..13 {
        slow.send([b'x'; 10_000]).unwrap();
        thread::sleep(Duration::from_millis(500)); // 130,000 bytes in 6.5 seconds
    }
    slow.send_no_more().unwrap();
    assert_eq!(slow.rest().unwrap(), b"ACK!");
}

/// A long client that has got its only reply, and the server that it waits for.
fn lingering_client() -> (Process, Peer) {
    let (listener, address) = listening_socket();
    let client = Program::new("long-client").args([&address, "hello", "1"]).start();
    let server = Peer::accept(&listener).unwrap();
    server.expect("hello").unwrap();
    server.send("ACK!").unwrap();
    server.expect_end().unwrap(); // the client's half is closed
    client.expect("ACK!");
    (client, server)
}

#[test]
fn server_that_never_closes_is_left_by_the_long_client_after_six_seconds() {
    let begun = Instant::now();
    let (client, _server) = lingering_client();
    let waiting = "[*] waiting for the server to close\n";
    assert_eq!(client.finish(), Finished::success(waiting));
    let seconds = begun.elapsed().as_secs_f64();
    assert!((5.5..11.0).contains(&seconds), "{seconds} s");
}

#[test]
fn server_that_floods_is_left_by_the_long_client_after_a_second() {
    let begun = Instant::now();
    let (client, server) = lingering_client();
    while server.send([b'x'; 4096]).is_ok() {
        assert!(begun.elapsed().as_secs() < 4, "the client reads on");
        thread::sleep(Duration::from_millis(5)); // 800 kB a second are enough
    }
    assert_eq!(client.finish().status, Some(0));
}

#[cfg(target_os = "linux")]
mod on_linux {
    use rustix::process::Signal;

    use super::*;
    use support::run::{or_skip, strace};

    /// As on macOS, which refuses every option once both directions of a socket are shut.
    #[test]
    fn time_limit_that_is_refused_does_not_cut_a_lingering_close_short() {
        let Some(mut strace) = or_skip("strace", strace()) else { return };
        // Keepalive takes the first four.
        strace.args(["-D", "-o", "/dev/null", "-e", "inject=setsockopt:error=EINVAL:when=5+"]);
        let server = Server::start("long-server");
        let address = server.address.to_string();
        let message = "x".repeat(10_000);
        let client =
            Program::new("long-client").args([&address, &message, "1"]).env("RUST_LOG", "trace");
        let client = client.under(strace).run();
        assert_eq!(client.status, Some(0), "{client:?}");
        assert!(client.stdout.contains("SO_RCVTIMEO, 1s) = -1 Invalid argument"), "{client:?}");
        assert_eq!(received(server), (message.len(), String::new()));
    }

    #[test]
    fn client_that_never_stops_sending_is_left_after_five_seconds() {
        let server = Server::start("short-server");
        let before = server.process.holds();
        let flood = server.client();
        flood.send("the first of many").unwrap();
        server.send_once("short-client", "next");
        let begun = Instant::now();
        while flood.send([b'x'; 4096]).is_ok() {
            assert!(begun.elapsed().as_secs() < 20, "the server reads on");
            thread::sleep(Duration::from_millis(5)); // 800 kB a second are enough
        }
        server.process.comes_to_hold(before);
        let seconds = begun.elapsed().as_secs_f64();
        assert!((4.5..10.0).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn client_that_stays_and_says_nothing_more_is_left_after_five_seconds() {
        let server = Server::start("short-server");
        let before = server.process.holds();
        let silent = server.client();
        silent.send("hello").unwrap();
        let begun = Instant::now();
        assert_eq!(silent.rest().unwrap(), b"ACK!"); // the server's half is closed
        server.process.comes_to_hold(before);
        let seconds = begun.elapsed().as_secs_f64();
        assert!((4.5..10.0).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn stop_and_continue_do_not_cut_a_lingering_close_short() {
        let server = Server::start("short-server");
        let client = server.client();
        client.send("hello").unwrap();
        client.expect("ACK!").unwrap();
        for _ in 0..3 {
            server.process.signal(Signal::STOP);
            server.process.signal(Signal::CONT);
            client.send([b'x'; 10_000]).unwrap();
        }
        client.send_no_more().unwrap();
        assert_eq!(client.rest().unwrap(), b"");
    }
}
