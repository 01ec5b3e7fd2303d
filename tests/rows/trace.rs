//! The system calls of a program, as strace sees them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::process::Command;

use super::running::PATIENCE;
use super::{Instead, Verdict, instead};
use harness::{poll, strace};

/// The calls of a conversation: the name in the lesson, and those that a language may use.
const ACCEPT: &[&str] = &["accept", "accept4"];
const RECEIVE: &[&str] = &["recv", "recvfrom", "recvmsg", "read", "readv"];
const SEND: &[&str] = &["send", "sendto", "sendmsg", "write", "writev"];

/// A list of calls that grows while the program runs, in a file without a name: nothing is left
/// behind, however this process ends.
pub struct Trace(Option<File>);

/// A call that succeeded.
struct Call {
    name: String,
    /// The first argument, if it is a number.
    descriptor: Option<i64>,
    arguments: String,
    result: i64,
    /// Whether strace has faked it.
    is_injected: bool,
}

impl Trace {
    pub fn new() -> Self {
        Self(tempfile::tempfile().ok())
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
    pub fn strace(&self, options: &[&str]) -> Result<Command, Instead> {
        let mut command = strace().ok_or(Instead::NotTried("no strace"))?;
        let path = self.path().ok_or(Instead::NotTried("no temporary file"))?;
        command.args(["-o", &path]);
        // Only the calls that are traced stop the program.
        command.arg("--seccomp-bpf");
        command.args(["-e", "trace=network,read,readv,write,writev,close"]);
        command.args(options);
        Ok(command)
    }

    /// Says that the fault was not tried, if the program does not make this call, or makes it first
    /// with another socket than that of its conversation.
    pub fn has_a_fault(&self, port: u16) -> Verdict {
        if !self.text().contains("(INJECTED)") {
            return Err(Instead::NotTried("it does not make this call"));
        }
        let calls = self.calls();
        let Some(at) = calls.iter().position(|call| call.is_injected) else {
            return Ok(()); // accept has failed
        };
        let descriptor = calls[at].descriptor;
        let connects = |call: &Call| {
            ACCEPT.contains(&&*call.name) && Some(call.result) == descriptor
                || call.is_of("connect", port) && call.descriptor == descriptor
        };
        if calls[..at].iter().any(connects) {
            return Ok(());
        }
        Err(Instead::NotTried("it makes this call elsewhere first"))
    }

    /// Waits for the calls of a server or a client in their order.
    pub fn shows(&self, program: &str, port: u16) -> Verdict {
        let order: &[&[&str]] = match program {
            "short-server" | "long-server" => &[&["bind"], &["listen"], ACCEPT, RECEIVE, SEND],
            _ => &[&["connect"], SEND, RECEIVE],
        };
        let mut missing = None;
        let _ = poll(PATIENCE, || {
            missing = first_missing(order, &self.calls(), port);
            missing.is_none().then_some(())
        });
        missing.map_or(Ok(()), instead)
    }

    fn text(&self) -> String {
        let text = self.path().and_then(|path| fs::read(path).ok());
        let text = text.unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Reads the calls in the order in which they returned.
    fn calls(&self) -> Vec<Call> {
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
                calls.extend(Call::read(&(beginning + end)));
            } else {
                calls.extend(Call::read(line));
            }
        }
        calls
    }
}

impl Call {
    /// Reads a line of strace; a non-blocking `connect` that has begun counts as done.
    fn read(line: &str) -> Option<Self> {
        let (call, result) = line.rsplit_once(" = ")?;
        let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
        let first = arguments.split(',').next()?;
        let number: i64 = result.split(' ').next()?.parse().ok()?;
        let has_begun = result.contains("EINPROGRESS");
        (number >= 0 || has_begun).then(|| Self {
            name: name.to_owned(),
            descriptor: first.trim().parse().ok(),
            arguments: arguments.to_owned(),
            result: number,
            is_injected: result.contains("(INJECTED)"),
        })
    }

    /// Returns whether it is this call with the port.
    fn is_of(&self, name: &str, port: u16) -> bool {
        self.name == name && self.arguments.contains(&format!("htons({port})"))
    }
}

/// Says which call is not in its place. The first one has the port; the others are made with its
/// socket, and from `accept` on with the client's.
fn first_missing(order: &[&[&str]], calls: &[Call], port: u16) -> Option<String> {
    let first = order[0][0];
    let Some(at) = calls.iter().position(|call| call.is_of(first, port)) else {
        return Some(format!("no {first}"));
    };
    let mut descriptor = calls[at].descriptor;
    let is_it = |call: &Call| call.name == "socket" && Some(call.result) == descriptor;
    if !calls[..at].iter().any(is_it) {
        return Some(format!("no socket before {first}"));
    }
    let mut rest = calls[at + 1..].iter();
    for names in &order[1..] {
        let is_next =
            |call: &&Call| names.contains(&call.name.as_str()) && call.descriptor == descriptor;
        match rest.find(is_next) {
            None => return Some(format!("no {} in its place", names[0])),
            Some(call) if *names == ACCEPT => descriptor = Some(call.result),
            Some(_) => {}
        }
    }
    None
}
