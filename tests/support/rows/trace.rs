//! The system calls of a program, as strace sees them. Calls are told apart by their sockets, which
//! stay the same when a descriptor is duplicated or inherited.

use std::collections::HashMap;
use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use super::subject::memory_file;
use super::{Failure, Verdict, unexpected};
use crate::run::{poll, strace};

/// The calls of a conversation: the name in the lesson, and those that a language may use.
const ACCEPT: &[&str] = &["accept", "accept4"];
const RECEIVE: &[&str] = &["recv", "recvfrom", "recvmsg", "read", "readv"];
const SEND: &[&str] = &["send", "sendto", "sendmsg", "write", "writev"];

/// How long strace may take to write down a call.
const WRITTEN: Duration = Duration::from_secs(1);

/// A step of a conversation that can be made to fail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FailingStep {
    Accept,
    Send,
}

/// A list of calls that grows while the program runs, in memory: nothing is left behind, however
/// this process ends.
pub struct Trace(Option<File>);

struct TracedCall {
    thread: String,
    name: String,
    arguments: String,
    /// The socket, or file, of the first argument.
    socket: Option<String>,
    /// The socket that it returns.
    made: Option<String>,
    result: String,
}

/// The sockets of a program: the one with its address, and the one of its first conversation.
struct ItsSockets<'a> {
    first: &'a str,
    conversation: Option<&'a str>,
}

impl Trace {
    pub fn new() -> Self {
        Self(memory_file("trace"))
    }

    /// Returns the name by which strace can open the file.
    #[cfg(unix)]
    fn path(&self) -> Option<String> {
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(self.0.as_ref()?);
        Some(format!("/proc/{}/fd/{descriptor}", std::process::id()))
    }

    #[cfg(not(unix))]
    fn path(&self) -> Option<String> {
        self.0.as_ref().and(None) // and no strace
    }

    /// Returns the command that traces another one, with further options.
    pub fn strace(&self, options: &[String]) -> Result<Command, Failure> {
        let mut command = strace().ok_or_else(|| Failure::lacks("strace"))?;
        let path = self.path().ok_or_else(|| Failure::lacks("descriptors"))?;
        command.args(["-y", "-o", &path]);
        // Only the calls that are traced stop the program.
        command.arg("--seccomp-bpf");
        command.args(["-e", "trace=network,read,readv,write,writev,close"]);
        command.args(options);
        Ok(command)
    }

    /// Returns which call makes this step in a conversation, and as how many-th of its name in its
    /// thread: what strace needs to know to have this one call fail.
    pub fn call_of(&self, step: FailingStep, port: u16) -> Option<(String, usize)> {
        // It is written when the call has returned: its effect can be seen before.
        let (calls, at) = poll(WRITTEN, || {
            let calls = self.calls();
            let at = calls.iter().position(|call| is_step(&calls, call, step, port))?;
            Some((calls, at))
        })?;
        let is_like =
            |call: &&TracedCall| call.thread == calls[at].thread && call.name == calls[at].name;
        Some((calls[at].name.clone(), calls[..=at].iter().filter(is_like).count()))
    }

    /// Returns whether this step was made to fail; the same call in other threads can have been, too.
    pub fn has_failed(&self, step: FailingStep, port: u16) -> bool {
        let calls = self.calls();
        let mut failed = calls.iter().filter(|call| call.result.contains("(INJECTED)"));
        failed.any(|call| is_step(&calls, call, step, port))
    }

    /// Waits for the calls of a server or a client in their order.
    pub fn shows(&self, program: &str, port: u16, limit: Duration) -> Verdict {
        let order: &[&[&str]] = match program {
            "short-server" | "long-server" => &[&["bind"], &["listen"], ACCEPT, RECEIVE, SEND],
            _ => &[&["connect"], SEND, RECEIVE],
        };
        let mut missing = None;
        let _ = poll(limit, || {
            missing = first_missing(order, &self.calls(), port);
            missing.is_none().then_some(())
        });
        let Some(missing) = missing else {
            return Ok(());
        };
        let names: Vec<&str> = order.iter().map(|names| names[0]).collect();
        unexpected(format!("socket, {}", names.join(", ")), missing)
    }

    /// Returns the addresses that it listens on, or connects to, in place of the one with the port.
    pub fn other_addresses(&self, call: &str, port: u16) -> Vec<String> {
        let calls = self.calls();
        let is_tcp = |call: &&TracedCall| {
            let makes_it = |other: &TracedCall| {
                other.name == "socket"
                    && other.made == call.socket
                    && other.arguments.contains("SOCK_STREAM")
            };
            calls.iter().any(makes_it)
        };
        let others = calls.iter().filter(|this| this.name == call && !this.has_port(port));
        others.filter(is_tcp).filter_map(TracedCall::address).collect()
    }

    /// Returns whether a socket was bound to the port and is not made to listen.
    pub fn lacks_listen(&self, port: u16) -> bool {
        let calls = self.calls();
        let first = sockets(&calls, port).map(|sockets| sockets.first);
        first.is_some() && !calls.iter().any(|call| call.is_of(&["listen"], first))
    }

