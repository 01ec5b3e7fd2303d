//! Both pairs talk, and print what the originals print.

use std::time::Duration;

use crate::harness::{Client, Finished, Program, Server};

#[test]
fn short_pair_talks_as_the_originals_do() {
    let mut server = Server::start("short-server");
    for _ in 0..2 {
        assert_eq!(
            server.run_client("short-client", &[]),
            Finished::success("ACK!\n")
        );
        server.accepted();
        server.expect("[*] Received: i am TCP client");
    }
    assert_eq!(server.kill().stdout, "");
}

#[test]
fn long_pair_talks_as_the_originals_do() {
    let mut server = Server::start("long-server");
    let client = server.run_client("long-client", &["TCP client connect", "2"]);
    assert_eq!(client, Finished::success("ACK!\nACK!\n"));
    let peer = server.accepted();
    for _ in 0..2 {
        server.expect("[*] Received: TCP client connect");
        server.expect("[*] Sended: ACK!");
    }
    server.expect(&format!("[*] Closed connection from: {peer}"));
    assert_eq!(server.kill().stdout, "");
}

#[test]
fn long_client_goes_on_until_it_is_stopped() {
    let mut server = Server::start("long-server");
    let address = server.address.to_string();
    let mut client = Program::new("long-client").args([address]).start();
    for _ in 0..1000 {
        client.expect("ACK!");
    }
    client.kill();
    let peer = server.accepted();
    for _ in 0..1000 {
        server.expect("[*] Received: TCP client connect");
        server.expect("[*] Sended: ACK!");
    }
    // A client that is killed with a reply unread resets the connection, which is no end of stream.
    let last = loop {
        let line = server.line();
        if line.contains(&peer) {
            break line;
        }
    };
    assert!(
        last.starts_with("[*] Closed") || last.starts_with("[!]"),
        "{last}"
    );
}

#[test]
fn long_server_serves_the_next_client_when_one_has_left() {
    let mut server = Server::start("long-server");
    for _ in 0..3 {
        server.run_client("long-client", &["hello", "1"]);
        let peer = server.accepted();
        server.expect("[*] Received: hello");
        server.expect("[*] Sended: ACK!");
        server.expect(&format!("[*] Closed connection from: {peer}"));
    }
}

#[test]
fn second_long_client_waits_until_the_first_leaves() {
    let mut server = Server::start("long-server");
    let mut first = Client::connect(server.address);
    first.send("first");
    first.expect("ACK!");
    let mut second = Client::connect(server.address); // succeeds: the queue takes it
    second.send("second");
    assert!(second.hears_nothing_for(Duration::from_millis(200)));
    drop(first);
    second.expect("ACK!");
    server.skip_to("[*] Closed connection from: ");
    assert_eq!(server.accepted(), second.name());
}

#[test]
fn short_server_answers_a_client_while_another_is_silent() {
    let mut server = Server::start("short-server");
    let mut silent = Client::connect(server.address);
    assert_eq!(server.accepted(), silent.name());
    assert_eq!(server.run_client("short-client", &[]).stdout, "ACK!\n");
    silent.send("at last");
    silent.expect("ACK!");
    server.skip_to("[*] Received: at last");
}

#[test]
fn both_pairs_talk_over_ipv6() {
    for (server, client) in [
        ("short-server", "short-client"),
        ("long-server", "long-client"),
    ] {
        let mut server = Server::of(Program::new(server).args(["[::1]:0"]));
        assert!(server.address.is_ipv6());
        server.send_once(client, "over IPv6");
        assert!(server.accepted().starts_with("[::1]:"));
        server.expect("[*] Received: over IPv6");
    }
}
