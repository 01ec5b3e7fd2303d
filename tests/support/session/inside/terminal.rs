//! A terminal, and the program that runs in it.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus};
use std::time::Duration;

use os_pipe::{PipeReader, PipeWriter};
use rustix::fs::{OFlags, fcntl_setfl};
use tempfile::tempfile;

use super::calls::{Calls, NarratedCall};
use super::threads::{self, Deadlines, threads_of};
use crate::root;
use crate::run::narrated::text_of;
use crate::run::proc::{children, entries, is_asleep};
use crate::run::{LIMIT, PROMPT_END, Process, Program};
use crate::session::launch::Launch;
use crate::session::recording::{At, Did, Side, Socket, Source, State, Thread, When};
use crate::session::source::source_of;

/// How much of what is new is shown, in bytes: the beginning, and as much of the end.
const MOST_SHOWN: usize = 8 * 1024;

/// How much is read before anything else is looked at.
const MOST_READ: usize = 1024 * 1024;

/// The descriptor from which `common/watch.py` reads the answers.
const ANSWERS: u32 = 200;

/// The number of `SIGKILL`.
const KILL: i32 = 9;

/// How long a program may run without its outputs.
const LAST_MOMENT: Duration = Duration::from_secs(2);

pub struct Terminal {
    pub launch: Launch,
    source: Source,
    /// The line of each call. The file has no name, so that nothing is left behind.
    lines: File,
    running: Option<Started>,
    status: Option<ExitStatus>,
    /// How much the program has printed.
    printed: usize,
    /// What is new in the terminal, how much of its middle is left out, and the last line of the
    /// program, which has not ended.
    new: Vec<u8>,
    left_out: usize,
    line: Vec<u8>,
    pub calls: Calls,
    /// How many questions have been asked, and answered or cut short, by this program.
    questions: usize,
    answered: usize,
    /// The line that a traceback names last.
    raised: Option<usize>,
    /// What the threads are called that are no more than numbers otherwise.
    names: BTreeMap<u32, String>,
    pub deadlines: Deadlines,
}

/// A program that runs, and what it prints on both outputs; where there is nothing to read, reading
/// does not wait.
struct Started {
    process: Process,
    /// `None` once it has ended.
    input: Option<PipeWriter>,
    /// Where `common/watch.py` reads the answers to its questions. A program in Rust reads nothing
    /// else, and reads them from its input.
    answers: Option<(PipeReader, PipeWriter)>,
    output: File,
}

impl Terminal {
    pub fn new(launch: Launch) -> io::Result<Self> {
        Ok(Self {
            source: source_of(&launch.part)?,
            launch,
            lines: tempfile()?,
            running: None,
            status: None,
            printed: 0,
            new: b"$ ".to_vec(),
            left_out: 0,
            line: Vec::new(),
            calls: Calls::default(),
            questions: 0,
            answered: 0,
            raised: None,
            names: BTreeMap::new(),
            deadlines: Deadlines::default(),
        })
    }

    /// Starts the program, as its source is now.
    pub fn start(&mut self) -> io::Result<()> {
        self.source = source_of(&self.launch.part)?;
        self.lines.set_len(0)?;
        self.running = Some(run(&self.launch, &path_of(&self.lines))?);
        self.new.extend(format!("{}\n", self.launch.typed()).bytes());
        (self.status, self.raised, self.calls) = Default::default();
        (self.questions, self.answered) = (0, 0);
        self.line.clear();
        self.names.clear();
        Ok(())
    }

    /// Returns the processes of the program: itself first, and what it has started.
    pub fn processes(&self) -> Vec<u32> {
        let mut processes: Vec<u32> = self.running.iter().map(|it| it.process.id()).collect();
        let mut next = 0;
        while let Some(process) = processes.get(next) {
            processes.extend(children(*process));
            next += 1;
        }
        processes
    }

