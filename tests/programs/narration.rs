//! The narration tells the truth: strace sees the same calls, with the same results.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{
    Client, Process, Program, Server, address_where_nobody_listens, listening_socket, path_of,
    strace,
};

#[test]
fn short_server_narrates_what_strace_sees() {
    let Some(mut server) = Watched::start("short-server", &["127.0.0.1:0", "7"]) else {
        return;
    };
    let address = server.listening_on();
    for message in [
        "hello",
        "a \"quoted\" message of more than 32 bytes",
        &"x".repeat(3000),
    ] {
        let mut client = Client::connect(address);
        client.send(message);
        client.expect("ACK!");
        drop(client);
        server.narrates_up_to("[.] close(");
    }
    server.survives_a_reset(address);
    server.kill_and_compare();
}

#[test]
fn long_server_narrates_what_strace_sees() {
    let Some(mut server) = Watched::start("long-server", &["[::1]:0"]) else {
        return;
    };
    let address = server.listening_on();
    for _ in 0..2 {
        let mut client = Client::connect(address);
        client.send("first");
        client.expect("ACK!");
        client.send("second");
        client.expect("ACK!");
        drop(client);
        server.narrates_up_to("[*] Closed");
    }
    server.survives_a_reset(address);
    server.kill_and_compare();
}

#[test]
fn server_on_a_busy_port_narrates_what_strace_sees() {
    let first = Server::start("long-server");
    for server in ["short-server", "long-server"] {
        if let Some(server) = Watched::start(server, &[&first.address.to_string()]) {
            let narrated = server.compare_at_the_end();
            assert!(
                narrated.contains(") = -1 Address already in use"),
                "{narrated}"
            );
        }
    }
}

#[test]
fn clients_narrate_what_strace_sees() {
    let short = Server::start("short-server");
    let long = Server::start("long-server");
    if let Some(client) = Watched::start("short-client", &[&short.address.to_string()]) {
        client.compare_at_the_end();
    }
    if let Some(client) = Watched::start("long-client", &[&long.address.to_string(), "hello", "3"])
    {
        client.compare_at_the_end();
    }
}

#[test]
fn refused_clients_narrate_what_strace_sees() {
    let (address, _reserved) = address_where_nobody_listens();
    for client in ["short-client", "long-client"] {
        if let Some(client) = Watched::start(client, &[&address]) {
            let narrated = client.compare_at_the_end();
            assert!(narrated.contains(") = -1 Connection refused"), "{narrated}");
        }
    }
}

