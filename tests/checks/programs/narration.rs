//! The narration tells the truth: strace sees the same calls, with the same results.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use regex::Regex;
use tempfile::TempDir;

use support::run::{
    LIMIT, PAIRS, Peer, Process, Program, Server, ipv6, listening_socket, or_skip, poll, strace,
};

/// A silent peer is asked after a minute, then every 10 seconds, and given up after 6 questions.
const KEEPALIVE: &str =
    "SO_KEEPALIVE, 1, TCP_KEEPIDLE, 60, TCP_KEEPINTVL, 10, TCP_KEEPCNT, 6) = 0\n";

#[test]
fn short_server_narrates_what_strace_sees() {
    let Some(mut server) = Watched::start("short-server", &["127.0.0.1:0", "7"]) else {
        return;
    };
    let address = server.listening_on();
    for message in ["hello", "a \"quoted\" message of more than 32 bytes", &"x".repeat(3000)] {
        let client = Peer::connect(address, LIMIT).unwrap();
        client.send(message).unwrap();
        client.expect("ACK!").unwrap();
        drop(client);
        server.narrates_up_to("[.] close(");
    }
    server.survives_a_reset(address);
    let narrated = server.kill_and_compare();
    // A listening socket sets what the accepted ones inherit.
    assert_eq!(narrated.matches(KEEPALIVE).count(), 1, "{narrated}");
}

/// Returns an address whose port the kernel chooses, of IPv6 where there is such.
fn any_port() -> &'static str {
    if ipv6().is_some() { "[::1]:0" } else { "127.0.0.1:0" }
}

#[test]
fn long_server_narrates_what_strace_sees() {
    let Some(mut server) = Watched::start("long-server", &[any_port()]) else {
        return;
    };
    let address = server.listening_on();
    for _ in 0..2 {
        let client = Peer::connect(address, LIMIT).unwrap();
        client.send("first").unwrap();
        client.expect("ACK!").unwrap();
        client.send("second").unwrap();
        client.expect("ACK!").unwrap();
        drop(client);
        server.narrates_up_to("[*] Closed");
    }
    server.survives_a_reset(address);
    server.kill_and_compare();
}

#[test]
fn server_on_a_busy_port_narrates_what_strace_sees() {
    let first = Server::start("long-server");
    for (server, _) in PAIRS {
        if let Some(server) = Watched::start(server, &[&first.address.to_string()]) {
            let narrated = server.compare_at_the_end();
            assert!(narrated.contains(") = -1 Address already in use"), "{narrated}");
        }
    }
}

#[test]
fn clients_narrate_what_strace_sees() {
    let short = Server::start("short-server");
    let long = Server::of(Program::new("long-server").args([any_port()])); // over IPv6
    if let Some(client) = Watched::start("short-client", &[&short.address.to_string()]) {
        let narrated = client.compare_at_the_end();
        assert_eq!(narrated.matches(KEEPALIVE).count(), 1, "{narrated}");
    }
    if let Some(client) = Watched::start("long-client", &[&long.address.to_string(), "hello", "3"])
    {
        client.compare_at_the_end();
    }
}

#[test]
fn clients_whose_connection_is_reset_narrate_what_strace_sees() {
    let (listener, address) = listening_socket();
    for (_, client) in PAIRS {
        if let Some(client) = Watched::start(client, &[&address]) {
            let mut peer = Peer::accept(&listener).unwrap();
            peer.receive().unwrap();
            peer.reset().unwrap();
            let narrated = client.compare_at_the_end();
            assert!(narrated.contains(", 4096) = -1 Connection reset"), "{narrated}");
        }
    }
}

#[test]
fn data_of_more_than_32_bytes_is_cut_between_characters() {
    let server = Server::start("short-server");
    let x = |count| "x".repeat(count);
    for (message, shown) in [
        (x(32), format!("\"{}\"", x(32))),
        (x(33), format!("\"{}\"...", x(32))),
        (x(29) + "中中", format!("\"{}中\"...", x(29))),
        (x(30) + "中", format!("\"{}\"...", x(30))),
        (x(31) + "中", format!("\"{}\"...", x(31))),
        (x(29) + "👋", format!("\"{}\"...", x(29))),
    ] {
        let client = Program::new("short-client").args([server.address.to_string(), message]);
        let narrated = client.env("RUST_LOG", "debug").run().stdout;
        assert!(narrated.contains(&format!(", {shown}) = ")), "{narrated}");
    }
}

