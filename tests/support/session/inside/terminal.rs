//! A terminal, and the program that runs in it.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus};
use std::time::Duration;

use os_pipe::PipeWriter;
use rustix::fs::{OFlags, fcntl_setfl};
use tempfile::tempfile;

use super::calls::{self, Call};
use super::lines::{find_lines_in_python, find_lines_in_rust};
use super::threads::{self, threads_of};
use crate::root;
use crate::run::narrated::text_of;
use crate::run::proc::is_asleep;
use crate::run::{LIMIT, PROMPT_END, Process, Program};
use crate::session::launch::Launch;
use crate::session::recording::{At, Did, Side, Source, State, Thread, When};
use crate::session::source::source_of;

/// How much is read, in bytes. A program that prints without end waits then.
const MOST_SHOWN: usize = 64 * 1024;

/// The number of `SIGKILL`.
const KILL: i32 = 9;

/// How long a program may run without its outputs.
const LAST_MOMENT: Duration = Duration::from_secs(2);

pub struct Terminal {
    pub launch: Launch,
    source: Source,
    /// The line of each call of a Python program. The file has no name, so that nothing is left
    /// behind.
    lines: File,
    running: Option<Running>,
    status: Option<ExitStatus>,
    /// All that it shows.
    shown: Vec<u8>,
    /// Where the last program's output begins in it.
    begin: usize,
    /// How much of it earlier frames show.
    framed: usize,
    /// How many lines have been typed, and questions cut short, since the last program was started.
    entered: usize,
    /// The last call that the program was let make, and how many such calls it had shown then.
    let_make: Option<(String, usize)>,
}

/// A program that runs, and what it prints on both outputs; where there is nothing to read, reading
/// does not wait.
struct Running {
    process: Process,
    /// `None` once it has ended.
    input: Option<PipeWriter>,
    output: File,
}

impl Terminal {
    pub fn new(launch: Launch) -> io::Result<Self> {
        let source = source_of(&launch.part)?;
        let lines = tempfile()?;
        let shown = b"$ ".to_vec();
        let (running, status, begin, framed, entered) = Default::default();
        let let_make = None;
        Ok(Self { launch, source, lines, running, status, shown, begin, framed, entered, let_make })
    }

    /// Starts the program, as the source is now.
    pub fn start(&mut self) -> io::Result<()> {
        self.source = source_of(&self.launch.part)?;
        self.lines.set_len(0)?;
        self.running = Some(run(&self.launch, &self.path_of_lines())?);
        self.status = None;
        self.shown.extend(format!("{}\n", self.launch.typed()).bytes());
        (self.begin, self.entered, self.let_make) = (self.shown.len(), 0, None);
        Ok(())
    }

    /// Returns the name by which others can open the file.
    fn path_of_lines(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", process::id(), self.lines.as_raw_fd()).into()
    }

