//! System calls that fail on purpose, in running servers: strace injects the kernel's errors.
#![cfg(target_os = "linux")]

use std::fs;

use tempfile::NamedTempFile;

use crate::harness::{Client, Finished, PAIRS, Program, Server, exchange, path_of, strace};

/// A server whose system calls fail, and strace's list of those that did.
struct Faulty {
    server: Server,
    calls: NamedTempFile,
}

impl Faulty {
    /// Starts a server with a fault, such as `accept4:error=EMFILE:when=1..3`.
    fn start(server: &str, fault: &str) -> Option<Self> {
        let mut command = strace()?;
        let calls = NamedTempFile::new().expect("a file can be made");
        let (call, _) = fault
            .split_once(':')
            .expect("a fault begins with the call's name");
        // -D: the server is the child, with strace beside it.
        command.args(["-D", "-f", "-qq", "-e", &format!("trace={call}")]);
        command
            .args(["-e", &format!("inject={fault}"), "-o"])
            .arg(calls.path());
        command.arg(path_of(server)).arg("127.0.0.1:0");
        Some(Self {
            server: Server::of(Program::of(command)),
            calls,
        })
    }

    /// Ends the server, checks how often the fault was injected, and gives what was printed.
    #[track_caller]
    fn end(self, times: usize) -> String {
        let printed = self.server.kill().stdout;
        let calls = fs::read_to_string(self.calls.path()).expect("strace writes text");
        assert_eq!(calls.matches("(INJECTED)").count(), times, "{calls}");
        printed
    }
}

/// Has three calls of `accept` fail in each server while clients come, and gives what is printed.
fn printed_while_accept_fails(error: &str) -> Option<[String; 2]> {
    let fault = format!("accept4:error={error}:when=1..3");
    let faulty_servers = PAIRS.map(|(server, _)| Faulty::start(server, &fault));
    let [Some(short), Some(long)] = faulty_servers else {
        return None;
    };
    for _ in 0..3 {
        short.server.send_once("short-client", "hello");
        long.server.send_once("long-client", "hello");
    }
    Some([short.end(3), long.end(3)])
}

/// Returns how long a server says that it pauses before it tries `accept` again.
fn pauses(printed: &str) -> Vec<&str> {
    let complaints = printed
        .lines()
        .filter(|line| line.starts_with("[!] accept: "));
    let parts = complaints.filter_map(|line| line.split_once("; trying again in "));
    parts.map(|(_, pause)| pause).collect()
}

#[test]
fn accept_that_fails_for_the_sake_of_a_client_is_tried_again_at_once() {
    for error in ["EINTR", "ECONNABORTED"] {
        for printed in printed_while_accept_fails(error).into_iter().flatten() {
            assert!(!printed.contains("[!]"), "{printed}");
        }
    }
}

#[test]
fn accept_that_fails_for_the_sake_of_the_system_is_logged_and_tried_again() {
    for error in ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EPROTO", "EPERM"] {
        for printed in printed_while_accept_fails(error).into_iter().flatten() {
            assert_eq!(pauses(&printed), ["5ms", "10ms", "20ms"], "{printed}");
        }
    }
}

#[test]
fn accept_that_fails_without_end_for_the_sake_of_clients_is_no_busy_loop() {
    for (server, client) in PAIRS {
        for error in ["EINTR", "ECONNABORTED"] {
            let fault = format!("accept4:error={error}:when=1..13");
            let Some(faulty) = Faulty::start(server, &fault) else {
                return;
            };
            faulty.server.send_once(client, "hello");
            assert_eq!(pauses(&faulty.end(13)), ["5ms", "10ms", "20ms"]);
        }
    }
}

#[test]
fn pause_after_a_failed_accept_starts_over_after_a_success() {
    for (server, client) in PAIRS {
        // Every second call fails.
        let Some(faulty) = Faulty::start(server, "accept4:error=ENOBUFS:when=1+2") else {
            return;
        };
        for _ in 0..3 {
            faulty.server.send_once(client, "hello");
        }
        let printed = faulty.server.kill().stdout;
        assert!(
            printed.matches("; trying again in 5ms").count() >= 3,
            "{printed}"
        );
        assert!(!printed.contains("; trying again in 10ms"), "{printed}");
    }
}

#[test]
fn server_for_which_no_port_is_left_says_so() {
    for (server, _) in PAIRS {
        let Some(mut command) = strace() else { return };
        command.args(["-qq", "-o", "/dev/null", "-e", "trace=listen"]);
        command
            .args(["-e", "inject=listen:error=EADDRINUSE"])
            .arg(path_of(server));
        let end = Program::of(command).args(["127.0.0.1:0"]).run();
        let complaint = "error: cannot listen on 127.0.0.1:0: Address already in use (os error 98)\n\
             hint: no port is free: wait a minute, or end programs that have many connections\n";
        assert_eq!(end, Finished::failure(1, complaint));
    }
}