    /// Reads what is new, notices the program's end, and returns how much it has printed.
    pub fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let begun = self.printed;
        while let Some(running) = self.running.as_mut().filter(|_| self.printed - begun < MOST_READ)
        {
            match running.output.read(&mut buffer) {
                Ok(0) => {
                    self.status = running.process.end_within(LAST_MOMENT).or_else(|| {
                        running.process.kill_group(); // it has closed its outputs, and goes on
                        running.process.end_within(LIMIT)
                    });
                    self.running = None;
                    if self.status.is_some_and(|status| status.signal() == Some(KILL)) {
                        self.show(b"Killed\n"); // as a shell says it
                    }
                    self.show(b"$ ");
                }
                Ok(count) => {
                    self.printed += count;
                    self.take(&buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.printed)
    }

    fn show(&mut self, bytes: &[u8]) {
        self.new.extend(bytes);
        if self.new.len() > 16 * MOST_SHOWN {
            self.left_out += self.new.drain(MOST_SHOWN..self.new.len() - MOST_SHOWN).count();
        }
    }

    /// Takes what is new; of much, the middle is left out.
    fn take_new(&mut self) -> String {
        let (new, left_out) = (mem::take(&mut self.new), mem::take(&mut self.left_out));
        if left_out == 0 && new.len() <= 2 * MOST_SHOWN {
            return text(&new);
        }
        let (beginning, end) = (&new[..MOST_SHOWN], &new[new.len() - MOST_SHOWN..]);
        let left_out = left_out + new.len() - 2 * MOST_SHOWN;
        format!("{}\n... {left_out} bytes ...\n{}", text(beginning), text(end))
    }

    /// Takes what the program prints, line by line.
    fn take(&mut self, bytes: &[u8]) {
        self.show(bytes);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(piece);
            if self.line.len() > MOST_READ {
                self.line.clear(); // no question, and no call
            }
            if piece.ends_with(b"\n") {
                let line = mem::take(&mut self.line);
                self.take_line(&text(&line[..line.len() - 1]));
            }
        }
    }

    fn take_line(&mut self, line: &str) {
        self.questions += line.matches(PROMPT_END).count();
        if line.starts_with("[.] ") {
            self.note_calls();
            self.calls.read(line);
        } else if line.starts_with("Traceback (") {
            self.raised = None;
        } else if let Some((file, rest)) =
            line.trim_start().strip_prefix("File \"").and_then(|line| line.split_once("\", line "))
        {
            let number = rest.split(',').next().and_then(|number| number.parse::<usize>().ok());
            let line = number.and_then(|number| number.checked_sub(self.source.first));
            let is_its = Path::new(file).ends_with(self.file());
            self.raised = line.filter(|_| is_its).or(self.raised);
        }
    }

    /// Returns the file that the program's own lines are in, as it names it in the end.
    fn file(&self) -> PathBuf {
        let rust = || Path::new(&self.launch.part.name).join("src/main.rs");
        self.launch.python.clone().unwrap_or_else(rust)
    }

    /// Reads what the program has written down.
    pub fn note_calls(&mut self) {
        let written = fs::read(path_of(&self.lines)).unwrap_or_default();
        self.calls.note(&written, &self.file(), &self.source);
    }

    /// Returns the call that the program asks to be let make.
    pub fn question(&self) -> Option<&NarratedCall> {
        self.running.as_ref()?;
        self.calls.asked(&text(&self.line))
    }

    /// Presses Enter, which lets the program make the call that it asks for.
    pub fn enter(&mut self) {
        let Some(call) = self.question().map(|call| call.text.clone()) else {
            return self.type_line("");
        };
        let thread = self.threads().into_iter().find(|thread| self.asks(thread));
        let Some(running) = &mut self.running else {
            return;
        };
        let answers = running.answers.as_mut().map(|(_, answers)| answers);
        if let Some(answers) = answers.or(running.input.as_mut()) {
            let _ = answers.write_all(b"\n"); // or the program has closed its input
        }
        self.show(b"\n"); // as a terminal shows it
        self.end_line();
        self.calls.begin(&call, thread.map(|thread| thread.id));
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        let question = self.question().map(|_| self.line.clone());
        let Some(input) = self.running.as_mut().and_then(|running| running.input.as_mut()) else {
            return;
        };
        let _ = writeln!(input, "{line}"); // or the program has closed its input
        self.show(format!("{line}\n").as_bytes());
        match question {
            Some(question) => self.show(&question), // it still stands
            None => self.end_line(),
        }
    }

    /// Returns whether it is this thread that asks.
    fn asks(&self, thread: &threads::Task) -> bool {
        let has_answers = self.running.as_ref().is_some_and(|running| running.answers.is_some());
        thread.reads(if has_answers { ANSWERS } else { 0 })
    }

    /// Ends the line of the program in which something has been typed.
    fn end_line(&mut self) {
        let line = mem::take(&mut self.line);
        let asked = text(&line).matches(PROMPT_END).count();
        self.questions += asked;
        self.answered += usize::from(asked > 0);
    }

    /// Presses Ctrl-D.
    pub fn end_input(&mut self) {
        if let Some(running) = &mut self.running {
            running.input = None;
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        if let Some(running) = &self.running {
            running.process.interrupt();
            self.show(b"^C\n");
            self.end_line();
        }
    }

    /// Kills it, from another terminal.
    pub fn kill(&mut self) {
        if let Some(running) = &self.running {
            running.process.kill_group();
            if !self.line.is_empty() {
                self.show(b"\n");
                self.end_line();
            }
        }
    }

    /// Returns the threads that have not ended; none while they change.
    fn threads(&self) -> Vec<threads::Task> {
        let mut threads =
            self.running.as_ref().map_or_else(Vec::new, |it| threads_of(it.process.id()));
        threads.retain(threads::Task::is_alive);
        threads
    }

    /// Returns whether no thread of the program runs.
    pub fn is_asleep(&self) -> bool {
        self.processes().into_iter().all(is_asleep)
    }

    /// Returns whether a thread pauses, and is going to run by itself; and notes for how long.
    pub fn pauses(&mut self) -> bool {
        let threads = self.processes().into_iter().flat_map(threads_of);
        let pausing: Vec<_> = threads.filter(threads::Task::pauses).collect();
        for thread in &pausing {
            thread.state(&[], &mut self.deadlines);
        }
        !pausing.is_empty()
    }

    /// Returns each socket that the program holds: its process, its descriptor and its inode.
    pub fn sockets(&self) -> Vec<(u32, u32, u64)> {
        let socket = |process: u32, descriptor: &Path| {
            let target = fs::read_link(descriptor).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            let descriptor = descriptor.file_name()?.to_str()?;
            Some((process, descriptor.parse().ok()?, inode.parse().ok()?))
        };
        let processes = self.processes().into_iter();
        let sockets = processes.flat_map(|process| {
            let descriptors = entries(process, "fd").into_iter();
            descriptors.filter_map(move |descriptor| socket(process, &descriptor))
        });
        sockets.collect()
    }

    /// Returns what is new since this was last called, and what the program does now.
    pub fn frame(&mut self) -> Side {
        // Python names its files in full.
        let folder = format!("{}/", self.launch.folder.display());
        let new = self.take_new().replace(&folder, "");
        let returned = mem::take(&mut self.calls.returned);
        if self.running.is_none() {
            self.calls.begun.clear();
        }
        let mut deadlines = mem::take(&mut self.deadlines);
        let threads = self.threads();
        let has_threads = threads.len() > 1;
        let name = |id: Option<u32>| {
            let number = threads.iter().position(|thread| Some(thread.id) == id);
            id.filter(|_| has_threads).map(|id| self.name(id, number))
        };
        let question = self.question();
        let asks = question.and_then(|_| threads.iter().find(|thread| self.asks(thread)));
        let did = returned.into_iter().map(|(call, result)| {
            let name = name(call.thread);
            Did(call.line, call.text, result, name)
        });
        let did = did.collect();
        let blocked = self.calls.begun.iter();
        let blocked =
            blocked.map(|it| At(it.line, When::Blocked, it.text.clone(), name(it.thread)));
        let next = question
            .map(|it| At(it.line, When::Next, it.text.clone(), name(asks.map(|thread| thread.id))));
        let at = blocked.chain(next).collect();
        let states: Vec<Thread> = threads
            .iter()
            .map(|thread| {
                let asks = self.asks(thread);
                let state = match question {
                    Some(_) if !asks && self.calls.has_coming(thread.id) => {
                        State::Waits("its turn".to_owned())
                    }
                    _ if !asks => thread.state(&self.calls.begun, &mut deadlines),
                    Some(call) => State::Asks(call.text.clone()),
                    None => State::Waits("its terminal".to_owned()),
                };
                Thread { name: name(Some(thread.id)).unwrap_or_default(), state }
            })
            .collect();
        let is_unanswered = usize::from(question.is_some());
        let mixed = self.questions > self.answered
            || text(&self.line).matches(PROMPT_END).count() > is_unanswered;
        let (raised, state) = (self.raised, self.state(question, &states));
        self.deadlines = deadlines;
        Side {
            new,
            at,
            did,
            state,
            threads: if has_threads { states } else { Vec::new() },
            mixed,
            raised,
            forked: self.processes().len() > 1,
            source: None,
        }
    }

    /// Names the threads that receive from a client after it.
    pub fn name_threads(&mut self, who: usize, sockets: &[Socket]) {
        let threads = self.threads();
        let asks = self.question().and_then(|call| {
            let thread = threads.iter().find(|thread| self.asks(thread))?;
            Some((thread.id, call.descriptor().filter(|_| call.name() == "recv")?))
        });
        let begun = self.calls.begun.iter().filter(|call| call.name() == "recv");
        let begun = begun.filter_map(|call| call.thread.zip(call.descriptor()));
        let uses: Vec<(u32, u32)> = begun.chain(asks).collect();
        for (thread, descriptor) in uses {
            let is_its = |it: &&Socket| it.of == who && it.fd == Some(descriptor);
            let own = sockets.iter().find(is_its);
            let other = own
                .and_then(|own| sockets.iter().find(|it| it.of != who && it.is_other_end_of(own)));
            let is_main = threads.first().is_some_and(|main| main.id == thread);
            if let Some(client) = other.filter(|other| other.of > 0 && !is_main) {
                self.names.insert(thread, format!("client {}", client.of));
            }
        }
    }

    fn name(&self, id: u32, number: Option<usize>) -> String {
        let name = self.names.get(&id).cloned();
        name.unwrap_or_else(|| match number {
            Some(0) => "main".to_owned(),
            Some(number) => format!("thread {number}"),
            None => "thread".to_owned(),
        })
    }

    /// Returns what the program does as a whole: it asks if a thread does, and then runs if one does.
    fn state(&self, question: Option<&NarratedCall>, threads: &[Thread]) -> State {
        if self.running.is_none() {
            return self.status.map_or(State::Absent, |status| State::Ended(ended(status)));
        }
        if let Some(call) = question {
            return State::Asks(call.text.clone());
        }
        let runs = threads.iter().find(|thread| thread.state == State::Runs);
        runs.or_else(|| threads.first()).map_or(State::Runs, |thread| thread.state.clone())
    }
}

/// Says how a program has ended, such as `status 1` or `SIGKILL`.
fn ended(status: ExitStatus) -> String {
    // As text it is such as `signal: 9 (SIGKILL)`.
    let signal = || status.to_string().split(['(', ')']).nth(1).map(str::to_owned);
    let code = status.code().map(|code| format!("status {code}"));
    code.or_else(signal).unwrap_or_default()
}

/// Starts a program with `STEP=1`, and has it write down its calls, with their lines.
fn run(launch: &Launch, lines: &Path) -> io::Result<Started> {
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
            // The marks in a traceback differ from version to version.
            .env("PYTHONNODEBUGRANGES", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1"),
        None => shell.arg(programs().join(&launch.part.name)),
    };
    shell.current_dir(&launch.folder).env("WATCH_LINES", lines);
    let answers = launch.python.as_ref().map(|_| os_pipe::pipe()).transpose()?;
    if let Some((answers, _)) = &answers {
        shell.env("WATCH_ANSWERS", path_of(answers));
    }
    let program = Program::of(shell).in_own_session().env("STEP", "1").stdin(its_input);
    let process = program.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    Ok(Started { process, input: Some(input), answers, output: reader.into() })
}

/// Returns the name by which others can open a file of this process.
fn path_of(file: &impl AsRawFd) -> PathBuf {
    format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()).into()
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
