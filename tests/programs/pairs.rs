//! Both pairs talk, in both languages, and print what the originals print.

use crate::harness::{Edition, Finished, PAIRS, Program, Server, free_address};

fn server(edition: Edition, name: &str) -> Option<Server> {
    let address = free_address().to_string();
    Some(Server::of(edition.program(name)?.args([address])))
}

#[test]
fn short_pair_talks_in_all_four_pairings() {
    for server_edition in Edition::BOTH {
        for client_edition in Edition::BOTH {
            let Some(mut server) = server(server_edition, "short-server") else {
                return;
            };
            let address = server.address.to_string();
            for _ in 0..2 {
                let Some(client) = client_edition.program("short-client") else {
                    return;
                };
                assert_eq!(client.args([&address]).run(), Finished::success("ACK!\n"));
                server.accepted();
                server.expect("[*] Received: i am TCP client");
            }
            let rest = server.kill();
            assert_eq!((rest.stdout.as_str(), rest.stderr.as_str()), ("", ""));
        }
    }
}

#[test]
fn long_pair_talks_in_all_four_pairings() {
    for server_edition in Edition::BOTH {
        for client_edition in Edition::BOTH {
            let Some(mut server) = server(server_edition, "long-server") else {
                return;
            };
            let Some(client) = client_edition.program("long-client") else {
                return;
            };
            let mut client = client.args([server.address.to_string()]).start();
            server.accepted();
            for _ in 0..3 {
                client.expect("ACK!");
                server.expect("[*] Received: TCP client connect");
                server.expect("[*] Sended: ACK!");
            }
        }
    }
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
fn both_pairs_talk_over_ipv6() {
    for (server, client) in PAIRS {
        let mut server = Server::of(Program::new(server).args(["[::1]:0"]));
        assert!(server.address.is_ipv6());
        server.send_once(client, "over IPv6");
        assert!(server.accepted().starts_with("[::1]:"));
        server.expect("[*] Received: over IPv6");
    }
}