#[test]
fn clients_whose_connection_is_reset_narrate_what_strace_sees() {
    let (listener, address) = listening_socket();
    for client in ["short-client", "long-client"] {
        if let Some(client) = Watched::start(client, &[&address]) {
            let mut peer = Client::accept(&listener);
            peer.receive();
            peer.reset();
            let narrated = client.compare_at_the_end();
            assert!(
                narrated.contains("recv(3, 4096) = -1 Connection reset"),
                "{narrated}"
            );
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
        assert!(
            narrated.contains(&format!("send(3, {shown}) = ")),
            "{narrated}"
        );
    }
}

/// A program that narrates everything, the options too, while strace watches it.
struct Watched {
    process: Process,
    narrated: String,
    calls: TempDir,
}

impl Watched {
    fn start(program: &str, arguments: &[&str]) -> Option<Self> {
        let calls = tempfile::tempdir().expect("a folder can be made");
        let mut command = strace()?;
        // -D: the program is the child, with strace beside it. -ff: a file for each thread, in
        // which no call is cut in two by another thread's.
        command.args([
            "-D",
            "-ff",
            "-qq",
            "-e",
            "trace=%network,close",
            "-e",
            "signal=none",
            "-o",
        ]);
        command
            .arg(calls.path().join("thread"))
            .arg(path_of(program))
            .args(arguments);
        let process = Program::of(command).env("RUST_LOG", "trace").start();
        Some(Self {
            process,
            narrated: String::new(),
            calls,
        })
    }

    fn listening_on(&mut self) -> SocketAddr {
        let address = self.narrates_up_to("[*] listening on ");
        address.parse().expect("the address is IP:PORT")
    }

    /// Reads up to a line that begins so, and gives what follows the beginning.
    fn narrates_up_to(&mut self, beginning: &str) -> String {
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
        let client = Client::connect(address);
        self.narrates_up_to("[.] recv(");
        client.reset();
        self.narrates_up_to("[!]");
    }

    fn kill_and_compare(self) {
        compare(
            &(self.narrated + &self.process.kill().stdout),
            self.calls.path(),
        );
    }

    fn compare_at_the_end(self) -> String {
        let narrated = self.narrated + &self.process.finish().stdout;
        compare(&narrated, self.calls.path());
        narrated
    }
}

/// Calls in the order in which they returned, by descriptor: two threads' calls have no order, but
/// those on one descriptor do.
type Calls = BTreeMap<String, Vec<String>>;

#[track_caller]
fn compare(narrated: &str, calls: &Path) {
    let narrated = narrated_calls(narrated);
    assert_eq!(narrated, traced_calls(calls));
    assert!(!narrated.is_empty());
}

fn narrated_calls(narrated: &str) -> Calls {
    let mut calls = Calls::new();
    let mut announced = Vec::new();
    for line in narrated.lines() {
        let Some(call) = line
            .strip_prefix("[.] ")
            .or_else(|| line.strip_prefix("[ ] "))
        else {
            continue;
        };
        if let Some(waiting) = call.strip_suffix(" ...") {
            announced.push(waiting.to_owned());
            continue;
        }
        if let Some((call, _)) = call.split_once(" = ") {
            let can_block = ["accept", "connect", "recv"]
                .iter()
                .any(|name| call.starts_with(name));
            let position = announced.iter().position(|waiting| waiting == call);
            assert_eq!(can_block, position.is_some(), "{call}");
            position.map(|position| announced.remove(position));
        }
        // The kernel's number for the error is not among what strace prints.
        let call = call.split(" (os error").next().unwrap_or(call);
        add(&mut calls, without_time_limit(call));
    }
    calls
}

fn traced_calls(folder: &Path) -> Calls {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("strace has made the folder's files")
        .map(|file| file.expect("a folder can be read").path())
        .collect();
    // Their names end in the thread's number, and the main thread's is the lowest.
    files.sort_by_key(|path| {
        path.extension()
            .and_then(|number| number.to_str()?.parse::<u32>().ok())
    });
    let traced: String = files
        .iter()
        .map(|path| fs::read_to_string(path).expect("strace writes text"))
        .collect();
    let mut calls = Calls::new();
    // Before its first socket, a program closes files of its own start.
    for line in traced
        .lines()
        .skip_while(|line| !line.starts_with("socket("))
    {
        if let Some(call) = as_narrated(line) {
            add(&mut calls, call);
        }
    }
    for calls in calls.values_mut() {
        join_keepalive(calls);
    }
    calls
}

/// Joins the four calls that set keepalive, which socket2 makes together, into the one line that
/// names them all.
fn join_keepalive(calls: &mut Vec<String>) {
    if let Some(first) = calls.iter().position(|call| call.contains("SO_KEEPALIVE")) {
        let options = calls.drain(first..first + 4).map(|call| {
            let option = between(&call, ", ", ")").map(str::to_owned);
            assert!(call.ends_with(" = 0"), "{call}");
            option.expect("a call has arguments")
        });
        let options: Vec<String> = options.collect();
        let joined = format!("setsockopt(3, {}) = 0", options.join(", "));
        calls.insert(first, joined);
    }
}

fn add(calls: &mut Calls, call: String) {
    // A new socket's descriptor is the result, any other's is the first argument.
    let descriptor = if call.starts_with("socket(") {
        call.rsplit(' ').next()
    } else {
        call.split(['(', ',', ')']).nth(1)
    };
    calls
        .entry(descriptor.expect("a call has a descriptor").to_owned())
        .or_default()
        .push(call);
}

/// Puts a line of strace into the narration's form; `None` for a call that has not returned.
fn as_narrated(line: &str) -> Option<String> {
    let (call, result) = line.rsplit_once(" = ")?;
    let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let descriptor = arguments.split(", ").next()?;
    let result = match result.split_once(' ') {
        None if result == "?" => return None,
        None => result.to_owned(),
        Some(("?", _)) => return None,
        Some((number, error)) => format!("{number} {}", between(error, "(", ")")?),
    };
    let address = || {
        let port = between(arguments, "_port=htons(", ")")?;
        let ipv4 = between(arguments, "inet_addr(\"", "\")").map(|ip| format!("{ip}:{port}"));
        let ipv6 = between(arguments, "\"", "\"").map(|ip| format!("[{ip}]:{port}"));
        ipv4.or(ipv6)
    };
    let (quoted, after_quoted) = match arguments.rfind('"') {
        Some(end) => {
            let end = end
                + 1
                + if arguments[end + 1..].starts_with("...") {
                    3
                } else {
                    0
                };
            (&arguments[arguments.find('"')?..end], &arguments[end..])
        }
        None => ("", arguments.split_once(',').map_or("", |(_, rest)| rest)),
    };
    Some(match name {
        "socket" => {
            let family = descriptor;
            assert_eq!(
                arguments,
                format!("{family}, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP")
            );
            format!("socket({family}, SOCK_STREAM) = {result}")
        }
        "bind" | "connect" => format!("{name}({descriptor}, {}) = {result}", address()?),
        "accept4" => match address() {
            Some(peer) => format!("accept({descriptor}) = {result} from {peer}"),
            None => format!("accept({descriptor}) = {result}"),
        },
        "getsockname" => format!("getsockname({descriptor}) = {result} {}", address()?),
        "recvfrom" => {
            let size = after_quoted
                .trim_start_matches(", ")
                .split(", ")
                .nth(usize::from(quoted.is_empty()))?;
            let bytes = if quoted.len() > 2 {
                format!(" {quoted}")
            } else {
                String::new()
            };
            format!("recv({descriptor}, {size}) = {result}{bytes}")
        }
        "sendto" => format!("send({descriptor}, {quoted}) = {result}"),
        "setsockopt" => {
            let mut option = arguments.split(", ").skip(2);
            let (option, value) = (option.next()?, option.next()?);
            let value = value.trim_matches(['[', ']']);
            let option = option.trim_end_matches("_OLD").trim_end_matches("_NEW");
            without_time_limit(&format!(
                "setsockopt({descriptor}, {option}, {value}) = {result}"
            ))
        }
        "close" => format!("close({descriptor})"),
        _ => format!("{name}({arguments}) = {result}"),
    })
}

/// Leaves out the time of a limit, which strace shows as bytes.
fn without_time_limit(call: &str) -> String {
    match call.split_once("SO_RCVTIMEO, ") {
        Some((before, after)) => {
            let (_time, result) = after.split_once(')').expect("the call's arguments end");
            format!("{before}SO_RCVTIMEO){result}")
        }
        None => call.to_owned(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
