//! The command line, the errors and the exit status.

use std::fs;
use std::net::{IpAddr, TcpListener};

use support::run::{Finished, PAIRS, Peer, Program, Server, ipv6, listening_socket, unshare};

const USAGES: [(&str, &str); 4] = [
    ("short-server", "usage: short-server [ADDRESS [BACKLOG]]\n"),
    ("long-server", "usage: long-server [ADDRESS [BACKLOG]]\n"),
    ("short-client", "usage: short-client [ADDRESS [MESSAGE]]\n"),
    ("long-client", "usage: long-client [ADDRESS [MESSAGE [COUNT]]]\n"),
];

fn run(program: &str, arguments: &[&str]) -> Finished {
    Program::new(program).args(arguments).run()
}

#[track_caller]
fn assert_misuse(program: &str, arguments: &[&str], problem: &str) {
    let found = USAGES.iter().find(|(name, _)| *name == program);
    let (_, usage) = found.expect("each of the four has a usage line");
    let complaint = format!("error: {problem}\n{usage}");
    assert_eq!(run(program, arguments), Finished::failure(2, &complaint));
}

#[track_caller]
fn assert_misuse_of_all(arguments: &[&str], problem: &str) {
    for (program, _) in USAGES {
        assert_misuse(program, arguments, problem);
    }
}

#[test]
fn help_goes_to_standard_output_and_names_every_default() {
    let bind_address = "  ADDRESS        HOST:PORT to listen on, port 0 for any free one [default: 127.0.0.1:12345]";
    let backlog = "  BACKLOG        how many clients may wait to be accepted [default: 5]";
    let address = "  ADDRESS        HOST:PORT of the server [default: 127.0.0.1:12345]";
    let short_message = "  MESSAGE        what to send [default: i am TCP client]";
    let long_message = "  MESSAGE        what to send [default: TCP client connect]";
    let count = "  COUNT          how many times to send it [default: forever]";
    let arguments = [
        [bind_address, backlog].join("\n"),
        [bind_address, backlog].join("\n"),
        [address, short_message].join("\n"),
        [address, long_message, count].join("\n"),
    ];
    for ((program, usage), arguments) in USAGES.into_iter().zip(arguments) {
        let help = format!(
            "{usage}\n{arguments}\n\n  -h, --help     print this text\n  \
             -V, --version  print the version\n\n\
             RUST_LOG=debug shows each socket call; STEP=1 waits for Enter before each.\n"
        );
        for words in [&["--help"][..], &["-h"], &["127.0.0.1:1", "--help"]] {
            assert_eq!(run(program, words), Finished::success(&help));
        }
    }
}

#[test]
fn version_goes_to_standard_output() {
    for (program, _) in USAGES {
        let version = format!("{program} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(run(program, &["--version"]), Finished::success(&version));
        assert_eq!(run(program, &["-V"]), Finished::success(&version));
    }
}

#[test]
fn unknown_option_is_named() {
    for option in ["-x", "--verbose", "-1", "-hV"] {
        let explained = "write -- before an argument that begins with '-'";
        let problem = format!("unknown option '{option}'; {explained}");
        assert_misuse_of_all(&[option], &problem);
        assert_misuse_of_all(&["127.0.0.1:1", option], &problem);
    }
}

#[test]
fn first_argument_too_many_is_named() {
    let quotes = "several words that are one argument need quotes, such as 'hello world'";
    for (server, _) in PAIRS {
        let words = ["127.0.0.1:1", "5", "6", "7"];
        assert_misuse(server, &words, &format!("too many arguments: '6'; {quotes}"));
    }
    let words = ["127.0.0.1:1", "hi", "3", "4"];
    assert_misuse("short-client", &words, &format!("too many arguments: '3'; {quotes}"));
    assert_misuse("long-client", &words, &format!("too many arguments: '4'; {quotes}"));
}

#[test]
fn address_that_is_not_host_and_port_is_named() {
    for address in ["", "-", "localhost", "12345", "host:", "host:http", "127.0.0.1:-1", "[::1]"] {
        let problem = format!("ADDRESS '{address}' is not HOST:PORT, such as 127.0.0.1:12345");
        assert_misuse_of_all(&[address], &problem);
    }
}

#[test]
fn address_with_a_port_that_is_too_high_is_told_the_limit() {
    for address in ["127.0.0.1:65536", "localhost:123456", "[::1]:18446744073709551615"] {
        let problem = format!("ADDRESS '{address}' has a port above 65535");
        assert_misuse_of_all(&[address], &problem);
    }
}

#[test]
fn address_with_a_full_width_colon_is_shown_in_the_right_form() {
    let problem = "ADDRESS '127.0.0.1：12345' has a full-width colon; write 127.0.0.1:12345";
    assert_misuse_of_all(&["127.0.0.1：12345"], problem);
}

#[test]
fn argument_that_would_drive_the_terminal_is_named_escaped() {
    let problem = r"ADDRESS 'a\nb\u{1b}[2J' is not HOST:PORT, such as 127.0.0.1:12345";
    assert_misuse_of_all(&["a\nb\u{1b}[2J"], problem);
    let end = run("short-client", &["\u{1b}[31mred\n:80"]);
    let beginning = r"error: cannot find \u{1b}[31mred\n:80: ";
    assert!(end.stderr.starts_with(beginning), "{}", end.stderr);
}

#[test]
fn backlog_that_is_not_a_whole_number_from_0_up_is_named() {
    for backlog in ["", "many", "1.5", "-1", "2147483648"] {
        let problem = format!("BACKLOG '{backlog}' is not a whole number from 0 to 2147483647");
        for (server, _) in PAIRS {
            assert_misuse(server, &["--", "127.0.0.1:1", backlog], &problem);
        }
    }
}

#[test]
fn count_that_is_not_a_whole_number_from_1_up_is_named() {
    let not_a_count = format!("is not a whole number from 1 to {}", u64::MAX);
    for count in ["", "world", "1.5", "0", "-1", "18446744073709551616"] {
        let problem = format!("COUNT '{count}' {not_a_count}");
        assert_misuse("long-client", &["--", "127.0.0.1:1", "hi", count], &problem);
    }
}

#[test]
fn empty_message_is_refused() {
    for (_, client) in PAIRS {
        let problem = "MESSAGE '' is empty: write at least one character";
        assert_misuse(client, &["127.0.0.1:1", ""], problem);
    }
}

#[cfg(unix)]
#[test]
fn argument_that_is_not_utf8_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    for (program, usage) in USAGES {
        let word = OsStr::from_bytes(b"caf\xe9");
        let complaint = format!("error: argument 'caf\\xe9' is not UTF-8\n{usage}");
        let end = Program::new(program).args([word]).run();
        assert_eq!(end, Finished::failure(2, &complaint));
    }
}