    /// Reads what is new, and notices the program's end.
    pub fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        while let Some(running) = self.running.as_mut().filter(|_| self.shown.len() < MOST_SHOWN) {
            match running.output.read(&mut buffer) {
                Ok(0) => {
                    self.status = running.process.end_within(LAST_MOMENT).or_else(|| {
                        running.process.kill_group(); // it has closed its outputs, and goes on
                        running.process.end_within(LIMIT)
                    });
                    self.running = None;
                    if self.status.is_some_and(|status| status.signal() == Some(KILL)) {
                        self.shown.extend(b"Killed\n"); // as a shell says it
                    }
                    self.shown.extend(b"$ ");
                }
                Ok(count) => self.shown.extend(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.shown.len())
    }

    /// Returns the call that the program asks to be let make.
    pub fn question(&self) -> Option<String> {
        self.running.as_ref()?;
        let text = text(&self.shown[self.begin..]);
        let line = text.rsplit('\n').next()?;
        Some(line.strip_prefix("next: ")?.strip_suffix(PROMPT_END)?.to_owned())
    }

    /// Types a line, or only presses Enter.
    pub fn enter(&mut self, line: &str) {
        self.let_make = self.question().map(|call| (call.clone(), self.count(&call)));
        let input = self.running.as_mut().and_then(|running| running.input.as_mut());
        if let Some(input) = input {
            self.shown.extend(format!("{line}\n").bytes()); // as a terminal shows it
            let _ = writeln!(input, "{line}"); // or it has closed its input
            self.entered += 1;
        }
    }

    /// Presses Ctrl-D.
    pub fn end_input(&mut self) {
        if let Some(running) = &mut self.running {
            running.input = None;
        }
    }

    /// Returns how many such calls the program has shown.
    fn count(&self, call: &str) -> usize {
        let calls = calls::in_text(&text(&self.shown[self.begin..]));
        calls.iter().filter(|it| it.text == call).count()
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        let answers = self.question().is_some();
        if let Some(running) = &self.running {
            self.shown.extend(b"^C\n");
            running.process.interrupt();
            self.entered += usize::from(answers);
        }
    }

    /// Kills it, from another terminal.
    pub fn kill(&mut self) {
        let answers = self.question().is_some();
        if let Some(running) = &self.running {
            if answers {
                self.shown.push(b'\n');
            }
            running.process.kill_group();
            self.entered += usize::from(answers);
        }
    }

    /// Returns the threads that have not ended; none while they change.
    fn threads(&self) -> Vec<threads::Thread> {
        let mut threads =
            self.running.as_ref().map_or_else(Vec::new, |it| threads_of(it.process.id()));
        threads.retain(threads::Thread::is_alive);
        threads
    }

    /// Returns whether no thread of the program runs.
    pub fn is_asleep(&self) -> bool {
        self.running.as_ref().is_none_or(|running| is_asleep(running.process.id()))
    }

    /// Returns whether a thread pauses, and is going to run by itself.
    pub fn pauses(&self) -> bool {
        self.threads().iter().any(threads::Thread::pauses)
    }

    /// Returns whether a thread's lines are mixed with another one's question, which is then asked
    /// again.
    fn is_mixed(&self) -> bool {
        let text = text(&self.shown[self.begin..]);
        text.matches(PROMPT_END).count() > self.entered + usize::from(self.question().is_some())
    }

    /// Returns the inode of each socket that the program holds, with its descriptor.
    pub fn sockets(&self) -> BTreeMap<u64, u32> {
        let Some(running) = &self.running else {
            return BTreeMap::new();
        };
        let descriptors = fs::read_dir(format!("/proc/{}/fd", running.process.id()));
        let socket = |descriptor: fs::DirEntry| {
            let target = fs::read_link(descriptor.path()).ok()?;
            let inode =
                target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
            Some((inode, descriptor.file_name().to_str()?.parse().ok()?))
        };
        descriptors.into_iter().flatten().flatten().filter_map(socket).collect()
    }

    /// Returns the port to which the program has bound one of its sockets, as the call says.
    pub fn bound(&self, descriptor: u32) -> Option<u16> {
        let descriptor = descriptor.to_string();
        let calls = self.calls();
        let bind = calls.iter().rfind(|call| {
            let has_succeeded = call.result.as_deref() == Some("0");
            has_succeeded && call.name() == "bind" && call.descriptor() == Some(&descriptor)
        })?;
        let (_, port) = bind.text.trim_end_matches(')').rsplit_once(':')?;
        port.parse().ok().filter(|port| *port != 0)
    }

    /// Returns the calls of the last program that was started, in the order in which they began.
    fn calls(&self) -> Vec<Call> {
        let mut calls = calls::in_text(&text(&self.shown[self.begin..]));
        // A `send` shows nothing before it returns.
        let begun = self.let_make.as_ref().filter(|(call, count)| self.count(call) == *count);
        calls.extend(begun.map(|(call, _)| Call::begun(call)));
        calls.extend(self.question().map(Call::next));
        let lines = fs::read_to_string(self.path_of_lines()).unwrap_or_default();
        match &self.launch.python {
            Some(file) => find_lines_in_python(&mut calls, &lines, file, &self.source),
            None => find_lines_in_rust(&mut calls, &self.source.lines),
        }
        calls
    }

    /// Returns what is new since this was last called, and what the program does now.
    pub fn frame(&mut self) -> Side {
        // Python names its files in full.
        let folder = format!("{}/", self.launch.folder.display());
        let new = text(&self.shown[self.framed..]).replace(&folder, "");
        let seen = text(&self.shown[self.begin..self.framed.max(self.begin)]).len();
        self.framed = self.shown.len();
        let mut calls = self.calls();
        // As in the order of the results.
        calls.sort_by_key(|call| call.end);
        let (returned, open): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| call.result.is_some());
        let (state, threads) = self.states(&open);
        let did = returned.into_iter().filter(|call| call.end >= seen);
        let did = did.map(|it| Did(it.line, it.text, it.result.unwrap_or_default(), None));
        let at = open.into_iter().filter(|_| self.running.is_some());
        let at = at.map(|call| At(call.line, call.when, call.text, None));
        let (did, at, mixed) = (did.collect(), at.collect(), self.is_mixed());
        Side { new, at, did, state, threads, mixed, ..Side::default() }
    }

