//! A terminal, and the program that runs in it.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::fs::{OFlags, fcntl_setfl};
use tempfile::NamedTempFile;

use harness::{LIMIT, Process, Program};

use crate::narration::{self, Call};
use crate::recording::{At, Did, Part, Side, Source};
use crate::source;

/// The end of what a program asks under `STEP=1`.
const PROMPT_END: &str = "  [Enter] ";

/// What is started in a terminal.
pub struct Started {
    pub part: Part,
    /// The Python file, as it is typed.
    python: Option<PathBuf>,
    /// As a shell reads them.
    arguments: String,
    /// Where it is started.
    folder: PathBuf,
}

impl Started {
    /// Takes the name of one of the four programs or, with `.py` behind it, of a twin, and its
    /// arguments.
    pub fn of_lesson(words: &str, server: bool) -> Self {
        let (name, arguments) = words.split_once(' ').unwrap_or((words, ""));
        let twin = name.strip_suffix(".py").map(|twin| twin.replace('_', "-"));
        let python = twin.as_ref().map(|twin| Path::new(twin).join(name));
        let edition = if twin.is_some() { "python" } else { "rust" };
        let name = twin.unwrap_or(name.to_owned());
        let part = Part { source: format!("{edition}/{name}"), name, server };
        Self { part, python, arguments: arguments.to_owned(), folder: source::root() }
    }

    /// Takes a Python file of the learner's, as he names it in his folder.
    pub fn of_learner(file: &str, arguments: &str, server: bool) -> Self {
        let part = Part { name: file.to_owned(), source: format!("own/{file}"), server };
        let folder = env::current_dir().unwrap_or_default();
        Self { part, python: Some(file.into()), arguments: arguments.to_owned(), folder }
    }

    /// Returns what a learner types, without what makes it stop before each call.
    fn typed(&self) -> String {
        let program = match &self.python {
            Some(file) => format!("python3 common/watch.py {}", file.display()),
            None => format!("target/debug/{}", self.part.name),
        };
        format!("{program} {}", self.arguments).trim_end().to_owned()
    }

    fn start(&self, lines: &Path) -> io::Result<Running> {
        let (reader, writer) = os_pipe::pipe()?;
        let reader = OwnedFd::from(reader);
        fcntl_setfl(&reader, OFlags::NONBLOCK)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$@\" {}", self.arguments), "sh"]);
        match &self.python {
            Some(file) => shell
                .arg(env::var_os("PYTHON").unwrap_or_default())
                .arg(source::root().join("common/watch.py"))
                .arg(file)
                .env("WATCH_LINES", lines)
                // As all versions of Python tell an error.
                .env("PYTHONNODEBUGRANGES", "1")
                .env("PYTHONDONTWRITEBYTECODE", "1"),
            None => shell.arg(programs().join(&self.part.name)),
        };
        shell.current_dir(&self.folder);
        let program = Program::of(shell).ending_with_us().env("STEP", "1").with_input();
        let process = program.stdout(writer.try_clone()?).stderr(writer).spawn()?;
        Ok(Running { process, output: reader.into() })
    }
}

/// The folder of the programs: this one is in a folder of it.
fn programs() -> PathBuf {
    let this = env::current_exe().unwrap_or_default();
    this.ancestors().nth(2).unwrap_or(Path::new("")).to_owned()
}

struct Running {
    process: Process,
    output: File,
}

pub struct Terminal {
    pub started: Started,
    source: Source,
    /// The line of each call of a Python program.
    lines: NamedTempFile,
    running: Option<Running>,
    pub status: Option<ExitStatus>,
    /// All that it shows.
    shown: Vec<u8>,
    /// Where the last program's output begins in it.
    begin: usize,
    /// How much of it earlier frames show.
    framed: usize,
    /// How many lines have been typed, and questions cut short, since the last program was started.
    entered: usize,
}

impl Terminal {
    pub fn new(started: Started) -> io::Result<Self> {
        let source = source::of(&started.part)?;
        let lines = NamedTempFile::new()?;
        let shown = b"$ ".to_vec();
        let (running, status, begin, framed, entered) = Default::default();
        Ok(Self { started, source, lines, running, status, shown, begin, framed, entered })
    }

