//! The system calls of a program, as strace sees them.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use tempfile::NamedTempFile;

use super::subject::PATIENCE;
use super::{Instead, Verdict, instead};
use crate::harness::{poll, strace_if_found};

/// The calls that take a client, and those that receive and send, whichever a language uses.
const ACCEPT: &[&str] = &["accept", "accept4"];
const RECEIVE: &[&str] = &["recvfrom", "recvmsg", "read", "readv"];
const SEND: &[&str] = &["sendto", "sendmsg", "write", "writev"];

/// The calls of the lesson.
const TRACED: &str = "trace=socket,bind,listen,connect,accept,accept4,recvfrom,recvmsg,read,readv,\
     sendto,sendmsg,write,writev,close";

/// A list of calls that grows while the program runs.
pub struct Trace(NamedTempFile);

/// A call that succeeded.
struct Call {
    name: String,
    arguments: String,
    result: i64,
}

impl Trace {
    pub fn new() -> Result<Self, Instead> {
        if strace_if_found().is_none() {
            return Err(Instead::NotTried("no strace"));
        }
        let file = NamedTempFile::new();
        Ok(Self(
            file.map_err(|_| Instead::NotTried("no temporary file"))?,
        ))
    }

    /// Returns the command that traces another one.
    pub fn watch(&self) -> Option<Command> {
        self.strace(&["-e", TRACED])
    }

    /// Returns the command that lets a call fail, such as `sendto:retval=2:when=1`.
    pub fn inject(&self, fault: &str) -> Option<Command> {
        let calls = fault.split(':').next().unwrap_or_default();
        self.strace(&[
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={fault}"),
        ])
    }

    fn strace(&self, options: &[&str]) -> Option<Command> {
        let mut command = strace_if_found()?;
        command
            .args(["-f", "-qq", "-e", "signal=none", "-o"])
            .arg(self.0.path())
            .args(options);
        Some(command)
    }

    /// Says that the fault was not tried, if the program does not make this call.
    pub fn was_injected(&self, otherwise: &'static str) -> Verdict {
        let text = fs::read(self.0.path())?;
        if String::from_utf8_lossy(&text).contains("(INJECTED)") {
            return Ok(());
        }
        Err(Instead::NotTried(otherwise))
    }

    /// Waits for a server's calls in their order.
    pub fn shows_server(&self, port: u16, closes: bool) -> Verdict {
        self.shows(|calls| {
            let (socket, rest) = bound_for(calls, "bind", port)?;
            let (_, rest) = next(rest, &["listen"], socket)?;
            let (client, rest) = next(rest, ACCEPT, socket)?;
            let (_, rest) = next(rest, RECEIVE, client)?;
            let (_, rest) = next(rest, SEND, client)?;
            if closes {
                next(rest, &["close"], client)?;
            }
            Ok(())
        })
    }

    /// Waits for a client's calls in their order.
    pub fn shows_client(&self, port: u16) -> Verdict {
        self.shows(|calls| {
            let (socket, rest) = bound_for(calls, "connect", port)?;
            let (_, rest) = next(rest, SEND, socket)?;
            next(rest, RECEIVE, socket).map(drop)
        })
    }

    fn shows(&self, story: impl Fn(&[Call]) -> Result<(), String>) -> Verdict {
        let mut problem = String::new();
        let told = poll(PATIENCE, || match story(&self.calls()) {
            Ok(()) => Some(()),
            Err(missing) => {
                problem = missing;
                None
            }
        });
        told.map_or_else(|| instead(problem.clone()), Ok)
    }

    /// Reads the calls in the order in which they returned.
    fn calls(&self) -> Vec<Call> {
        let text = fs::read(self.0.path()).unwrap_or_default();
        let mut begun = HashMap::new();
        let mut calls = Vec::new();
        for line in String::from_utf8_lossy(&text).lines() {
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
        let number = result.split(' ').next()?.parse().ok()?;
        let result = if result.contains("EINPROGRESS") {
            0
        } else {
            number
        };
        (result >= 0).then(|| Self {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result,
        })
    }

    fn descriptor(&self) -> Option<i64> {
        self.arguments.split(',').next()?.trim().parse().ok()
    }
}

/// Returns the socket that is given this port, which was created before, and the calls after that.
fn bound_for<'a>(calls: &'a [Call], name: &str, port: u16) -> Result<(i64, &'a [Call]), String> {
    let port = format!("htons({port})");
    let is_it = |call: &Call| call.name == name && call.arguments.contains(&port);
    let at = calls
        .iter()
        .position(is_it)
        .ok_or_else(|| format!("no {name}"))?;
    let socket = calls[at].descriptor().ok_or("no descriptor")?;
    let mut before = calls[..at].iter();
    if before.any(|call| call.name == "socket" && call.result == socket) {
        return Ok((socket, &calls[at + 1..]));
    }
    Err(format!("no socket before {name}"))
}

/// Returns the result of the next call with one of these names, and the calls after it.
fn next<'a>(
    calls: &'a [Call],
    names: &[&str],
    descriptor: i64,
) -> Result<(i64, &'a [Call]), String> {
    let is_it =
        |call: &Call| names.contains(&call.name.as_str()) && call.descriptor() == Some(descriptor);
    let at = calls.iter().position(is_it);
    let at = at.ok_or_else(|| {
        format!(
            "no {} in its place",
            names[0].trim_end_matches("from").trim_end_matches("to")
        )
    })?;
    Ok((calls[at].result, &calls[at + 1..]))
}
