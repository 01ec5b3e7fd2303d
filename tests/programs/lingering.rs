//! Lingering close: neither side closes over bytes that it has not read.

use std::thread;
use std::time::Duration;

use harness::Server;

/// Returns how many bytes of messages a server has shown, and its lines that begin with `[!]`.
fn received(server: Server) -> (usize, String) {
    let printed = server.kill().stdout;
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

/// As on macOS, which refuses every option once both directions of a socket are shut.
#[cfg(target_os = "linux")]
#[test]
fn time_limit_that_is_refused_does_not_cut_a_lingering_close_short() {
    let Some(mut strace) = harness::strace() else { return };
    // Keepalive takes the first four.
    strace.args(["-D", "-qq", "-o", "/dev/null", "-e", "inject=setsockopt:error=EINVAL:when=5+"]);
    let server = Server::start("long-server");
    let address = server.address.to_string();
    let message = "x".repeat(10_000);
    let client = harness::Program::new("long-client")
        .args([&address, &message, "1"])
        .env("RUST_LOG", "trace");
    let client = client.under(strace).run();
    assert_eq!(client.status, Some(0), "{client:?}");
    assert!(client.stdout.contains("SO_RCVTIMEO, 5s) = -1 Invalid argument"), "{client:?}");
    assert_eq!(received(server), (message.len(), String::new()));
}

#[test]
fn client_that_takes_longer_than_five_seconds_to_send_is_answered_and_not_reset() {
    let server = Server::start("short-server");
    let mut slow = server.client();
    for _ in 0..13 {
        slow.send([b'x'; 10_000]).unwrap();
        thread::sleep(Duration::from_millis(500)); // 130,000 bytes in 6.5 seconds
    }
    slow.send_no_more().unwrap();
    assert_eq!(slow.rest().unwrap(), b"ACK!");
}
