//! A terminal, and the program that runs in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{self, ExitStatus};
use std::time::Duration;

use tempfile::tempfile;

use support::run::{LIMIT, PROMPT_END};

use crate::narration::{self, Call};
use crate::source;
use crate::started::{Running, Started};
use support::session::recording::{At, Did, Side, Source, When};

/// How much is read, in bytes. A program that prints without end waits then.
const MOST_SHOWN: usize = 64 * 1024;

/// How long a program may run without its outputs.
const LAST_MOMENT: Duration = Duration::from_secs(2);

pub struct Terminal {
    pub started: Started,
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
}

impl Terminal {
    pub fn new(started: Started) -> io::Result<Self> {
        let source = source::of(&started.part)?;
        let lines = tempfile()?;
        let shown = b"$ ".to_vec();
        let (running, status, begin, framed, entered) = Default::default();
        Ok(Self { started, source, lines, running, status, shown, begin, framed, entered })
    }

    pub fn start(&mut self) -> io::Result<()> {
        self.lines.set_len(0)?;
        self.running = Some(self.started.start(&self.path_of_lines())?);
        self.shown.extend(format!("{}\n", self.started.typed()).bytes());
        (self.begin, self.entered) = (self.shown.len(), 0);
        Ok(())
    }

    /// Returns the name by which others can open the file.
    fn path_of_lines(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", process::id(), self.lines.as_raw_fd()).into()
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Returns whether its program has been started, and has ended.
    pub fn has_ended(&self) -> bool {
        self.status.is_some() && self.running.is_none()
    }

    /// Returns whether a call of its program has begun, and has not returned.
    pub fn is_blocked(&self) -> bool {
        let is_blocked = |call: &Call| call.result.is_none() && call.when == When::Blocked;
        self.is_running() && self.calls().iter().any(is_blocked)
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
        let mut calls = narration::calls(&text(&self.shown[self.begin..]));
        calls.extend(self.question().map(Call::next));
        let lines = fs::read_to_string(self.path_of_lines()).unwrap_or_default();
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
                    did.push(Did(call.line, call.text, result, None));
                }
                None if self.is_running() => at.push(At(call.line, call.when, call.text, None)),
                _ => {}
            }
        }
        Side { new, at, did, ..Side::default() }
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
