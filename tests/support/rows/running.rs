//! A program under judgement that runs: what is done with it, and what is seen of it.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use common::printable;

use super::crash::{crash, last_words};
use super::trace::Trace;
use super::{Failure, Kind, Reason, Setup, Subject, Verdict, unexpected};
use crate::run::{Output, Peer, Process, free_address, late, poll, quoted};

/// How long to wait for anything; only a row that does not hold waits this long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a program may take until it listens, or connects.
const START: Duration = Duration::from_secs(10);

/// How long it may take to do so once it does the same elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// How long a program may take to say why it has ended a connection.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub struct Running {
    subject: Subject,
    process: Process,
    pub address: SocketAddr,
    /// Where a client is waited for.
    listener: Option<TcpListener>,
    pub trace: Trace,
}

impl Running {
    /// Starts it with the address of a listener, or with a free one if it is a server.
    pub fn start(subject: &Subject, setup: Setup) -> Result<Self, Failure> {
        let (listener, address) = if subject.program.ends_with("server") {
            (None, free_address()?)
        } else {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            (Some(listener), address)
        };
        let trace = Trace::new();
        let under = match setup {
            Setup::Plain => None,
            Setup::Traced => Some(trace.strace(&[])?),
            Setup::Injected(fault) => {
                Some(trace.strace(&["-e".to_owned(), format!("inject={fault}")])?)
            }
            Setup::Descriptors(count) => Some(with_descriptors(count)?),
        };
        let process = start(subject, address, under)?;
        Ok(Self { subject: subject.clone(), process, address, listener, trace })
    }

    /// Starts it once more, and ends the first one.
    pub fn start_again(&mut self, address: SocketAddr) -> Verdict {
        self.process = start(&self.subject, address, None)?;
        Ok(())
    }

    /// Returns how long to wait for anything.
    pub fn limit(&self) -> Duration {
        self.subject.time_left().clamp(Duration::from_millis(1), PATIENCE)
    }

    pub fn is_server(&self) -> bool {
        self.listener.is_none()
    }

    pub fn is_short(&self) -> bool {
        self.subject.program.starts_with("short")
    }

