//! A program under judgement that runs, and what is done with it.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use super::trace::Trace;
use super::{Failure, Kind, Reason, Subject, Under, Verdict, unexpected};
use crate::run::sockets::{Entry, sockets};
use crate::run::{Output, Peer, Process, free_address, late, poll, proc, quoted};

/// How long to wait for anything; only a row that does not hold waits this long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a program may take until it listens, or connects.
const START: Duration = Duration::from_secs(10);

/// How long it may take to do so once it does the same elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// More bytes than anybody says at a time who waits for an answer.
const MOST_SAID: usize = 1000;

pub struct Running {
    pub(super) subject: Subject,
    pub(super) process: Process,
    pub address: SocketAddr,
    /// Where a client is waited for.
    listener: Option<TcpListener>,
    pub trace: Trace,
}

impl Running {
    /// Starts it with the address of a listener, or with a free one if it is a server.
    pub fn start(subject: &Subject, setup: Under) -> Result<Self, Failure> {
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
            Under::Plain => None,
            Under::Traced => Some(trace.strace(&[])?),
            Under::Injected(fault) => {
                Some(trace.strace(&["-e".to_owned(), format!("inject={fault}")])?)
            }
            Under::Descriptors(count) => Some(with_descriptors(count)?),
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

    /// Returns what a client says in the original.
    pub fn original(&self) -> &'static str {
        original(self.subject.program)
    }

    /// Returns what a client says.
    pub fn message(&self) -> &[u8] {
        let own = self.subject.says.as_deref().filter(|_| !self.is_server());
        own.unwrap_or_else(|| self.original().as_bytes())
    }

    /// Returns what the server replies.
    pub fn reply(&self) -> &[u8] {
        self.subject.says.as_deref().unwrap_or(b"ACK!")
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

    /// Returns where it listens or connects in place of ADDRESS, where that can be seen.
    pub fn elsewhere(&self) -> Option<String> {
        let call = if self.is_server() { "bind" } else { "connect" };
        self.trace.other_addresses(call, self.address.port()).into_iter().next()
    }

    /// Connects one more client.
    pub fn client(&self) -> io::Result<Peer> {
        Peer::connect(self.address, self.limit())
    }

    /// Has a client talk as the tutorial's client does: one message, one reply, and with the short
    /// server the end of the stream.
    pub fn talk(&self, client: &Peer) -> Verdict {
        self.say(client, self.message())
    }

    /// Has a client say this, and get its reply.
    pub fn say(&self, client: &Peer, message: impl AsRef<[u8]>) -> Verdict {
        client.send(message)?;
        self.answers(client, self.reply())
    }

    /// Waits for this reply, and with the short server for the end of the stream behind it.
    pub fn answers(&self, client: &Peer, reply: &[u8]) -> Verdict {
        client.expect(reply)?;
        let more = if self.is_short() { client.rest()? } else { Vec::new() };
        if more.is_empty() {
            return Ok(());
        }
        unexpected(quoted(reply), quoted(&[reply, &*more].concat()))
    }

    /// Returns what the other side says before it waits for an answer, or ends.
    pub fn hears(&self, peer: &mut Peer) -> Vec<u8> {
        let mut heard = peer.receive().unwrap_or_default();
        while !heard.is_empty() && heard.len() < MOST_SAID {
            match self.hears_now(peer) {
                Ok(more) if !more.is_empty() => heard.extend(more),
                _ => break,
            }
        }
        heard
    }

    /// Returns what comes before all sleep.
    pub fn hears_now(&self, peer: &mut Peer) -> Result<Vec<u8>, Failure> {
        self.wait_until_idle();
        self.hears_within(peer, Duration::from_millis(1))
    }

    /// Returns what comes in this time; the end of the stream is an error.
    pub fn hears_within(&self, peer: &mut Peer, time: Duration) -> Result<Vec<u8>, Failure> {
        peer.limit(time);
        let heard = peer.receive();
        peer.limit(self.limit());
        match heard {
            Ok(bytes) if bytes.is_empty() => {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
            }
            Err(error) if error.kind() != io::ErrorKind::TimedOut => Err(error.into()),
            heard => Ok(heard.unwrap_or_default()),
        }
    }

    /// Has one more client come, talk and leave.
    pub fn serves_another(&self) -> Verdict {
        let served = self.client().map_err(Failure::from).and_then(|next| self.talk(&next));
        served.map_err(|failure| match failure {
            Failure::No { expected, got, kind } => {
                Failure::No { expected: expected + " for the next client", got, kind }
            }
            not_tried @ Failure::NotTried(_) => not_tried,
        })
    }

    /// Waits until all that has happened has had its effects, the death of the program among them,
    /// and has one more client come, talk and leave.
    pub fn serves_on(&self) -> Verdict {
        self.wait_until_idle();
        self.serves_another()
    }

    /// Takes a message from the client, and replies as the server does: the short one then ends its side.
    pub fn answer(&self, server: &Peer, reply: impl AsRef<[u8]>) -> Verdict {
        server.expect(self.message())?;
        server.send(reply)?;
        if self.is_short() {
            // Who has read enough may have left; ignore the error.
            let _ = server.send_no_more();
        }
        Ok(())
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
        let (mut in_a_row, mut before) = (0, None);
        let _ = poll(self.limit(), || {
            // What it has written may still have to be read.
            let printed = Some([&self.process.stdout, &self.process.stderr].map(Output::unread));
            let is_idle = self.process.sleeps() && printed == before;
            in_a_row = if is_idle { in_a_row + 1 } else { 0 };
            before = printed;
            (in_a_row == 20).then_some(())
        });
    }

    /// Returns whether all clients have been accepted, as far as the system tells.
    pub fn queue_is_empty(&self) -> bool {
        self.listening_socket().is_none_or(|socket| socket.unread == 0)
    }

    /// Returns whether it listens in a process that has left its session, as daemons do: a row could not end it.
    pub fn is_daemon(&self) -> bool {
        let Some(socket) = self.listening_socket() else {
            return false;
        };
        let name = format!("socket:[{}]", socket.inode);
        let processes = proc::session(self.process.id()).into_iter();
        let descriptors: Vec<_> = processes.map(|process| proc::entries(process, "fd")).collect();
        // Another user's are not shown.
        let all_shown = descriptors.iter().all(|of_one| !of_one.is_empty());
        let is_it = |file: &_| fs::read_link(file).is_ok_and(|link| link.as_os_str() == &*name);
        all_shown && !descriptors.iter().flatten().any(is_it)
    }

    fn listening_socket(&self) -> Option<Entry> {
        let port = self.address.port();
        let is_it = |socket: &Entry| socket.state == "LISTEN" && socket.address.port() == port;
        sockets().into_iter().find(is_it)
    }

    /// Counts its descriptors, its processes, those that have ended among them, and its threads.
    pub fn holds(&self) -> [usize; 3] {
        let processes = self.process.processes();
        let count = |name| processes.iter().map(move |process| proc::entries(*process, name).len());
        [count("fd").sum(), processes.len(), count("task").sum()]
    }
}

/// Returns what a client of the program says in the original.
pub fn original(program: &str) -> &'static str {
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
