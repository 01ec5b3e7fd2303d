//! Recordings, each made in namespaces of its own for its processes and its network.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::tempfile;

use support::command_line::{Problem, failure, misuse};
use support::run::{Program, own_machine_if_found, python};

use crate::scenario;
use crate::{own, run};
use support::session::recording::Recording;

/// The first word of a command line that has this program record in the network that it is in. The
/// next one is the network that this must not be.
pub const RECORD: &str = "record-here";

/// How often a scenario is begun again. Which thread of a server asks first is left to chance.
const TRIES: usize = 6;

/// How long a recording may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Has recordings made.
pub struct Namespace {
    /// The words of a command that runs this program on a machine of its own.
    command: Vec<OsString>,
    python: OsString,
}

impl Namespace {
    /// Returns `None` where the system does not have what it takes.
    pub fn find() -> Result<Option<Self>, Problem> {
        let (Some(network), Some(python)) = (own_machine_if_found(), python()) else {
            return Ok(None);
        };
        // A thread of a batch job is not interrupted by one that has just been woken.
        let mut command: Vec<OsString> = ["chrt", "--batch", "0"].map(OsString::from).into();
        command.push(network.get_program().into());
        command.extend(network.get_args().map(OsStr::to_owned));
        let this = env::current_exe().or_else(|error| failure(error.to_string()))?;
        command.extend([this.into(), RECORD.into(), network_namespace()?.into()]);
        Ok(Some(Self { command, python }))
    }

    /// Has a recording made; again where something unexpected happened.
    pub fn record(&self, what: &[&str]) -> Result<Recording, Problem> {
        let mut tries = 1;
        loop {
            let (recording, is_as_written) = self
                .try_to_record(what)
                .or_else(|error| failure(format!("cannot record {}: {error}", what.join(" "))))?;
            if is_as_written || tries == TRIES {
                return Ok(recording);
            }
            tries += 1;
        }
    }

    fn try_to_record(&self, what: &[&str]) -> io::Result<(Recording, bool)> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(what);
        // It has no name: nothing is left behind, however this process ends.
        let mut file = tempfile()?;
        let program = Program::of(command).in_own_session().env("PYTHON", &self.python);
        let mut process = program.stdout(file.try_clone()?).stderr(Stdio::inherit()).spawn()?;
        let status = process.end_within(PATIENCE).ok_or(ErrorKind::TimedOut)?;
        file.rewind()?;
        let recording = serde_json::from_reader(file);
        let recording = recording.map_err(|_| io::Error::other("the recording has broken off"))?;
        Ok((recording, status.success()))
    }
}

/// Returns the name of the network namespace that this process is in.
fn network_namespace() -> Result<PathBuf, Problem> {
    fs::read_link("/proc/self/ns/net").or_else(|error| failure(error.to_string()))
}

/// Records a scenario or a learner's pair, and writes the recording to standard output. The exit
/// status tells whether all went as it is written.
pub fn record_here(words: &[OsString]) -> Result<ExitCode, Problem> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    // The system's own settings stay as they are.
    let here = network_namespace()?;
    let recording = match words[..] {
        [outer, _, ..] if here == Path::new(outer) => {
            return misuse("this is the system's network");
        }
        [_, "own", server, client] => own::record(server, client).map(|own| (own, true)),
        [_, id, edition] => {
            let all = scenario::all();
            let Some(scenario) = all.iter().find(|scenario| scenario.id == id) else {
                return misuse(format!("there is no scenario {id}"));
            };
            run_on_one_cpu().and_then(|()| run::record(scenario, edition))
        }
        _ => return misuse("only this program itself uses this"),
    };
    let (recording, is_as_written) = recording.or_else(|error| failure(error.to_string()))?;
    serde_json::to_writer(io::stdout(), &recording).map_err(io::Error::from)?;
    Ok(if is_as_written { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keeps this process, and what it starts, on one CPU, where a thread mostly goes on until it waits.
fn run_on_one_cpu() -> io::Result<()> {
    let cpus = sched_getaffinity(None)?;
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| cpus.is_set(*cpu)).collect();
    let mut one = CpuSet::new();
    one.set(cpus[fastrand::usize(..cpus.len())]);
    Ok(sched_setaffinity(None, &one)?)
}
