//! The programs and their Python twins: they talk with each other, and what is wrong with the twins
//! is mended here. Each fault is shown in the twin first.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::harness::{
    Client, Edition, Finished, Program, Server, address_where_nobody_listens, exchange,
    free_address, listening_socket, strace,
};

fn server(edition: Edition, name: &str) -> Option<Server> {
    Some(Server::of(edition.program(name)?.args([free_address()])))
}

/// Runs both languages, the twin first. The twins need Python.
fn twin_and_rust(name: &str) -> Option<[Server; 2]> {
    Some([server(Edition::Python, name)?, server(Edition::Rust, name)?])
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
fn client_that_leaves_ends_the_twin_and_not_the_long_server() {
    let Some([twin, mut rust]) = twin_and_rust("long-server") else {
        return;
    };
    for server in [&twin, &rust] {
        server.send_once("long-client", "hello");
    }
    let end = twin.finish();
    assert_eq!(end.status, Some(1));
    assert!(
        end.stdout.contains("[*] Received: \n[*] Sended: ACK!\n"),
        "{}",
        end.stdout
    );
    assert!(end.stderr.contains("Broken pipe") || end.stderr.contains("reset by peer"));

    rust.skip_to("[*] Closed connection from: ");
    rust.send_once("long-client", "next");
}

#[test]
fn half_closed_client_is_flooded_by_the_twin_and_answered_once_by_the_long_server() {
    let Some([twin, rust]) = twin_and_rust("long-server") else {
        return;
    };
    assert!(
        exchange(twin.address, b"hello")
            .expect("no reset")
            .starts_with(&"ACK!".repeat(1000))
    );
    assert_eq!(exchange(rust.address, b"hello").expect("no reset"), "ACK!");
}

#[test]
fn reset_ends_the_twin_of_the_long_server() {
    let Some([mut twin, mut rust]) = twin_and_rust("long-server") else {
        return;
    };
    for server in [&mut twin, &mut rust] {
        let client = Client::connect(server.address);
        server.accepted();
        client.reset();
    }
    let end = twin.finish();
    assert_eq!(end.status, Some(1));
    assert!(
        end.stderr
            .ends_with("ConnectionResetError: [Errno 104] Connection reset by peer\n")
    );

    assert!(
        rust.line()
            .ends_with(": recv: Connection reset by peer (os error 104)")
    );
    rust.send_once("long-client", "next");
}

#[test]
fn reset_is_a_traceback_of_the_short_twin_and_one_line_of_the_short_server() {
    let Some([mut twin, mut rust]) = twin_and_rust("short-server") else {
        return;
    };
    for server in [&mut twin, &mut rust] {
        let client = Client::connect(server.address);
        server.accepted();
        client.reset();
    }
    assert!(twin.error_line().starts_with("Exception in thread"));
    assert!(
        rust.line()
            .ends_with(": recv: Connection reset by peer (os error 104)")
    );
    for server in [twin, rust] {
        server.send_once("short-client", "next");
    }
}

#[test]
fn twin_cannot_start_again_at_once_and_the_server_can() {
    for name in ["short-server", "long-server"] {
        let Some(servers) = twin_and_rust(name) else {
            return;
        };
        let [twin_address, rust_address] = servers.map(|mut server| {
            let address = server.address;
            let client = Client::connect(address);
            server.accepted();
            server.kill(); // closes first, so that its side goes into TIME_WAIT
            drop(client);
            address.to_string()
        });
        let Some(twin) = Edition::Python.program(name) else {
            return;
        };
        let end = twin.args([twin_address]).run();
        assert_eq!(end.status, Some(1));
        assert!(
            end.stderr
                .ends_with("OSError: [Errno 98] Address already in use\n")
        );

        let again = Server::of(Program::new(name).args([&rust_address]));
        assert_eq!(again.address.to_string(), rust_address);
    }
}

#[test]
fn long_message_is_reset_by_the_twin_and_acknowledged_by_the_short_server() {
    let Some([twin, rust]) = twin_and_rust("short-server") else {
        return;
    };
    for length in [1025, 3000, 100_000] {
        exchange(twin.address, &vec![b'x'; length]).expect_err("the twin resets the connection");
        assert_eq!(
            exchange(rust.address, &vec![b'x'; length]).expect("no reset"),
            "ACK!"
        );
    }
}

#[test]
fn rest_of_a_short_send_is_lost_by_the_twins_and_sent_by_the_programs() {
    for name in ["short-server", "long-server"] {
        for edition in Edition::BOTH {
            let Some(mut command) = strace() else { return };
            command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto"]);
            // The call is skipped, and said to have taken two bytes: these never arrive.
            command.args(["-e", "inject=sendto:retval=2:when=1"]);
            let Some(program) = edition.program(name) else {
                return;
            };
            let mut server = Server::of(program.args([free_address()]).under(command));
            let mut client = Client::connect(server.address);
            client.send("hello");
            match (edition, name) {
                (Edition::Rust, _) => client.expect("K!"),
                (Edition::Python, "short-server") => {
                    assert_eq!(client.read_to_end().expect("no reset"), "");
                }
                (Edition::Python, _) => {
                    server.skip_to("[*] Sended: ACK!");
                    client.send("again");
                    client.expect("ACK!");
                }
            }
        }
    }
}

#[test]
fn server_that_closes_without_a_reply_is_success_for_the_twin_and_an_error_for_the_client() {
    for edition in Edition::BOTH {
        let Some(client) = edition.program("short-client") else {
            return;
        };
        let (listener, address) = listening_socket();
        let client = client.args([&address]).start();
        let mut peer = Client::accept(&listener);
        peer.receive();
        drop(peer);
        let end = client.finish();
        match edition {
            Edition::Python => assert_eq!(end, Finished::success("\n")),
            Edition::Rust => {
                assert_eq!((end.status, end.stdout.as_str()), (Some(1), ""));
                assert!(
                    end.stderr
                        .contains(": the server ended this conversation before it replied")
                );
            }
        }
    }
}

#[test]
fn absent_server_is_a_traceback_of_the_twins_and_a_hint_of_the_clients() {
    let (address, _reserved) = address_where_nobody_listens();
    for name in ["short-client", "long-client"] {
        for edition in Edition::BOTH {
            let Some(client) = edition.program(name) else {
                return;
            };
            let end = client.args([&address]).run();
            assert_eq!((end.status, end.stdout.as_str()), (Some(1), ""));
            let (first, lines) = match edition {
                Edition::Python => ("Traceback (most recent call last):", 4..),
                Edition::Rust => ("error: cannot connect to ", 2..),
            };
            assert!(end.stderr.starts_with(first) && lines.contains(&end.stderr.lines().count()));
        }
    }
}

#[test]
fn forged_lines_reach_the_terminal_from_the_twins_and_not_from_the_servers() {
    for name in ["short-server", "long-server"] {
        let Some([mut twin, mut rust]) = twin_and_rust(name) else {
            return;
        };
        for server in [&mut twin, &mut rust] {
            Client::connect(server.address).send("hi\n[*] Received: \u{1b}[7mforged");
            server.accepted();
        }
        twin.expect("[*] Received: hi");
        twin.expect("[*] Received: \u{1b}[7mforged");
        rust.expect(r"[*] Received: hi\n[*] Received: \u{1b}[7mforged");
    }
}

#[test]
fn want_of_descriptors_ends_the_short_twin_and_not_the_short_server() {
    for edition in Edition::BOTH {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n 8; exec \"$@\"", "sh"]);
        let Some(program) = edition.program("short-server") else {
            return;
        };
        let mut server = Server::of(program.args([free_address()]).under(shell));
        let silent: Vec<_> = (0..6).map(|_| Client::connect(server.address)).collect();
        match edition {
            Edition::Python => {
                while !server
                    .error_line()
                    .ends_with("OSError: [Errno 24] Too many open files")
                {}
                drop(silent);
                assert_eq!(server.finish().status, Some(1));
            }
            Edition::Rust => {
                server.skip_to("[!] accept: Too many open files (os error 24)");
                drop(silent);
                server.send_once("short-client", "next");
            }
        }
    }
}