    /// Returns what the program does, and each of its threads where it has more than one; of the calls
    /// that have not returned, each is one thread's.
    fn states(&self, open: &[Call]) -> (State, Vec<Thread>) {
        if self.running.is_none() {
            return (self.status.map_or(State::Absent, |it| State::Ended(ended(it))), Vec::new());
        }
        let begun: Vec<Call> =
            open.iter().filter(|call| call.when == When::Blocked).cloned().collect();
        let question = self.question();
        let threads = self.threads().into_iter().enumerate().map(|(number, thread)| {
            let name = if number == 0 { "main".to_owned() } else { format!("thread {number}") };
            let asked = question.clone().filter(|_| thread.reads_input());
            Thread { name, state: asked.map_or_else(|| thread.state(&begun), State::Asks) }
        });
        let threads: Vec<Thread> = threads.collect();
        let asks = threads.iter().find(|thread| thread.state.asks().is_some());
        let asks = asks.or_else(|| threads.iter().find(|thread| thread.state == State::Runs));
        let first =
            asks.or_else(|| threads.first()).map_or(State::Runs, |thread| thread.state.clone());
        (question.map_or(first, State::Asks), if threads.len() > 1 { threads } else { Vec::new() })
    }
}

/// Says how a program has ended, such as `status 1` or `SIGKILL`.
fn ended(status: ExitStatus) -> String {
    // As text it is such as `signal: 9 (SIGKILL)`.
    let signal = || status.to_string().split(['(', ')']).nth(1).map(str::to_owned);
    let code = status.code().map(|code| format!("status {code}"));
    code.or_else(signal).unwrap_or_default()
}

/// Starts a program with `STEP=1`. A Python program's calls are written down, with their lines.
fn run(launch: &Launch, lines: &Path) -> io::Result<Running> {
    let (reader, writer) = os_pipe::pipe()?;
    let (its_input, input) = os_pipe::pipe()?;
    let reader = OwnedFd::from(reader);
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$@\" {}", launch.arguments), "sh"]);
    match &launch.python {
        Some(file) => shell
            .arg(env::var_os("PYTHON").unwrap_or_default())
            .arg(root().join("common/watch.py"))
            .arg(file)
            .env("WATCH_LINES", lines)
            // The marks in a traceback differ from version to version.
            .env("PYTHONNODEBUGRANGES", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1"),
        None => shell.arg(programs().join(&launch.part.name)),
    };
    shell.current_dir(&launch.folder);
    let program = Program::of(shell).in_own_session().env("STEP", "1").stdin(its_input);
    let process = program.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    Ok(Running { process, input: Some(input), output: reader.into() })
}

/// The folder of the programs: this one is in a folder of it.
fn programs() -> PathBuf {
    let this = env::current_exe().unwrap_or_default();
    this.ancestors().nth(2).map_or_else(PathBuf::new, Path::to_owned)
}

/// Returns what a program printed as text: with line breaks, and whatever else a terminal would obey
/// escaped.
fn text(bytes: &[u8]) -> String {
    bytes.split(|byte| *byte == b'\n').map(text_of).collect::<Vec<_>>().join("\n")
}