    pub fn start(&mut self) -> io::Result<()> {
        fs::write(&self.lines, "")?;
        self.running = Some(self.started.start(self.lines.path())?);
        self.shown.extend(format!("STEP=1 {}\n", self.started.typed()).bytes());
        (self.begin, self.entered) = (self.shown.len(), 0);
        Ok(())
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Returns whether its program has been started, and has ended.
    pub fn has_ended(&self) -> bool {
        self.status.is_some() && self.running.is_none()
    }

    /// Reads what is new, and notices the program's end.
    pub fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        while let Some(running) = &mut self.running {
            match running.output.read(&mut buffer) {
                Ok(0) => {
                    self.status = running.process.end_within(LIMIT);
                    self.running = None;
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
        if let Some(running) = &mut self.running {
            self.shown.extend(format!("{line}\n").bytes()); // as a terminal shows it
            running.process.enter_line(line);
            self.entered += 1;
        }
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

    /// Returns what a file of each of the program's threads says; `None` while they change.
    fn threads(&self, file: &str) -> Option<Vec<String>> {
        let Some(running) = &self.running else {
            return Some(Vec::new());
        };
        let threads = fs::read_dir(format!("/proc/{}/task", running.process.id())).ok()?;
        threads.map(|thread| fs::read_to_string(thread.ok()?.path().join(file)).ok()).collect()
    }

    /// Returns whether the program has more than one thread.
    pub fn has_threads(&self) -> bool {
        self.threads("stat").is_some_and(|threads| threads.len() > 1)
    }

    /// Returns whether no thread of the program runs: see `proc_pid_stat(5)`.
    pub fn is_asleep(&self) -> bool {
        let is_asleep = |stat: &String| {
            let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
            state.is_some_and(|state| "SZX".contains(state))
        };
        self.threads("stat").is_some_and(|threads| threads.iter().all(is_asleep))
    }

    /// Returns whether a thread waits in a function of the kernel of about this name: see
    /// `proc_pid_wchan(5)`.
    fn waits_in(&self, name: &str) -> bool {
        let threads = self.threads("wchan");
        threads.is_some_and(|threads| threads.iter().any(|function| function.contains(name)))
    }

    /// Returns whether a thread pauses, and is going to run by itself.
    pub fn pauses(&self) -> bool {
        self.waits_in("nanosleep")
    }

    /// Returns whether the program reads its terminal, and not to ask for the next call.
    pub fn reads(&self) -> bool {
        self.question().is_none() && self.waits_in("pipe_read")
    }

    /// Returns whether a thread's lines are mixed with another one's question, which is then asked
    /// again.
    pub fn is_mixed(&self) -> bool {
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

    /// Returns the calls of the last program that was started, in the order in which they began.
    fn calls(&self) -> Vec<Call> {
        let mut calls = narration::calls(&text(&self.shown[self.begin..]));
        calls.extend(self.question().map(Call::next));
        let lines = fs::read_to_string(&self.lines).unwrap_or_default();
        match &self.started.python {
            Some(file) => source::find_lines_in_python(&mut calls, &lines, file, &self.source),
            None => source::find_lines_in_rust(&mut calls, &self.source.lines),
        }
        calls
    }

    /// Returns what is new since this was last called.
    pub fn frame(&mut self) -> Side {
        // Python names its files in full.
        let folder = format!("{}/", self.started.folder.display());
        let new = text(&self.shown[self.framed..]).replace(&folder, "");
        let seen = text(&self.shown[self.begin..self.framed.max(self.begin)]).len();
        self.framed = self.shown.len();
        let mut calls = self.calls();
        // As in the order of the results.
        calls.sort_by_key(|call| call.end);
        let (mut at, mut did) = (Vec::new(), Vec::new());
        for call in calls {
            match call.result {
                Some(result) if call.end >= seen => {
                    did.push(Did(call.line, call.text, result));
                }
                None if self.is_running() => at.push(At(call.line, call.when, call.text)),
                _ => {}
            }
        }
        Side { new, at, did }
    }
}

/// Returns what a program printed as text: with line breaks, and whatever else a terminal would obey
/// escaped.
fn text(bytes: &[u8]) -> String {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let escaped = common::printable(line).to_string();
        // The programs have escaped what has to be, and a backslash is not to be doubled.
        let plain = escaped.replace(r"\\", r"\");
        if plain.as_bytes() == line { plain } else { escaped }
    });
    lines.collect::<Vec<_>>().join("\n")
}