#[test]
fn two_dashes_end_the_options() {
    let server = Server::start("short-server");
    let address = server.address.to_string();
    let end = run("short-client", &["--", &address, "--help"]);
    assert_eq!(end, Finished::success("ACK!\n"));
    server.accepted();
    server.process.expect("[*] Received: --help");
}

#[test]
fn client_of_port_0_says_where_the_port_is_shown() {
    for (_, client) in PAIRS {
        let end = run(client, &["127.0.0.1:0"]);
        let hint = "hint: no server listens on port 0: take the port in its `listening on` line\n";
        assert_eq!(end.status, Some(1));
        assert!(end.stderr.ends_with(hint), "{}", end.stderr);
    }
}

#[test]
fn server_on_an_address_of_another_machine_says_so() {
    let elsewhere = "192.0.2.1:12345"; // RFC 5737: no machine has it
    let not_here = TcpListener::bind(elsewhere).expect_err("the address is not this machine's");
    let complaint = format!(
        "error: cannot listen on {elsewhere}: {not_here}\n\
         hint: choose an address of this machine, such as long-server 127.0.0.1:12345\n"
    );
    let end = run("long-server", &[elsewhere]);
    assert_eq!(end, Finished::failure(1, &complaint));
}

#[test]
fn name_that_does_not_resolve_is_an_error() {
    // With an empty part no name server can be asked for it: one that never answers costs 20 s.
    let beginning = "error: cannot find no-such..host:80: ";
    let hint = "hint: check the name's spelling, or use an IP address, such as 127.0.0.1:12345\n";
    for (program, _) in USAGES {
        let end = run(program, &["no-such..host:80"]);
        assert_eq!((end.status, end.stdout.as_str()), (Some(1), ""));
        assert!(end.stderr.starts_with(beginning) && end.stderr.ends_with(hint));
    }
}

#[test]
fn name_means_its_first_ipv4_address_or_else_its_first() {
    // Both sides get a hosts file of their own.
    let hosts = tempfile::NamedTempFile::new().expect("a file can be made");
    fs::write(hosts.path(), "::1 both.test six.test\n127.0.0.1 both.test\n").expect("it is there");
    for (name, meaning) in [("both.test", "127.0.0.1"), ("six.test", "::1")] {
        if meaning == "::1" && ipv6().is_none() {
            return;
        }
        let start = |program, port| {
            let mut command = unshare()?;
            command.args(["sh", "-c", "mount --bind \"$HOSTS\" /etc/hosts && exec \"$0\" \"$@\""]);
            let program = Program::new(program).args([format!("{name}:{port}")]).under(command);
            Some(program.env("HOSTS", hosts.path()))
        };
        let Some(server) = start("short-server", 0) else { return };
        let server = Server::of(server);
        assert_eq!(server.address.ip(), meaning.parse::<IpAddr>().unwrap());
        let client = start("short-client", server.address.port()).expect("the server has one");
        assert_eq!(client.run(), Finished::success("ACK!\n"));
    }
}

#[test]
fn client_tells_when_the_server_ends_the_conversation_before_it_replies() {
    for (client, pair) in
        [("short-client", ""), ("long-client", "; a long-client needs a long-server")]
    {
        for (resets, problem) in [
            (false, "the server ended this conversation before it replied"),
            #[cfg(target_os = "linux")] // whose number for the error is shown
            (true, "Connection reset by peer (os error 104)"),
        ] {
            let (listener, address) = listening_socket();
            let client = Program::new(client).args([&address]).start();
            let mut peer = Peer::accept(&listener).unwrap();
            peer.receive().unwrap();
            if resets {
                peer.reset().unwrap();
            } else {
                drop(peer);
            }
            let complaint = format!(
                "error: cannot receive from {address}: {problem}\n\
                 hint: see what the server's terminal says, and start the server again if it has ended{pair}\n"
            );
            assert_eq!(client.finish(), Finished::failure(1, &complaint));
        }
    }
}