#[test]
fn data_that_is_not_text_is_cut_three_bytes_earlier_at_most() {
    let server = Program::new("short-server").args(["127.0.0.1:0"]);
    let server = Server::of(server.env("RUST_LOG", "debug"));
    server.exchange(&[0x80; 40]).unwrap();
    let narrated = server.process.kill().stdout;
    let shown = format!(" = 40 \"{}\"...\n", r"\x80".repeat(29));
    assert!(narrated.contains(&shown), "{narrated}");
}

/// A program that narrates its calls while strace watches it.
pub struct Watched {
    process: Process,
    narrated: String,
    calls: TempDir,
    /// Whether it narrates the calls that are not part of the lesson too.
    with_asides: bool,
}

impl Watched {
    /// Starts one of the programs, which narrates everything, the options too.
    fn start(program: &str, arguments: &[&str]) -> Option<Self> {
        let program = Program::new(program).args(arguments).env("RUST_LOG", "trace");
        Some(Self { with_asides: true, ..Self::of(program)? })
    }

    /// Starts any program, which narrates the calls of the lesson.
    pub fn of(program: Program) -> Option<Self> {
        let calls = tempfile::tempdir().expect("a folder can be made");
        let mut command = or_skip("strace", strace())?;
        // -D: the program is the child, with strace beside it. -ff: a file for each thread, in
        // which no call is cut in two by another thread's. -y: says what a descriptor is.
        command.args("-D -ff -ttt -y -e trace=%network,close -o".split(' '));
        command.arg(calls.path().join("thread"));
        let process = program.under(command).start();
        Some(Self { process, narrated: String::new(), calls, with_asides: false })
    }

    fn listening_on(&mut self) -> SocketAddr {
        let address = self.narrates_up_to("[*] listening on ");
        address.parse().expect("the address is IP:PORT")
    }