    /// Returns what a client says first.
    pub fn message(&self) -> &'static str {
        message_of(self.subject.program)
    }

    /// Waits until a server lets a client in, or until a client comes. Nothing printed is needed.
    pub fn meet(&mut self) -> Result<Peer, Failure> {
        let begun = Instant::now();
        let met = poll(START.min(self.subject.time_left()), || {
            // Before it is asked for what it did at last.
            let has_ended = self.process.end_within(Duration::ZERO).is_some();
            let peer = match &self.listener {
                None => self.client().ok(),
                Some(listener) => {
                    let accepted = listener.accept().ok();
                    accepted.and_then(|(stream, _)| Peer::of(stream, self.limit()).ok())
                }
            };
            let is_elsewhere = begun.elapsed() > ELSEWHERE && self.elsewhere().is_some();
            (has_ended || peer.is_some() || is_elsewhere).then_some(peer)
        });
        let got = match met {
            Some(Some(peer)) => return Ok(peer),
            Some(None) => "it ended".to_owned(),
            None => late("nothing", START).to_string(),
        };
        let verb = if self.is_server() { "listens on" } else { "connects to" };
        let expected = format!("that it {verb} ADDRESS, its last argument");
        Err(Failure::No { expected, got, kind: Kind::ConnectionLost })
    }

    /// Says where it listens or connects in place of ADDRESS, where that can be seen.
    pub fn elsewhere(&self) -> Option<String> {
        let (call, verb) =
            if self.is_server() { ("bind", "listens on") } else { ("connect", "connects to") };
        let others = self.trace.other_addresses(call, self.address.port());
        Some(format!("it {verb} {}", others.first()?))
    }

    /// Connects one more client.
    pub fn client(&self) -> io::Result<Peer> {
        Peer::connect(self.address, self.limit())
    }

    /// Has a client talk as the tutorial's client does: one message, one reply, and with the short
    /// server the end of the stream.
    pub fn talk(&self, client: &Peer) -> Verdict {
        client.send(self.message())?;
        client.expect("ACK!")?;
        if self.is_short() {
            client.expect_end()?;
        }
        Ok(())
    }

    /// Has one more client come, talk and leave.
    pub fn serves_another(&self) -> Verdict {
        self.talk(&self.client()?)
    }

    /// Waits until all that has happened has had its effects, the death of the program among them,
    /// and has one more client come, talk and leave.
    pub fn serves_on(&self) -> Verdict {
        self.wait_until_idle();
        self.serves_another()
    }

    /// Takes a message from the client, and replies.
    pub fn reply(&self, server: &Peer, reply: impl AsRef<[u8]>) -> Verdict {
        server.expect(self.message())?;
        Ok(server.send(reply)?)
    }

    /// Waits until the original's calls have been made in their order.
    pub fn makes_its_calls(&self) -> Verdict {
        self.trace.shows(self.subject.program, self.address.port(), self.limit())
    }

    /// Kills it, and waits until nobody listens any more: it can be the child of another one.
    pub fn kill(&mut self) {
        self.process.kill_group();
        let _ = self.process.end_within(PATIENCE);
        let _ = poll(PATIENCE, || self.client().is_err().then_some(()));
    }

    /// Stops it and lets it go on, as Ctrl-Z and `fg` do.
    pub fn stop_and_continue(&self) {
        #[cfg(unix)]
        for signal in [rustix::process::Signal::STOP, rustix::process::Signal::CONT] {
            self.process.signal(signal);
        }
    }

    /// Waits until all its threads sleep: what has not happened by then does not happen.
    pub fn wait_until_idle(&self) {
        let mut in_a_row = 0;
        let _ = poll(self.limit(), || {
            let sleeps = self.process.sleeps();
            in_a_row = if sleeps { in_a_row + 1 } else { 0 };
            (in_a_row == 20).then_some(())
        });
    }

    /// Returns whether all clients have been accepted, as far as the system tells.
    pub fn queue_is_empty(&self) -> bool {
        let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let port = format!(":{:04X}", self.address.port());
        !table.lines().any(|line| {
            // See proc_pid_net(5): 0A is LISTEN; the second queue holds who waits.
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_listening = fields[1].ends_with(&port) && fields[3] == "0A";
            is_listening && !fields[4].ends_with(":00000000")
        })
    }

    /// Counts its open descriptors and those of its children, and the children.
    pub fn holds(&self) -> usize {
        held_by(self.process.id())
    }

    /// Waits until standard output holds enough and the program is idle, and returns all of it.
    fn printed(&self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.process.stdout.look(self.limit(), is_enough);
        self.wait_until_idle();
        self.process.stdout.look(Duration::ZERO, |_| true)
    }

    /// Waits until it has printed this on standard output, and nothing else.
    pub fn has_printed(&self, expected: &str) -> Verdict {
        let printed = self.printed(|bytes| {
            bytes.len() >= expected.len() || !expected.as_bytes().starts_with(bytes)
        });
        let mut lines = printed.split_inclusive(|byte| *byte == b'\n');
        let mut wanted = expected.split_inclusive('\n');
        loop {
            match (lines.next(), wanted.next()) {
                (None, None) => return Ok(()),
                (Some(line), Some(wanted)) if line == wanted.as_bytes() => {}
                (Some(line), None) => return unexpected("no more lines", quoted(line)),
                (line, Some(wanted)) => {
                    let got = line.map_or_else(|| "no such line".to_owned(), quoted);
                    return unexpected(quoted(wanted.as_bytes()), got);
                }
            }
        }
    }

    /// Waits until it has shown this at least so often, whatever it shows beside it.
    pub fn has_shown(&self, text: &str, times: usize) -> Verdict {
        let printed = self.printed(|bytes| count(bytes, text) >= times);
        match count(&printed, text) {
            enough if enough >= times => Ok(()),
            0 => unexpected(quoted(text.as_bytes()), quoted(&printed)),
            count => unexpected(
                format!("{} {times} times", quoted(text.as_bytes())),
                format!("it {count} times"),
            ),
        }
    }

    /// Waits until it has shown this on one line, and sees that nothing raw is on any line.
    pub fn has_shown_on_one_line(&self, beginning: &str, end: &str) -> Verdict {
        let printed = self.printed(|bytes| count(bytes, end) > 0);
        has_nothing_raw(&printed)?;
        let mut lines = printed.split(|byte| *byte == b'\n');
        match lines.find(|line| count(line, end) > 0) {
            Some(line) if count(line, beginning) > 0 => Ok(()),
            Some(line) => unexpected("it on one line", quoted(line)),
            None => {
                let last = printed.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
                unexpected(
                    "all of it on a line of standard output",
                    quoted(last.unwrap_or_default()),
                )
            }
        }
    }

    /// Waits until it has shown this so many times, and sees that nothing raw is on any line.
    pub fn has_shown_escaped(&self, text: &str, times: usize) -> Verdict {
        has_nothing_raw(&self.printed(|bytes| count(bytes, text) >= times))?;
        self.has_shown(text, times)
    }

    /// Waits until it has shown each text so many times, on a line of its own.
    pub fn has_shown_on_lines(&self, texts: [&str; 2], times: usize) -> Verdict {
        let is_complete = |bytes: &[u8]| texts.iter().all(|text| count(bytes, text) >= times);
        let printed = self.printed(is_complete);
        let mut lines = printed.split(|byte| *byte == b'\n');
        let is_mixed = |line: &&[u8]| texts.iter().all(|text| count(line, text) > 0);
        match lines.clone().find(is_mixed).or_else(|| lines.by_ref().max_by_key(|line| line.len()))
        {
            Some(line) if is_mixed(&line) || !is_complete(&printed) => {
                unexpected("a line for each client", quoted(line))
            }
            _ => Ok(()),
        }
    }

    /// Returns what it has said, except for what the original says, line by line.
    pub fn complaints(&self) -> Vec<String> {
        let outputs = [&self.process.stdout, &self.process.stderr];
        let texts = outputs.map(|output| text_of(output, Duration::ZERO));
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.filter(|line| !line.starts_with("[*] ")).map(str::to_owned).collect()
    }

    /// Waits until it has nothing more to say, and sees that it has said a line more at most.
    pub fn complains_briefly(&self, before: usize) -> Verdict {
        self.wait_until_idle();
        let count = self.complaints().len().saturating_sub(before);
        if count <= 1 {
            return Ok(());
        }
        // What it has written may still have to be read.
        let _ = poll(LAST_WORDS, || crash(&(self.complaints().join("\n") + "\n")));
        let complaints = self.complaints().join("\n") + "\n";
        crashed("one line at most", &complaints, format!("{count} lines"))
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> Result<ExitStatus, Failure> {
        let status = self.process.end_within(self.limit());
        let (expected, got) = ("its end".to_owned(), late("no end", PATIENCE).to_string());
        status.ok_or(Failure::No { expected, got, kind: Kind::Unexpected })
    }

    /// Waits for its end, which is to be a failure, with a line or two about it and no traceback.
    pub fn fails_briefly(&mut self) -> Verdict {
        let status = self.ends()?;
        let stdout = text_of(&self.process.stdout, LAST_WORDS);
        let stderr = text_of(&self.process.stderr, LAST_WORDS);
        let lines = stdout.lines().chain(stderr.lines());
        let expected = "a short error";
        match lines.filter(|line| !line.trim().is_empty()).count() {
            _ if status.success() => unexpected("status not 0", status.to_string()),
            0 => unexpected(expected, format!("{status}, without a word")),
            1..=3 if crash(&stderr).is_none() => Ok(()),
            count => crashed(expected, &stderr, format!("{count} lines")),
        }
    }

    /// Has the program say why a connection was lost, if it does.
    pub fn explain(&mut self, failure: Failure) -> Failure {
        let Failure::No { expected, got, kind: Kind::ConnectionLost } = failure else {
            return failure;
        };
        self.wait_until_idle(); // a traceback takes many writes
        match self.last_words() {
            Some(got) => Failure::No { expected, got, kind: Kind::Crash },
            None => Failure::No { expected, got, kind: Kind::Unexpected },
        }
    }

    /// Returns its words about a crash, or how it has ended.
    pub fn last_words(&mut self) -> Option<String> {
        poll(LAST_WORDS, || {
            let status = self.process.end_within(Duration::ZERO);
            let limit = status.map_or(Duration::ZERO, |_| LAST_WORDS);
            let stderr = text_of(&self.process.stderr, limit);
            crash(&stderr).or_else(|| {
                let status = status?;
                Some(match last_words(&stderr) {
                    Some(line) => format!("{line} ({status})"),
                    None => format!("it ended with {status}"),
                })
            })
        })
    }
}