#[test]
fn interrupted_recv_is_tried_again() {
    for (server, client) in PAIRS {
        let Some(faulty) = Faulty::start(server, "recvfrom:error=EINTR:when=1..3") else {
            return;
        };
        faulty.server.send_once(client, "hello");
        let printed = faulty.end(3);
        assert!(
            printed.contains("[*] Received: hello\n") && !printed.contains("[!]"),
            "{printed}"
        );
    }
}

#[test]
fn interrupted_recv_does_not_cut_a_lingering_close_short() {
    // The first recv is the conversation's, the next ones are the close's.
    let Some(faulty) = Faulty::start("short-server", "recvfrom:error=EINTR:when=2..4") else {
        return;
    };
    let before = faulty.server.holds();
    let answer = exchange(faulty.server.address, &vec![b'x'; 100_000]);
    assert_eq!(answer.expect("no reset"), "ACK!");
    faulty.server.comes_to_hold(before);
    faulty.end(3);
}

#[test]
fn interrupted_send_is_tried_again() {
    for (server, client) in PAIRS {
        let Some(faulty) = Faulty::start(server, "sendto:error=EINTR:when=1..3") else {
            return;
        };
        faulty.server.send_once(client, "hello");
        let printed = faulty.end(3);
        assert!(!printed.contains("[!]"), "{printed}");
    }
}

#[test]
fn interrupted_calls_of_a_client_are_tried_again() {
    for (server, client) in PAIRS {
        let server = Server::start(server);
        for call in ["connect", "sendto", "recvfrom"] {
            let Some(mut command) = strace() else { return };
            command.args(["-qq", "-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={call}:error=EINTR:when=1..3")]);
            command
                .arg(path_of(client))
                .args([&server.address.to_string(), "hello"]);
            let count: &[&str] = if client == "long-client" { &["1"] } else { &[] };
            let finished = Program::of(command).args(count).run();
            assert_eq!(
                (finished.status, finished.stdout.as_str()),
                (Some(0), "ACK!\n")
            );
            assert_eq!(finished.stderr.matches("(INJECTED)").count(), 3);
        }
    }
}

#[test]
fn call_of_a_client_that_fails_is_told_with_what_to_do() {
    for (call, error, attempt, hint) in [
        (
            "socket",
            "EMFILE",
            "create a socket for",
            "or end programs that hold many files open",
        ),
        (
            "connect",
            "EHOSTUNREACH",
            "connect to",
            "check the address, and that a server is listening there",
        ),
        (
            "sendto",
            "EPIPE",
            "send to",
            "a long-client needs a long-server",
        ),
    ] {
        let Some(mut command) = strace() else { return };
        command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        command.args(["-e", &format!("inject={call}:error={error}")]);
        let server = Server::start("short-server");
        let client = Program::new("short-client").args([server.address.to_string()]);
        let end = client.under(command).run();
        assert_eq!((end.status, end.stdout.as_str()), (Some(1), ""));
        let problem = format!("error: cannot {attempt} {}: ", server.address);
        let is_told =
            end.stderr.starts_with(&problem) && end.stderr.ends_with(&format!("{hint}\n"));
        assert!(is_told, "{}", end.stderr);
    }
}

#[test]
fn interrupted_write_is_tried_again() {
    let Some(mut command) = strace() else { return };
    command.args(["-qq", "-o", "/dev/null", "-e", "trace=write"]);
    command.args(["-e", "inject=write:error=EINTR:when=1..3"]);
    let server = Server::start("short-server");
    let client = Program::new("short-client").args([server.address.to_string()]);
    assert_eq!(client.under(command).run(), Finished::success("ACK!\n"));
}

#[test]
fn client_for_whom_there_is_no_thread_is_turned_away_and_the_next_is_served() {
    let Some(mut faulty) = Faulty::start("short-server", "clone3:error=EAGAIN:when=1") else {
        return;
    };
    let before = faulty.server.holds();
    let mut unlucky = Client::connect(faulty.server.address);
    assert_eq!(unlucky.read_to_end().expect("no reset"), "");
    assert_eq!(faulty.server.accepted(), unlucky.name());
    let complaint = format!("[!] {}: no thread for this client: ", unlucky.name());
    assert!(faulty.server.line().starts_with(&complaint));
    faulty.server.comes_to_hold(before);
    faulty.server.send_once("short-client", "hello");
    faulty.end(1);
}