    /// Reads up to a line that begins so, and returns what follows the beginning.
    pub fn narrates_up_to(&mut self, beginning: &str) -> String {
        loop {
            let line = self.process.line();
            self.narrated.push_str(&line);
            self.narrated.push('\n');
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    fn survives_a_reset(&mut self, address: SocketAddr) {
        let mut client = Peer::connect(address, LIMIT).unwrap();
        self.narrates_up_to("[.] recv(");
        client.reset().unwrap();
        self.narrates_up_to("[!]");
    }

    pub fn kill_and_compare(self) -> String {
        // A client's thread narrates its `close` before it makes it.
        let is_alone = || matches!(self.process.holds(), [_, 1]).then_some(());
        poll(LIMIT, is_alone).expect("the clients' threads end");
        let narrated = self.narrated + &self.process.kill().stdout;
        compare(&narrated, self.calls.path(), self.with_asides);
        narrated
    }

    pub fn compare_at_the_end(self) -> String {
        let narrated = self.narrated + &self.process.finish().stdout;
        compare(&narrated, self.calls.path(), self.with_asides);
        narrated
    }
}

/// Calls in the order in which they returned, by descriptor: two threads' calls have no order, but
/// those on one descriptor do.
type CallsByDescriptor = BTreeMap<String, Vec<String>>;

#[track_caller]
fn compare(narrated: &str, calls: &Path, with_asides: bool) {
    let mut traced = traced_calls(calls);
    for calls in traced.values_mut() {
        calls.retain(|call| with_asides || !is_aside(call));
    }
    let narrated = narrated_calls(narrated);
    assert_eq!(narrated, traced);
    assert!(!narrated.is_empty());
}

/// Returns whether it is a call that is not part of the lesson.
fn is_aside(call: &str) -> bool {
    ["getsockname(", "getpeername(", "getsockopt("].iter().any(|name| call.starts_with(name))
}

/// Returns the calls with their results, and checks that just those that can block are announced.
fn narrated_calls(narrated: &str) -> CallsByDescriptor {
    let mut calls = CallsByDescriptor::new();
    let mut announced = Vec::new();
    for line in narrated.lines() {
        let Some(call) = line.strip_prefix("[.] ").or_else(|| line.strip_prefix("[ ] ")) else {
            continue;
        };
        let is_shown_at_trace = is_aside(call) || call.starts_with("setsockopt(");
        assert_eq!(line.starts_with("[ ]"), is_shown_at_trace, "{line}");
        if let Some(waiting) = call.strip_suffix(" ...") {
            announced.push(waiting);
            continue;
        }
        if let Some((call, _)) = call.split_once(" = ") {
            let can_block = ["accept", "connect", "recv"].iter().any(|name| call.starts_with(name));
            let position = announced.iter().position(|waiting| *waiting == call);
            assert_eq!(can_block, position.is_some(), "{call}");
            position.map(|position| announced.remove(position));
        }
        // strace shows no number for the error, and the time of a limit in bytes.
        let call = replaced(call, r" \(os error \d+\)$", "");
        add(&mut calls, &replaced(&call, r"(SO_RCVTIMEO), [^)]*", "$1"));
    }
    calls
}

/// How a line of strace becomes a line of the narration.
const RULES: [(&str, &str); 18] = [
    (r"(\d)<socket:\[\d+\]>", "$1"),
    // What else a program closes: its files.
    (r"(?m)^close\(\d+<.*\n", ""),
    // Calls that have not returned, and spaces that make columns.
    (r"(?m)^.* (= \?|<detached ).*\n", ""),
    (r#"(?m)\) +(= [^"\n]*)$"#, ") $1"),
    (r"(?m) = -1 E\w+ \((.*)\)$", " = -1 $1"),
    (r#"\{sa_family=AF_INET, sin_port=htons\((\d+)\), [^}"]*"([^"]+)"[^}"]*\}"#, "$2:$1"),
    (r#"\{sa_family=AF_INET6, sin6_port=htons\((\d+)\), [^}"]*"([^"]+)"[^}"]*\}"#, "[$2]:$1"),
    (
        r"(?m)^socket\((\w+), SOCK_STREAM\|SOCK_CLOEXEC, IPPROTO_(?:IP|TCP)\)",
        "socket($1, SOCK_STREAM)",
    ),
    (r"(?m)^(bind|connect)\((\d+), (\S+), \d+\)", "$1($2, $3)"),
    (r"(?m)^getsockname\((\d+), (\S+), .*\) = 0$", "getsockname($1) = 0 $2"),
    (r"(?m)^accept4\((\d+), (\S+), \[.*\], SOCK_CLOEXEC\) = (\d+)$", "accept($1) = $3 from $2"),
    (r#"(?m)^recvfrom\((\d+), (".+".*), (\d+), 0, NULL, NULL\) = (\d+)$"#, "recv($1, $3) = $4 $2"),
    (r"(?m)^recvfrom\((\d+), \S+, (\d+), 0, NULL, NULL\)", "recv($1, $2)"),
    (r#"(?m)^sendto\((\d+), (".+".*), \d+, \w+, NULL, 0\)"#, "send($1, $2)"),
    (r"(?m)^setsockopt\((\d+), \w+, (\w+), \[(\d+)\], 4\)", "setsockopt($1, $2, $3)"),
    (r"(?m)^setsockopt\((\d+), \w+, (SO_RCVTIMEO)_\w+, .*\)", "setsockopt($1, $2)"),
    // socket2 sets the four options of keepalive together, and they are narrated together.
    (r"\) = 0\nsetsockopt\(\d+, (TCP_KEEP\w+)", ", $1"),
    (r"(?m)^close\((\d+)\) = 0$", "close($1)"),
];

fn traced_calls(folder: &Path) -> CallsByDescriptor {
    let files = fs::read_dir(folder).expect("strace has made the folder's files");
    let files = files.map(|file| file.expect("a folder can be read").path());
    let texts: Vec<String> =
        files.map(|path| fs::read_to_string(path).expect("strace writes text")).collect();
    // Each line begins with the time of the call.
    let mut lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    lines.sort_unstable();
    let calls = lines.iter().filter_map(|line| line.split_once(' '));
    let calls: Vec<&str> = calls.map(|(_time, call)| call).collect();
    let mut traced = calls.join("\n") + "\n";
    for (pattern, replacement) in RULES {
        traced = replaced(&traced, pattern, replacement);
    }
    let mut calls = CallsByDescriptor::new();
    traced.lines().for_each(|call| add(&mut calls, call));
    calls
}

fn replaced(text: &str, pattern: &str, replacement: &str) -> String {
    let pattern = Regex::new(pattern).expect("it is a regular expression");
    pattern.replace_all(text, replacement).into_owned()
}

fn add(calls: &mut CallsByDescriptor, call: &str) {
    // A new socket's descriptor is the result, any other's is the first argument.
    let descriptor = if call.starts_with("socket(") {
        call.rsplit(' ').next()
    } else {
        call.split(['(', ',', ')']).nth(1)
    };
    let descriptor = descriptor.expect("a call has a descriptor").to_owned();
    calls.entry(descriptor).or_default().push(call.to_owned());
}
