//! What goes wrong with the originals and not here: the table of differences, row by row.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{
    Client, Finished, LIMIT, Program, Server, exchange, listening_socket, path_of, strace, unshare,
};

#[test]
fn half_closed_client_of_the_long_server_is_answered_and_then_closed() {
    let mut server = Server::start("long-server");
    let mut client = Client::connect(server.address);
    client.send("the last word");
    client.send_no_more();
    assert_eq!(client.read_to_end().expect("no reset"), "ACK!");
    assert_eq!(server.accepted(), client.name());
    server.expect("[*] Received: the last word");
    server.expect("[*] Sended: ACK!");
    server.expect(&format!("[*] Closed connection from: {}", client.name()));
}

#[test]
fn reset_is_one_line_that_names_the_client_and_the_server_serves_on() {
    for (server, client) in [
        ("short-server", "short-client"),
        ("long-server", "long-client"),
    ] {
        let mut server = Server::start(server);
        let reset = Client::connect(server.address);
        let peer = server.accepted();
        assert_eq!(peer, reset.name());
        reset.reset();
        assert!(
            server
                .skip_to(&format!("[!] {peer}: recv: Connection reset"))
                .starts_with(" by peer")
        );
        server.send_once(client, "next");
        server.accepted(); // nothing was printed in between
        server.expect("[*] Received: next");
    }
}

#[test]
fn server_starts_again_at_once_on_the_same_address() {
    for (server, client) in [
        ("short-server", "short-client"),
        ("long-server", "long-client"),
    ] {
        let mut first = Server::start(server);
        let address = first.address.to_string();
        // The server closes first, so its side of the connection goes into TIME_WAIT.
        let talking = Client::connect(first.address);
        first.accepted();
        drop(first);
        drop(talking);
        let again = Server::of(Program::new(server).args([&address]));
        assert_eq!(again.address.to_string(), address);
        again.send_once(client, "again");
    }
}

#[test]
fn long_messages_to_the_short_server_get_ack_and_a_clean_end_of_stream() {
    let server = Server::start("short-server");
    let message = vec![b'x'; 300_000];
    for count in 0..200 {
        let length = 1025 + count * (300_000 - 1025) / 199;
        let answer = exchange(server.address, &message[..length]);
        assert_eq!(answer.expect("no reset"), "ACK!", "for {length} bytes");
    }
}

#[test]
fn long_message_shows_its_first_1024_bytes() {
    let mut server = Server::start("short-server");
    exchange(server.address, "x".repeat(3000).as_bytes()).expect("no reset");
    server.accepted();
    server.expect(&format!("[*] Received: {}", "x".repeat(1024)));
}

#[test]
fn sender_that_never_pauses_is_left_after_five_seconds() {
    let server = Server::start("short-server");
    let mut endless = Client::connect(server.address);
    let begun = Instant::now();
    while endless.try_send([b'x'; 4096]).is_ok() {
        assert!(begun.elapsed() < LIMIT, "the server reads on");
    }
}

#[test]
fn slow_sender_that_never_ends_is_left_after_five_seconds() {
    let server = Server::start("short-server");
    let mut endless = Client::connect(server.address);
    endless.send("x");
    endless.expect("ACK!");
    assert_eq!(endless.read_to_end().expect("no reset"), "");
    let begun = Instant::now();
    while endless.try_send("x").is_ok() {
        assert!(begun.elapsed() < LIMIT, "the server reads on");
        thread::sleep(Duration::from_millis(500)); // a slow sender: no single read waits long
    }
}

#[test]
fn what_send_left_over_is_sent() {
    let Some(mut command) = strace() else {
        return;
    };
    let takes_two_bytes = "inject=sendto:retval=2:when=1";
    command
        .args(["-qq", "-e", "trace=sendto", "-e", takes_two_bytes])
        .arg(path_of("short-client"));
    let server = Server::start("short-server");
    let finished = Program::of(command)
        .args([server.address.to_string()])
        .run();
    let calls: Vec<&str> = finished.stderr.lines().collect();
    assert!(calls[0].contains(r#""i am TCP client""#) && calls[0].ends_with(" = 2 (INJECTED)"));
    assert!(calls[1].contains(r#""am TCP client""#) && calls[1].ends_with(" = 13"));
    assert_eq!(finished.stdout, "ACK!\n");
}

#[test]
fn client_forges_no_line_of_the_server_and_drives_no_terminal() {
    for server in ["short-server", "long-server"] {
        let mut server = Server::start(server);
        let forged = "hi\n[*] Accepted connection from: 6.6.6.6:6\r\u{1b}[2J\u{7}\u{202e}\u{2028}";
        exchange(server.address, forged.as_bytes()).expect("no reset");
        server.accepted();
        server.expect(
            r"[*] Received: hi\n[*] Accepted connection from: 6.6.6.6:6\r\u{1b}[2J\u{7}\u{202e}\u{2028}",
        );
    }
}

#[test]
fn server_forges_no_line_of_the_client() {
    for client in ["short-client", "long-client"] {
        let (listener, address) = listening_socket();
        let mut client = Program::new(client).args([&address]).start();
        let mut peer = Client::accept(&listener);
        peer.receive();
        peer.send(b"ACK!\n\x1b[31m\xff \\");
        client.expect(r"ACK!\n\u{1b}[31m\xff \\");
    }
}

#[test]
fn bytes_that_are_no_text_are_shown_in_hexadecimal_and_chinese_as_it_is() {
    let mut server = Server::start("short-server");
    exchange(server.address, b"\x00\xff \xe4\xbd\xa0\xe5\xa5\xbd").expect("no reset");
    server.accepted();
    server.expect(r"[*] Received: \u{0}\xff 你好");
}

#[test]
fn name_means_its_first_ipv4_address_or_else_its_first() {
    // The client gets a hosts file of its own.
    let mut hosts = tempfile::NamedTempFile::new().expect("a file can be made");
    writeln!(hosts, "::1 both.test six.test\n127.0.0.1 both.test").expect("it can be written");
    for (name, meaning) in [("both.test", "127.0.0.1"), ("six.test", "[::1]")] {
        let Some(mut command) = unshare() else {
            return;
        };
        command.args(["--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount --bind \"$HOSTS\" /etc/hosts && exec \"$0\" \"$@\"");
        command.arg(path_of("short-client"));
        let server = Server::of(Program::new("short-server").args([format!("{meaning}:0")]));
        let name = format!("{name}:{}", server.address.port());
        let client = Program::of(command).args([name]).env("HOSTS", hosts.path());
        assert_eq!(client.run(), Finished::success("ACK!\n"));
    }
}
