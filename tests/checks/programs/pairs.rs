//! Both pairs talk. What each says to the other language is shown by the tests of `cargo demo`.

use support::run::{PAIRS, Program, Server, ipv6};

#[test]
fn long_server_serves_the_next_client_when_one_has_left() {
    let server = Server::start("long-server");
    for _ in 0..3 {
        server.send_once("long-client", "hello");
        let peer = server.accepted();
        server.process.expect("[*] Received: hello");
        server.process.expect("[*] Sended: ACK!");
        server.process.expect(&format!("[*] Closed connection from: {peer}"));
    }
}

#[test]
fn both_pairs_talk_over_ipv6() {
    if ipv6().is_none() {
        return;
    }
    for (server, client) in PAIRS {
        let server = Server::of(Program::new(server).args(["[::1]:0"]));
        assert!(server.address.is_ipv6());
        server.send_once(client, "over IPv6");
        assert!(server.accepted().starts_with("[::1]:"));
        server.process.expect("[*] Received: over IPv6");
    }
}

#[test]
fn reset_is_one_line_that_names_the_client_and_the_server_serves_on() {
    for (server, client) in PAIRS {
        let server = Server::start(server);
        let mut reset = server.client();
        let peer = server.accepted();
        assert_eq!(peer, reset.name().unwrap());
        reset.reset().unwrap();
        server.process.skip_to(&format!("[!] {peer}: recv: "));
        server.send_once(client, "next");
        server.accepted(); // nothing was printed in between
        server.process.expect("[*] Received: next");
    }
}
