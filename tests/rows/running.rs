//! A program under judgement that runs: what is done with it, and what is seen of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use common::printable;

use super::trace::Trace;
use super::{Instead, Subject, Under, Verdict, instead};
use harness::{Output, Peer, Process, free_address, late, poll};

/// How long to wait for anything; only a row that does not hold waits this long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a program may take until it listens, or connects.
const START: Duration = Duration::from_secs(10);

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
    pub fn start(subject: &Subject, under: Under) -> Result<Self, Instead> {
        let (listener, address) = if subject.program.ends_with("server") {
            (None, free_address()?)
        } else {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            (Some(listener), address)
        };
        let trace = Trace::new();
        let under = match under {
            Under::Nothing => None,
            Under::Strace => Some(trace.strace(&[])?),
            Under::Fault(fault) => Some(trace.strace(&["-e", &format!("inject={fault}")])?),
            Under::Descriptors(count) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {count} 2>/dev/null; exec \"$@\""), "sh"]);
                Some(shell)
            }
        };
        Ok(Self {
            subject: subject.clone(),
            process: subject.start(address, under)?,
            address,
            listener,
            trace,
        })
    }

    /// Starts it once more, and ends the first one.
    pub fn start_again(&mut self, address: SocketAddr) -> Verdict {
        self.process = self.subject.start(address, None)?;
        Ok(())
    }

    pub fn is_short(&self) -> bool {
        self.subject.program.starts_with("short")
    }

    /// Returns what a client says first.
    pub fn message(&self) -> &'static str {
        if self.is_short() { "i am TCP client" } else { "TCP client connect" }
    }

    /// Waits until a server lets a client in, or until a client comes. Nothing printed is needed.
    pub fn meet(&mut self) -> Result<Peer, Instead> {
        let met = poll(START, || {
            // Before it is asked for what it did at last.
            let has_ended = self.process.end_within(Duration::ZERO).is_some();
            let peer = match &self.listener {
                None => self.client().ok(),
                Some(listener) => {
                    let accepted = listener.accept().ok();
                    accepted.and_then(|(stream, _)| Peer::of(stream, PATIENCE).ok())
                }
            };
            (has_ended || peer.is_some()).then_some(peer)
        });
        let peer = met.ok_or_else(|| late(&self.miss(), START))?;
        peer.ok_or_else(|| Instead::Lost("it ended".to_owned()))
    }

    /// Says that it does not do the first thing that it should.
    pub fn miss(&self) -> String {
        let verb = if self.listener.is_none() { "listen on" } else { "connect to" };
        format!("it does not {verb} ADDRESS, its last argument")
    }

    /// Connects one more client.
    pub fn client(&self) -> io::Result<Peer> {
        Peer::connect(self.address, PATIENCE)
    }

    /// Has a client talk as the tutorial's client does: one message, one reply, and with the short
    /// server the end of the stream.
    pub fn talk(&self, client: &mut Peer) -> Verdict {
        client.send(self.message())?;
        client.expect("ACK!")?;
        if self.is_short() {
            client.expect_end()?;
        }
        Ok(())
    }

    /// Has one more client come, talk and leave.
    pub fn serves_another(&self) -> Verdict {
        self.talk(&mut self.client()?)
    }

    /// Waits until all that has happened has had its effects, the death of the program among them,
    /// and has one more client come, talk and leave.
    pub fn serves_on(&self) -> Verdict {
        self.comes_to_rest();
        self.serves_another()
    }

    /// Takes a message from the client, and replies.
    pub fn reply(&self, server: &mut Peer, reply: impl AsRef<[u8]>) -> Verdict {
        server.expect(self.message())?;
        Ok(server.send(reply)?)
    }

    /// Waits until the original's calls have been made in their order.
    pub fn makes_its_calls(&self) -> Verdict {
        self.trace.shows(self.subject.program, self.address.port())
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
    pub fn comes_to_rest(&self) {
        let mut in_a_row = 0;
        let _ = poll(PATIENCE, || {
            let sleeps = self.process.sleeps();
            in_a_row = if sleeps { in_a_row + 1 } else { 0 };
            (in_a_row == 20).then_some(())
        });
    }

    /// Waits until standard output holds enough and the program rests, and returns all of it.
    fn printed(&self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.process.stdout.look(PATIENCE, is_enough);
        self.comes_to_rest();
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
                (Some(line), _) => return instead(format!("it printed {}", printable(line))),
                (None, Some(wanted)) => {
                    return instead(format!("it did not print {}", wanted.trim_end()));
                }
            }
        }
    }

    /// Waits until it has shown this on one line, and sees that nothing raw is on any line.
    pub fn has_shown_on_one_line(&self, beginning: &str, end: &str) -> Verdict {
        let printed = self.printed(|bytes| has(bytes, end));
        let mut lines = printed.split(|byte| *byte == b'\n');
        if let Some(raw) = lines.clone().find(|line| is_raw(line)) {
            return instead(format!("it printed raw {}", printable(raw)));
        }
        match lines.find(|line| has(line, end)) {
            Some(line) if has(line, beginning) => Ok(()),
            Some(line) => instead(format!("it printed {}", printable(line))),
            None => instead("it does not show what came"),
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
        self.comes_to_rest();
        let complaints = self.complaints();
        match complaints.len().saturating_sub(before) {
            0 | 1 => Ok(()),
            count => {
                let exception = exception(&complaints.join("\n"));
                instead(exception.unwrap_or_else(|| format!("{count} lines")))
            }
        }
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> Result<ExitStatus, Instead> {
        let status = self.process.end_within(PATIENCE);
        Ok(status.ok_or_else(|| late("it does not end", PATIENCE))?)
    }

    /// Waits for its end, which is to be a failure, with a line or two about it and no traceback.
    pub fn fails_briefly(&mut self) -> Verdict {
        let status = self.ends()?;
        let stdout = text_of(&self.process.stdout, LAST_WORDS);
        let stderr = text_of(&self.process.stderr, LAST_WORDS);
        let lines = stdout.lines().chain(stderr.lines());
        match lines.filter(|line| !line.trim().is_empty()).count() {
            _ if status.success() => instead(format!("it ended with {status}")),
            0 => instead(format!("it ended with {status}, without a word")),
            1..=3 if !stderr.contains("Traceback") => Ok(()),
            count => {
                instead(exception(&stderr).unwrap_or_else(|| format!("{count} lines about it")))
            }
        }
    }

    /// Returns why a conversation broke off, in the program's own words if it has any.
    pub fn explain(&mut self, instead: Instead) -> Instead {
        let Instead::Lost(words) = instead else {
            return instead;
        };
        let own = poll(LAST_WORDS, || {
            let status = self.process.end_within(Duration::ZERO);
            let limit = status.map_or(Duration::ZERO, |_| LAST_WORDS);
            let stderr = text_of(&self.process.stderr, limit);
            exception(&stderr).or_else(|| {
                let status = status?;
                Some(match stderr.lines().last() {
                    Some(line) => format!("{} ({status})", printable(line.as_bytes())),
                    None => format!("it ended with {status}"),
                })
            })
        });
        Instead::Happened(own.unwrap_or(words))
    }
}

/// Returns what is on an output when it ends, or when the time is over.
fn text_of(output: &Output, limit: Duration) -> String {
    String::from_utf8_lossy(&output.look(limit, |_| false)).into_owned()
}

fn has(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

/// Returns the last line that names an error, as a traceback ends with one.
fn exception(stderr: &str) -> Option<String> {
    let names_one = |line: &&str| {
        let name = line.split([':', ' ']).next().unwrap_or_default();
        let ends = ["rror", "xception", "panic", "timeout"];
        ends.iter().any(|end| name.ends_with(end))
    };
    let line = stderr.lines().rfind(names_one)?;
    Some(printable(line.trim_end().as_bytes()).to_string())
}

/// Returns whether a line holds what drives a terminal, or is not text. A backslash is harmless.
fn is_raw(line: &[u8]) -> bool {
    let harmless = String::from_utf8_lossy(line).replace('\\', "/");
    std::str::from_utf8(line).is_err() || printable(harmless.as_bytes()).to_string() != harmless
}