    /// Says what a server does with its listening socket that can only be done with a client's.
    pub fn mistake(&self, port: u16) -> Option<&'static str> {
        let calls = self.calls();
        let listener = sockets(&calls, port)?;
        let uses_it = |names: &[&str]| {
            let is_use = |call: &TracedCall| names.contains(&call.name.as_str());
            let is_its = |call: &TracedCall| call.socket.as_deref() == Some(listener.first);
            calls.iter().any(|call| is_use(call) && is_its(call))
        };
        match () {
            () if !calls.iter().any(|call| call.name == "listen") => None,
            () if uses_it(RECEIVE) => {
                Some("it calls recv on the listening socket, not on the client's")
            }
            () if uses_it(SEND) => {
                Some("it calls send on the listening socket, not on the client's")
            }
            () => None,
        }
    }

    fn text(&self) -> String {
        let text = self.path().and_then(|path| fs::read(path).ok());
        let text = text.unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Reads the calls in the order in which they returned.
    fn calls(&self) -> Vec<TracedCall> {
        let mut begun = HashMap::new();
        let mut calls = Vec::new();
        for line in self.text().lines() {
            let Some((thread, line)) = line.split_once(' ') else {
                continue;
            };
            let line = line.trim_start();
            if let Some(beginning) = line.strip_suffix(" <unfinished ...>") {
                begun.insert(thread.to_owned(), beginning.to_owned());
            } else if let Some((_, end)) = line.split_once(" resumed>") {
                let beginning = begun.remove(thread).unwrap_or_default();
                calls.extend(TracedCall::read(thread, &(beginning + end)));
            } else {
                calls.extend(TracedCall::read(thread, line));
            }
        }
        calls
    }
}

impl TracedCall {
    fn read(thread: &str, line: &str) -> Option<Self> {
        let (call, result) = line.rsplit_once(" = ")?;
        let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
        let first = arguments.split(", ").next()?;
        Some(Self {
            thread: thread.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            socket: file_of(first),
            made: file_of(result),
            result: result.to_owned(),
        })
    }

    /// Returns whether it succeeded; a non-blocking `connect` that has begun counts as done.
    fn succeeded(&self) -> bool {
        !self.result.starts_with(['-', '?']) || self.result.contains("EINPROGRESS")
    }

    fn has_port(&self, port: u16) -> bool {
        self.arguments.contains(&format!("htons({port})"))
    }

    /// Returns whether it succeeded under one of these names, with this socket.
    fn is_of(&self, names: &[&str], socket: Option<&str>) -> bool {
        let is_it = names.contains(&self.name.as_str()) && self.succeeded();
        is_it && socket.is_some() && self.socket.as_deref() == socket
    }

    /// Returns the address of `bind` or `connect`, and the error if there was one.
    fn address(&self) -> Option<String> {
        let port = self.arguments.split("htons(").nth(1)?.split(')').next()?;
        let host = self.arguments.split('"').nth(1)?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let error = self.result.split('(').nth(1).and_then(|words| words.strip_suffix(')'));
        let error = error.filter(|_| !self.succeeded());
        Some(format!("{host}:{port}{}", error.map_or(String::new(), |text| format!(" ({text})"))))
    }
}

/// Returns what stands behind a descriptor: `socket:[881]` for `3<socket:[881]>`.
fn file_of(descriptor: &str) -> Option<String> {
    let (number, rest) = descriptor.split_once('<')?;
    number.trim().parse::<i32>().ok()?;
    Some(rest.split_once('>')?.0.to_owned())
}

/// Finds the sockets of the program with the port.
fn sockets(calls: &[TracedCall], port: u16) -> Option<ItsSockets<'_>> {
    let with_port = |call: &&TracedCall| {
        ["bind", "connect"].contains(&call.name.as_str()) && call.has_port(port) && call.succeeded()
    };
    let first = calls.iter().find(with_port)?;
    let socket = first.socket.as_deref()?;
    let accepted = calls.iter().find(|call| call.is_of(ACCEPT, Some(socket)));
    let conversation = match first.name.as_str() {
        "connect" => Some(socket),
        _ => accepted.and_then(|call| call.made.as_deref()),
    };
    Some(ItsSockets { first: socket, conversation })
}

fn is_step(calls: &[TracedCall], call: &TracedCall, step: FailingStep, port: u16) -> bool {
    let Some(sockets) = sockets(calls, port) else {
        return false;
    };
    let (names, socket) = match step {
        FailingStep::Accept => (ACCEPT, Some(sockets.first)),
        FailingStep::Send => (SEND, sockets.conversation),
    };
    names.contains(&call.name.as_str()) && socket.is_some() && call.socket.as_deref() == socket
}

/// Says which call is not in its place. The first one has the port; the others are made with its
/// socket, and from `accept` on with the client's.
fn first_missing(order: &[&[&str]], calls: &[TracedCall], port: u16) -> Option<String> {
    let name = order[0][0];
    let is_first = |call: &TracedCall| call.name == name && call.has_port(port) && call.succeeded();
    let Some(at) = calls.iter().position(is_first) else {
        return Some(format!("no {name}"));
    };
    let mut socket = calls[at].socket.as_deref();
    let makes_it = |call: &TracedCall| call.name == "socket" && call.made.as_deref() == socket;
    if !calls[..at].iter().any(makes_it) {
        return Some(format!("no socket before {name}"));
    }
    let mut rest = calls[at + 1..].iter();
    for names in &order[1..] {
        match rest.find(|call| call.is_of(names, socket)) {
            None => return Some(format!("no {} in its place", names[0])),
            Some(call) if *names == ACCEPT => socket = call.made.as_deref(),
            Some(_) => {}
        }
    }
    None
}