/// Returns what a client of the program says.
pub fn message_of(program: &str) -> &'static str {
    if program.starts_with("short") { "i am TCP client" } else { "TCP client connect" }
}

fn start(
    subject: &Subject,
    address: SocketAddr,
    under: Option<Command>,
) -> Result<Process, Failure> {
    subject.start(address, under).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Failure::lacks("processes"),
        io::ErrorKind::OutOfMemory => Failure::lacks("memory"),
        _ => error.into(),
    })
}

/// Leaves a program so many descriptors.
fn with_descriptors(count: usize) -> Result<Command, Failure> {
    if !cfg!(target_os = "linux") {
        // Elsewhere who waits is lost, whatever the program does.
        return Err(Failure::NotTried(Reason::Impossible("only Linux keeps who waits")));
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {count} 2>/dev/null; exec \"$@\""), "sh"]);
    Ok(shell)
}

/// Returns the words of a crash, which say all, or else this.
fn crashed(expected: &str, text: &str, otherwise: String) -> Verdict {
    match crash(text) {
        None => unexpected(expected, otherwise),
        Some(got) => Err(Failure::No { expected: expected.to_owned(), got, kind: Kind::Crash }),
    }
}

fn held_by(process: u32) -> usize {
    let entries =
        |folder: &str| fs::read_dir(format!("/proc/{process}/{folder}")).into_iter().flatten();
    let children = entries("task")
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    let of_children = children.into_iter().map(|child| 1 + held_by(child));
    entries("fd").count() + of_children.sum::<usize>()
}

