//! System calls that fail on purpose: strace injects the kernel's errors into running programs.

use std::fs;

use tempfile::NamedTempFile;

use support::run::{Finished, PAIRS, Program, Server, listening_socket, or_skip, strace};

/// Returns a program in which calls fail, such as `accept4:error=EMFILE:when=1..3`, and the file in
/// which strace lists them.
fn with_fault(fault: &str, program: &str) -> Option<(Program, NamedTempFile)> {
    let mut command = or_skip("strace", strace())?;
    let calls = NamedTempFile::new().expect("a file can be made");
    let (call, _) = fault.split_once(':').expect("a fault names its call");
    // -D: the program is the child, with strace beside it.
    command.args(["-D", "-e", &format!("trace={call}"), "-e", &format!("inject={fault}"), "-o"]);
    command.arg(calls.path());
    Some((Program::new(program).under(command), calls))
}

/// A server in which calls fail.
struct Faulty {
    server: Server,
    calls: NamedTempFile,
}

impl Faulty {
    fn start(server: &str, fault: &str) -> Option<Self> {
        let (program, calls) = with_fault(fault, server)?;
        let server = Server::of(program.args(["127.0.0.1:0"]));
        Some(Self { server, calls })
    }

    /// Ends the server, checks that calls have failed, and returns what was printed.
    #[track_caller]
    fn end(self) -> String {
        let printed = self.server.process.kill().stdout;
        assert_injected(&self.calls);
        printed
    }
}

#[track_caller]
fn assert_injected(calls: &NamedTempFile) {
    let calls = fs::read_to_string(calls.path()).expect("strace writes text");
    assert!(calls.contains("(INJECTED)"), "{calls}");
}

/// Returns what a server prints whose calls fail while three clients come.
fn printed_in_spite_of(fault: &str) -> Vec<String> {
    let printed = PAIRS.iter().filter_map(|(server, client)| {
        let faulty = Faulty::start(server, fault)?;
        (0..3).for_each(|_| faulty.server.send_once(client, "hello"));
        Some(faulty.end())
    });
    printed.collect()
}

/// Returns how long a server says that it pauses before it tries `accept` again.
fn pauses(printed: &str) -> Vec<&str> {
    let complaints = printed.lines().filter(|line| line.starts_with("[!] accept: "));
    let parts = complaints.filter_map(|line| line.split_once("; trying again in "));
    parts.map(|(_, pause)| pause).collect()
}

#[test]
fn interrupted_call_of_a_server_is_tried_again() {
    for call in ["accept4", "recvfrom", "sendto"] {
        for printed in printed_in_spite_of(&format!("{call}:error=EINTR:when=1..3")) {
            assert_eq!(printed.matches("[*] Received: hello\n").count(), 3);
            assert!(!printed.contains("[!]"), "{printed}");
        }
    }
}

#[test]
fn accept_that_fails_is_logged_and_tried_again() {
    for error in ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EPROTO", "EPERM", "ECONNABORTED"] {
        for printed in printed_in_spite_of(&format!("accept4:error={error}:when=1..3")) {
            assert_eq!(pauses(&printed), ["5ms", "10ms", "20ms"], "{printed}");
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
        let printed = faulty.end();
        let pauses = pauses(&printed);
        assert!(pauses.len() >= 3 && pauses.iter().all(|pause| *pause == "5ms"), "{printed}");
    }
}

#[test]
fn pause_after_a_failed_accept_doubles_up_to_a_second() {
    let Some(faulty) = Faulty::start("short-server", "accept4:error=EMFILE:when=1..10") else {
        return;
    };
    faulty.server.send_once("short-client", "hello");
    let printed = faulty.end();
    let longest = ["5ms", "10ms", "20ms", "40ms", "80ms", "160ms", "320ms", "640ms", "1s", "1s"];
    assert_eq!(pauses(&printed), longest, "{printed}");
}

#[test]
fn connection_that_cannot_be_half_closed_is_closed_at_once() {
    let Some((program, calls)) = with_fault("shutdown:error=ENOTCONN", "short-server") else {
        return;
    };
    let server = Server::of(program.args(["127.0.0.1:0"]).env("RUST_LOG", "debug"));
    let client = server.client();
    client.send("hello").unwrap();
    server.process.skip_to("[.] shutdown(");
    assert!(server.process.line().starts_with("[.] close("));
    assert_eq!(client.rest().unwrap(), b"ACK!");
    assert_injected(&calls);
}

#[test]
fn interrupted_recv_does_not_cut_a_lingering_close_short() {
    // The first recv is the conversation's, the next ones are the close's.
    let Some(faulty) = Faulty::start("short-server", "recvfrom:error=EINTR:when=2..4") else {
        return;
    };
    let before = faulty.server.process.holds();
    let answer = faulty.server.exchange(&vec![b'x'; 100_000]);
    assert_eq!(answer.unwrap(), b"ACK!");
    faulty.server.process.comes_to_hold(before);
    faulty.end();
}

