//! What goes wrong with the originals and not here, as far as no row of `cargo compare` shows it.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Finished, LIMIT, PAIRS, Program, Server, ipv6, path_of, unshare};

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

#[test]
fn long_messages_to_the_short_server_get_ack_and_a_clean_end_of_stream() {
    let server = Server::start("short-server");
    let message = vec![b'x'; 300_000];
    for count in 0..200 {
        let length = 1025 + count * (300_000 - 1025) / 199;
        let answer = server.exchange(&message[..length]);
        assert_eq!(answer.unwrap(), b"ACK!", "for {length} bytes");
    }
}

#[test]
fn slow_sender_that_never_ends_is_left_after_thirty_seconds() {
    let server = Server::start("short-server");
    let endless = server.client();
    endless.send("x").unwrap();
    endless.expect("ACK!").unwrap();
    assert_eq!(endless.rest().unwrap(), b"");
    let begun = Instant::now();
    while endless.send("x").is_ok() {
        assert!(begun.elapsed() < 2 * LIMIT, "the server reads on");
        thread::sleep(Duration::from_millis(500)); // a slow sender: no single read waits long
    }
}

#[test]
fn name_means_its_first_ipv4_address_or_else_its_first() {
    // The client gets a hosts file of its own.
    let mut hosts = tempfile::NamedTempFile::new().expect("a file can be made");
    writeln!(hosts, "::1 both.test six.test\n127.0.0.1 both.test").expect("it can be written");
    for (name, meaning) in [("both.test", "127.0.0.1"), ("six.test", "[::1]")] {
        if meaning == "[::1]" && ipv6().is_none() {
            return;
        }
        let Some(mut command) = unshare() else {
            return;
        };
        command.args(["sh", "-c"]);
        command.arg("mount --bind \"$HOSTS\" /etc/hosts && exec \"$0\" \"$@\"");
        command.arg(path_of("short-client"));
        let server = Server::of(Program::new("short-server").args([format!("{meaning}:0")]));
        let name = format!("{name}:{}", server.address.port());
        let client = Program::of(command).args([name]).env("HOSTS", hosts.path());
        assert_eq!(client.run(), Finished::success("ACK!\n"));
    }
}
