//! A program under judgement: how it is started, and what is seen of it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use common::printable;

use super::{Instead, Verdict, instead};
use crate::harness::{
    Output, Peer, Process, Program, free_address, late, listening_socket, path_of, path_of_twin,
    poll, python_if_found, strays,
};

/// How long anything that should come may take; only what does not hold takes so long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a program may take until it listens, or connects.
const START: Duration = Duration::from_secs(10);

/// How long a program may take to say why it has ended a connection.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much of each output is kept, in bytes.
const KEPT: usize = 64 * 1024;

/// A program that is to do what one of the four does.
#[derive(Clone)]
pub struct Subject {
    pub program: &'static str,
    /// The command that starts it; an ADDRESS is added.
    pub command: Vec<OsString>,
}

impl Subject {
    /// Returns the program in Rust.
    pub fn rust(program: &'static str) -> Self {
        let command = vec![path_of(program).into()];
        Self { program, command }
    }

    /// Returns its Python twin, where there is an interpreter.
    pub fn twin(program: &'static str) -> Option<Self> {
        let interpreter = python_if_found()?.get_program().to_owned();
        let command = vec![interpreter, path_of_twin(program).into()];
        Some(Self { program, command })
    }

    pub fn is_short(&self) -> bool {
        self.program.starts_with("short")
    }

    /// Returns what a client says first.
    pub fn message(&self) -> &'static str {
        if self.is_short() {
            "i am TCP client"
        } else {
            "TCP client connect"
        }
    }

    /// Starts it, perhaps under another command.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot be started.
    pub fn start(&self, address: SocketAddr, under: Option<Command>) -> io::Result<Process> {
        let (program, arguments) = self.command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(arguments).arg(address.to_string());
        command.env("PYTHONUNBUFFERED", "1");
        let program = Program::of(command);
        let program = under.into_iter().fold(program, Program::under);
        program.in_a_terminal().keeping(KEPT).spawn()
    }

    /// Starts the server on a free port, and tells a story of it and its first client.
    pub fn serve(&self, story: impl FnOnce(&mut Running, &mut Peer) -> Verdict) -> Verdict {
        self.serve_on(free_address(), None, story)
    }

    /// Does the same with an address, and perhaps under another command.
    pub fn serve_on(
        &self,
        address: SocketAddr,
        under: Option<Command>,
        story: impl FnOnce(&mut Running, &mut Peer) -> Verdict,
    ) -> Verdict {
        let mut server = Running::start(self, address, under)?;
        // The first client tries until it is let in: nothing printed is needed to know when.
        let connect = || Peer::connect(address, PATIENCE).ok();
        match server.wait_for("it does not listen", connect) {
            Ok(mut client) => {
                let verdict = story(&mut server, &mut client);
                // While the client is still there, for its leaving could be the end of the server.
                verdict.map_err(|instead| server.explain(instead))
            }
            Err(instead) => Err(server.explain(instead)),
        }
    }

    /// Starts the client, and tells a story of it and the server that it connects to.
    pub fn visit(&self, story: impl FnOnce(&mut Running, &mut Peer) -> Verdict) -> Verdict {
        self.visit_under(None, story)
    }

    /// Does the same, perhaps under another command.
    pub fn visit_under(
        &self,
        under: Option<Command>,
        story: impl FnOnce(&mut Running, &mut Peer) -> Verdict,
    ) -> Verdict {
        let (listener, address) = listening_socket();
        let address = address.parse().expect("it is IP:PORT");
        let mut client = Running::start(self, address, under)?;
        let accept = || accept_now(&listener);
        match client.wait_for("it does not connect", accept) {
            Ok(mut server) => {
                let verdict = story(&mut client, &mut server);
                verdict.map_err(|instead| client.explain(instead))
            }
            Err(instead) => Err(client.explain(instead)),
        }
    }
}

/// Takes a client if one has come.
fn accept_now(listener: &TcpListener) -> Option<Peer> {
    listener.set_nonblocking(true).ok()?;
    let (stream, _) = listener.accept().ok()?;
    Peer::of(stream, PATIENCE).ok()
}

/// A program under judgement that runs.
pub struct Running {
    process: Process,
    pub address: SocketAddr,
    is_short: bool,
    message: &'static str,
}

impl Running {
    pub fn start(
        subject: &Subject,
        address: SocketAddr,
        under: Option<Command>,
    ) -> Result<Self, Instead> {
        Ok(Self {
            process: subject.start(address, under)?,
            address,
            is_short: subject.is_short(),
            message: subject.message(),
        })
    }

    /// Asks until there is an answer, or the program has ended, or it takes too long.
    fn wait_for<T>(
        &mut self,
        late: &str,
        mut ask: impl FnMut() -> Option<T>,
    ) -> Result<T, Instead> {
        let answer = poll(START, || match ask() {
            Some(answer) => Some(Ok(answer)),
            // What an ended program did at last is asked for once more.
            None if self.has_ended() => {
                Some(ask().ok_or_else(|| Instead::Lost("it ended".to_owned())))
            }
            None => None,
        });
        answer.unwrap_or_else(|| {
            let limit = START.as_secs();
            Err(Instead::Happened(format!("{late} in {limit} s")))
        })
    }

    fn has_ended(&mut self) -> bool {
        self.process.end_within(Duration::ZERO).is_some()
    }

    /// Connects one more client.
    pub fn client(&self) -> io::Result<Peer> {
        Peer::connect(self.address, PATIENCE)
    }