#[test]
fn interrupted_call_of_a_client_is_tried_again() {
    for (server, client) in PAIRS {
        let server = Server::start(server);
        let address = server.address.to_string();
        let once: &[&str] = if client == "long-client" { &["hello", "1"] } else { &[] };
        for call in ["sendto", "recvfrom", "write"] {
            let fault = format!("{call}:error=EINTR:when=1..3");
            let Some((program, calls)) = with_fault(&fault, client) else {
                return;
            };
            assert_eq!(program.args([&address]).args(once).run(), Finished::success("ACK!\n"));
            assert_injected(&calls);
        }
    }
}

#[test]
fn call_that_fails_is_told_with_what_to_do() {
    let (_listener, address) = listening_socket(); // its queue takes the clients that connect
    for (programs, fault, address, attempt, error, hint) in [
        (
            &["short-server", "long-server"][..],
            "listen:error=EADDRINUSE",
            "127.0.0.1:0",
            "listen on",
            "Address already in use (os error 98)",
            "no port is free: wait a minute, or end programs that have many connections",
        ),
        (
            &["short-client"],
            "connect:error=ECONNREFUSED",
            "[::1]:12345",
            "connect to",
            "Connection refused (os error 111)",
            "start the server first, in another terminal on this machine ([::1] never means \
             another one); if it is running, compare ADDRESS with its `listening on` line",
        ),
        (
            &["short-client"],
            "connect:error=ECONNREFUSED",
            "192.0.2.1:12345",
            "connect to",
            "Connection refused (os error 111)",
            "start the server first, on 192.0.2.1; if it is running there, look at its \
             `listening on` line: a server on 127.0.0.1 is reached from its own machine only, \
             one on 0.0.0.0 from others too",
        ),
        (
            &["short-client", "long-client"],
            "connect:error=ENETUNREACH",
            &address,
            "connect to",
            "Network is unreachable (os error 101)",
            "check the address, that a server is listening there, and that no firewall is in between",
        ),
        (
            &["short-client"],
            "connect:error=EADDRNOTAVAIL",
            &address,
            "connect to",
            "Cannot assign requested address (os error 99)",
            "no port is free: wait a minute, or end programs that have many connections",
        ),
        (
            &["long-client"],
            "connect:error=EADDRNOTAVAIL",
            "[::1]:12345",
            "connect to",
            "Cannot assign requested address (os error 99)",
            "this machine may have no IPv6: use an IPv4 address, such as 127.0.0.1:12345",
        ),
        (
            &["long-server"],
            "bind:error=EADDRNOTAVAIL",
            "127.0.0.1:0",
            "listen on",
            "Cannot assign requested address (os error 99)",
            "this machine has no 127.0.0.1: turn on its loopback interface (Linux: ip link set lo up)",
        ),
        (
            &["short-client"],
            "sendto:error=EPIPE",
            &address,
            "send to",
            "Broken pipe (os error 32)",
            "see what the server's terminal says, and start the server again if it has ended",
        ),
        (
            &["short-server"],
            "setsockopt:error=ENOMEM",
            "127.0.0.1:0",
            "listen on",
            "Cannot allocate memory (os error 12)",
            "the system may be out of memory: end other programs",
        ),
        (
            &["short-server", "long-client"],
            "socket:error=EAFNOSUPPORT",
            "[::1]:12345",
            "create a socket for",
            "Address family not supported by protocol (os error 97)",
            "use an IPv4 address, such as 127.0.0.1:12345, \
             or end programs that hold many files open",
        ),
    ] {
        for program in programs {
            let complaint = format!("error: cannot {attempt} {address}: {error}\nhint: {hint}\n");
            assert_failure(fault, program, address, &complaint);
        }
    }
}

#[test]
fn server_on_a_port_that_is_not_allowed_suggests_another_one() {
    for (server, _) in PAIRS {
        for (port, next) in [(80, 12345), (12345, 12346)] {
            let address = format!("127.0.0.1:{port}");
            let complaint = format!(
                "error: cannot listen on {address}: Permission denied (os error 13)\n\
                 hint: the system does not allow this port: choose another one, \
                 such as {server} 127.0.0.1:{next}\n"
            );
            assert_failure("bind:error=EACCES", server, &address, &complaint);
        }
    }
}

#[track_caller]
fn assert_failure(fault: &str, program: &str, address: &str, complaint: &str) {
    if let Some((program, _calls)) = with_fault(fault, program) {
        assert_eq!(program.args([address]).run(), Finished::failure(1, complaint));
    }
}

#[test]
fn client_for_whom_there_is_no_thread_is_turned_away_and_the_next_is_served() {
    let Some(faulty) = Faulty::start("short-server", "clone3:error=EAGAIN:when=1") else {
        return;
    };
    let before = faulty.server.process.holds();
    let unlucky = faulty.server.client();
    assert_eq!(unlucky.rest().unwrap(), b"");
    assert_eq!(faulty.server.accepted(), unlucky.name().unwrap());
    let complaint = format!("[!] {}: no thread for this client: ", unlucky.name().unwrap());
    assert!(faulty.server.process.line().starts_with(&complaint));
    faulty.server.process.comes_to_hold(before);
    faulty.server.send_once("short-client", "hello");
    faulty.end();
}