/// Returns what is on an output when it ends, or when the time is over.
fn text_of(output: &Output, limit: Duration) -> String {
    String::from_utf8_lossy(&output.look(limit, |_| false)).into_owned()
}

fn count(bytes: &[u8], text: &str) -> usize {
    String::from_utf8_lossy(bytes).matches(text).count()
}

fn has_nothing_raw(printed: &[u8]) -> Verdict {
    let mut lines = printed.split(|byte| *byte == b'\n');
    match lines.find(|line| is_raw(line)) {
        None => Ok(()),
        Some(raw) => unexpected("escaped text", format!("raw {}", shortened(raw))),
    }
}

/// Returns the beginning and the end of a line: what is raw can be anywhere in a long one.
fn shortened(line: &[u8]) -> String {
    match (line.get(..60), line.len().checked_sub(60)) {
        (Some(beginning), Some(end)) if end > 90 => {
            format!("{} ... {}", printable(beginning), printable(&line[end..]))
        }
        _ => printable(line).to_string(),
    }
}

/// Returns whether a line holds what drives a terminal, or is not text. A backslash is harmless.
fn is_raw(line: &[u8]) -> bool {
    let harmless = String::from_utf8_lossy(line).replace('\\', "/");
    std::str::from_utf8(line).is_err() || printable(harmless.as_bytes()).to_string() != harmless
}
