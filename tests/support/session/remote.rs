//! A session in namespaces of its own for its processes and its network, as it is reached from outside.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use os_pipe::PipeWriter;
use serde::Serialize;

use super::act::{Act, Line, Setup};
use super::launch::Launch;
use super::recording::Frame;
use crate::run::{Process, Program, own_machine_if_found, python};

/// The first word of a command line that has this program be a session.
pub const SESSION: &str = "session";

/// How long a session may take for a frame: it gives up waiting by itself long before.
const PATIENCE: Duration = Duration::from_secs(60);

const ENDED: &str = "the session has ended";

/// Has a shell give a command a network whose table of connections is small: to look at its sockets
/// then takes a hundredth of the time. Linux 6.1 and newer can.
const SMALL_TABLE: &str = "\
echo 256 2>/dev/null >/proc/sys/net/ipv4/tcp_child_ehash_entries &&
exec unshare --net sh -c 'ip link set lo up && exec \"$0\" \"$@\"' \"$0\" \"$@\"
exec \"$0\" \"$@\"";

/// A machine for each session that is started, with a network of its own.
pub struct Network {
    /// The words of a command that runs another one on a machine of its own.
    command: Vec<OsString>,
    /// This program. Its file may be another one by then, since Cargo may build it anew while it runs.
    this: PathBuf,
    python: OsString,
}

impl Network {
    /// Returns `None` where the system does not have what it takes.
    pub fn find() -> Option<Self> {
        let (network, python) = own_machine_if_found().zip(python())?;
        let this = env::current_exe().ok()?;
        // A thread of a batch job is not interrupted by one that has just been woken.
        let mut command: Vec<OsString> = ["chrt", "--batch", "0"].map(OsString::from).into();
        command.push(network.get_program().into());
        command.extend(network.get_args().map(OsStr::to_owned));
        command.extend(["sh", "-c", SMALL_TABLE].map(OsString::from));
        Some(Self { command, this, python })
    }

    /// Starts this very program once more, as a session that answers each act.
    pub fn start(&self, setup: &Setup) -> io::Result<Remote> {
        let (sender, answers) = mpsc::channel();
        let told = self.start_telling(setup, move |answer| sender.send(answer).is_ok())?;
        Ok(Remote { told, answers })
    }

    /// Starts a session whose answers are passed on as they come, for as long as that returns true.
    pub fn start_telling(
        &self,
        setup: &Setup,
        mut pass_on: impl FnMut(io::Result<Answer>) -> bool + Send + 'static,
    ) -> io::Result<Told> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg(&self.this).arg(SESSION);
        command.arg(network_namespace()?);
        let (its_input, input) = os_pipe::pipe()?;
        let (output, its_output) = os_pipe::pipe()?;
        let program = Program::of(command).in_own_session().env("PYTHON", &self.python);
        let program = program.stdin(its_input).stdout(its_output).stderr(Stdio::inherit());
        let process = program.spawn()?;
        thread::Builder::new().spawn(move || {
            for line in BufReader::new(output).lines() {
                let answer = line.and_then(|line| Ok(serde_json::from_str::<Answer>(&line)?));
                if !pass_on(answer) {
                    return;
                }
            }
            pass_on(Err(io::Error::other(ENDED)));
        })?;
        let mut told = Told { input, _process: process };
        told.tell(setup)?;
        Ok(told)
    }
}

/// What a session answers to an act.
pub type Answer = Result<Frame, String>;

/// A session that runs, and ends when this is dropped.
pub struct Remote {
    told: Told,
    answers: Receiver<io::Result<Answer>>,
}

impl Remote {
    /// Does something to a program, and returns what there is to see then.
    ///
    /// # Errors
    ///
    /// The session has ended, or the system refuses what the session needs.
    pub fn act(&mut self, who: usize, act: Act) -> io::Result<Frame> {
        self.told.act(who, act)?;
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => answer?.map_err(io::Error::other),
            Err(RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other(ENDED)),
        }
    }
}

/// A session that is told what to do; what it answers goes elsewhere. It ends when this is dropped.
pub struct Told {
    input: PipeWriter,
    _process: Process,
}

impl Told {
    /// Has something be done to a program.
    pub fn act(&mut self, who: usize, act: Act) -> io::Result<()> {
        self.tell(&Line::Act { who, act })
    }

    /// Has a program be started in another way the next time; the next number adds a client.
    pub fn set(&mut self, who: usize, launch: Launch) -> io::Result<()> {
        self.tell(&Line::Set { who, launch })
    }

    /// Has clients connect from other ports than so far.
    pub fn choose_other_ports(&mut self) -> io::Result<()> {
        self.tell(&Line::OtherPorts)
    }

    fn tell(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_string(what)?;
        line.push('\n');
        self.input.write_all(line.as_bytes())
    }
}

/// Returns the name of the network namespace that this process is in.
fn network_namespace() -> io::Result<OsString> {
    Ok(std::fs::read_link("/proc/self/ns/net")?.into())
}

/// Is a session, on standard input and output, until its input ends. The word behind [`SESSION`] names
/// the network that this must not be: the system's own settings stay as they are.
pub fn be_session(outer: &OsStr) -> io::Result<()> {
    if network_namespace()? == outer {
        return Err(io::Error::other("this is the system's network"));
    }
    #[cfg(target_os = "linux")]
    return super::inside::obey();
    #[cfg(not(target_os = "linux"))]
    Err(ErrorKind::Unsupported.into())
}