    /// Has a client talk as the tutorial's client does: one message, one reply, and with the short
    /// server the end of the stream.
    pub fn talk(&self, client: &mut Peer) -> Verdict {
        client.send(self.message)?;
        client.expect("ACK!")?;
        if self.is_short {
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
        server.expect(self.message)?;
        Ok(server.send(reply)?)
    }

    pub fn kill(&self) {
        self.process.kill_group();
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
            in_a_row = if strays::sleeps(self.process.id()) {
                in_a_row + 1
            } else {
                0
            };
            (in_a_row == 20).then_some(())
        });
    }

    /// Waits until standard output holds this much, and returns all of it.
    pub fn printed(&self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.process.stdout.look(PATIENCE, is_enough)
    }

    /// Returns all that is on standard error by now.
    pub fn complaints(&self) -> String {
        text_of(&self.process.stderr, Duration::ZERO)
    }

    /// Waits until it has printed this on standard output, and nothing else.
    pub fn has_printed(&self, expected: &str) -> Verdict {
        let is_enough =
            |bytes: &[u8]| bytes.len() >= expected.len() || !expected.as_bytes().starts_with(bytes);
        self.printed(is_enough);
        self.comes_to_rest();
        let printed = self.printed(is_enough);
        if printed == expected.as_bytes() {
            return Ok(());
        }
        // The first line that is another one.
        let mut lines = printed.split_inclusive(|byte| *byte == b'\n');
        let mut expected = expected.split_inclusive('\n');
        loop {
            match (lines.next(), expected.next()) {
                (Some(line), Some(expected)) if line == expected.as_bytes() => {}
                (Some(line), _) => return instead(format!("it printed {}", printable(line))),
                (None, Some(line)) => {
                    return instead(format!("it did not print {}", line.trim_end()));
                }
                (None, None) => return Ok(()),
            }
        }
    }

    /// Waits until it has shown this on one line, and sees that nothing raw is on any line.
    pub fn has_shown_on_one_line(&self, beginning: &str, end: &str) -> Verdict {
        let has =
            |line: &[u8], text: &str| line.windows(text.len()).any(|part| part == text.as_bytes());
        self.printed(|bytes| has(bytes, end));
        self.comes_to_rest();
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

    /// Waits until it has shown this.
    pub fn has_shown(&self, text: &str) -> Verdict {
        let has = |bytes: &[u8]| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        if has(&self.printed(has)) {
            return Ok(());
        }
        instead("it does not show what came")
    }

    /// Waits until it has nothing more to say, and sees that standard error has a line at most.
    pub fn complains_briefly(&self) -> Verdict {
        self.comes_to_rest();
        let complaints = self.complaints();
        match complaints.lines().count() {
            0 | 1 => Ok(()),
            count => instead(exception(&complaints).unwrap_or_else(|| format!("{count} lines"))),
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
        let [stdout, stderr] =
            [&self.process.stdout, &self.process.stderr].map(|output| text_of(output, LAST_WORDS));
        let lines = stdout.lines().chain(stderr.lines());
        let count = lines.filter(|line| !line.trim().is_empty()).count();
        match count {
            _ if status.success() => instead(format!("it ended with {status}")),
            0 => instead(format!("it ended with {status}, without a word")),
            1..=3 if !stderr.contains("Traceback") => Ok(()),
            _ => instead(exception(&stderr).unwrap_or_else(|| format!("{count} lines about it"))),
        }
    }

    /// Returns why a conversation broke off, in the program's own words if it has any.
    fn explain(&mut self, instead: Instead) -> Instead {
        let Instead::Lost(words) = instead else {
            return instead;
        };
        let own = poll(LAST_WORDS, || match exception(&self.complaints()) {
            None if self.has_ended() => Some(self.last_words()),
            exception => exception,
        });
        Instead::Happened(own.unwrap_or(words))
    }

    fn last_words(&mut self) -> String {
        let status = self.process.end_within(Duration::ZERO);
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        let stderr = text_of(&self.process.stderr, LAST_WORDS);
        exception(&stderr).unwrap_or_else(|| match stderr.lines().last() {
            Some(line) => format!("it ended with {status}: {}", printable(line.as_bytes())),
            None => format!("it ended with {status}"),
        })
    }
}

/// Returns what is on an output when it ends, or when the time is over.
fn text_of(output: &Output, limit: Duration) -> String {
    String::from_utf8_lossy(&output.look(limit, |_| false)).into_owned()
}

/// Returns the last line that names an error, as a traceback ends with one.
fn exception(stderr: &str) -> Option<String> {
    let names_one = |line: &&str| {
        let name = line.split([':', ' ']).next().unwrap_or_default();
        ["rror", "xception", "panic", "timeout"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let line = stderr.lines().rfind(names_one)?;
    Some(printable(line.trim_end().as_bytes()).to_string())
}

/// Returns whether a line holds what drives a terminal, or is no text. A backslash is harmless.
fn is_raw(line: &[u8]) -> bool {
    let harmless = String::from_utf8_lossy(line).replace('\\', "/");
    std::str::from_utf8(line).is_err() || printable(harmless.as_bytes()).to_string() != harmless
}

/// Returns a command that runs another one with few descriptors.
pub fn with_few_descriptors(count: usize) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {count} && exec \"$@\"");
    shell.args([OsStr::new("-c"), script.as_ref(), "sh".as_ref()]);
    shell
}
