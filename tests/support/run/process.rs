//! A program that runs: what it prints, line by line, and how it ends.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::RwLock;
use std::time::Duration;

use crate::run::guard::{forget, guard, is_contained};
use crate::run::output::{Output, PROMPT_END};
use crate::run::{LIMIT, poll, proc};

/// Held while a program starts: until then it has a copy of each descriptor of this process. Who needs
/// a socket to be closed for good locks it for writing.
pub(crate) static STARTING: RwLock<()> = RwLock::new(());

/// A process that runs until it ends by itself or is dropped.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    pub stdout: Output,
    pub stderr: Output,
}

/// How a program ended: its status where no signal killed it, and all that nobody has read yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts a command that leads a group, or a session, of its own.
    pub(crate) fn start(
        mut command: Command,
        reader: Option<Box<dyn Read + Send>>,
    ) -> io::Result<Self> {
        let starting = STARTING.read();
        let mut child = command.spawn()?;
        drop(starting);
        guard(child.id());
        drop(command); // and with it this process's copies of what the program writes to
        let stdin = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on it is ended in any case.
        let mut process = Self { child, stdin, stdout: Output::none(), stderr: Output::none() };
        if let Some(reader) = reader {
            process.stdout = Output::of(reader)?;
        } else if let Some(pipe) = stdout {
            process.stdout = Output::of(pipe)?;
        }
        if let Some(pipe) = stderr {
            process.stderr = Output::of(pipe)?;
        }
        Ok(process)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads the next line of standard output, without its line break.
    #[track_caller]
    pub fn line(&self) -> String {
        let Some(line) = shown(&self.stdout) else {
            panic!("the program has ended: {}", rest(&self.stderr));
        };
        let line = line.strip_suffix('\n').expect("a line ends in a line break");
        line.to_owned()
    }

    /// Reads the next prompt from standard error, and returns the call that it announces.
    #[track_caller]
    pub fn prompt(&self) -> String {
        let mut prompt = shown(&self.stderr).expect("the program goes on");
        while prompt == "\n" {
            shown(&self.stderr); // the last question, asked again under another thread's line
            prompt = shown(&self.stderr).expect("the program goes on");
        }
        let call = prompt.strip_prefix("next: ").and_then(|rest| rest.strip_suffix(PROMPT_END));
        let Some(call) = call else {
            panic!("no prompt: {prompt}");
        };
        call.to_owned()
    }

    /// Reads the next line or prompt of standard output, without its line break; `None` at the end.
    #[track_caller]
    pub fn shown(&self) -> Option<String> {
        shown(&self.stdout).map(|line| line.trim_end().to_owned())
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Sends a signal to it and to what it has started.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        signal_group(self.id(), signal);
    }

    /// Sends a signal to it alone.
    #[cfg(unix)]
    pub fn signal_alone(&self, signal: rustix::process::Signal) {
        // It may already have ended; ignore the error.
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
    }

    /// Presses Enter.
    pub fn enter(&self) {
        self.enter_line("");
    }

    /// Types a line.
    pub fn enter_line(&self, line: &str) {
        // It may have ended, or its input; ignore the error.
        let _ = self.stdin.as_ref().map(|mut stdin| writeln!(stdin, "{line}"));
    }

    /// Ends its input, as Ctrl-D does in a terminal.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Reads the next line of standard output, and fails if it is another one.
    #[track_caller]
    pub fn expect(&self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Reads lines of standard output until one begins so, and returns what follows the beginning.
    #[track_caller]
    pub fn skip_to(&self, beginning: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    /// Counts what it holds, and must give back when its clients have left: its open descriptors and
    /// its threads.
    pub fn holds(&self) -> [usize; 2] {
        ["fd", "task"].map(|folder| proc::entries(self.id(), folder).len())
    }

    /// Waits until it holds no more and no less than this.
    #[track_caller]
    pub fn comes_to_hold(&self, expected: [usize; 2]) {
        let held = poll(LIMIT, || (self.holds() == expected).then_some(()));
        assert!(held.is_some(), "{:?} instead of {expected:?}", self.holds());
    }

    /// Returns whether every thread of its group sleeps; only Linux tells.
    pub fn sleeps(&self) -> bool {
        self.processes().into_iter().all(proc::is_asleep)
    }

    /// Returns the processes of its group, those that have ended and still wait for their parent among them.
    pub fn processes(&self) -> Vec<u32> {
        let is_its = |process: &u32| {
            let stat = proc::stat(proc::folder(*process));
            stat.is_some_and(|stat| stat.group == self.id())
        };
        // All of /proc would tell the same, but to read it takes a hundred times as long. Among processes of its own,
        // one whose parent has ended is a child of the first one.
        let orphans = if is_contained() { proc::children(1) } else { Vec::new() };
        let mut processes: Vec<u32> = orphans.into_iter().filter(is_its).collect();
        processes.push(self.id());
        let mut looked_at = 0;
        while let Some(process) = processes.get(looked_at) {
            processes.extend(proc::children(*process).into_iter().filter(is_its));
            looked_at += 1;
        }
        processes
    }

    /// Waits for its end, at most `limit`.
    pub fn end_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.child.try_wait().ok().flatten())
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        let status = self.end_within(LIMIT);
        Finished { status: status.expect("the program ends in time").code(), stdout, stderr }
    }

    /// Kills it, and returns what it printed.
    #[track_caller]
    pub fn kill(mut self) -> Finished {
        self.child.kill().expect("a child can be killed");
        self.finish()
    }

    /// Kills it and what it has started.
    pub fn kill_group(&self) {
        kill_group(self.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may already have ended; ignore the error.
        self.kill_group();
        let _ = self.child.kill(); // where there are no groups
        // What another process traces can stay until that one ends.
        let _ = self.end_within(Duration::from_secs(2));
        forget(self.id());
    }
}

impl Finished {
    /// The end of a program that printed this on standard output, and nothing else.
    pub fn success(stdout: &str) -> Self {
        Self { status: Some(0), stdout: stdout.to_owned(), stderr: String::new() }
    }

    /// The end of a program that printed this on standard error, and nothing else.
    pub fn failure(status: i32, stderr: &str) -> Self {
        Self { status: Some(status), stdout: String::new(), stderr: stderr.to_owned() }
    }
}

#[track_caller]
fn shown(output: &Output) -> Option<String> {
    match output.line(LIMIT) {
        Ok(line) => Some(String::from_utf8(line?).expect("the programs print UTF-8")),
        Err(problem) => panic!("{problem}"),
    }
}

#[track_caller]
fn rest(output: &Output) -> String {
    let rest = output.rest(LIMIT).expect("the program ends");
    String::from_utf8(rest).expect("the programs print UTF-8")
}

fn kill_group(leader: u32) {
    #[cfg(unix)]
    signal_group(leader, rustix::process::Signal::KILL);
    #[cfg(not(unix))]
    let _ = leader;
}

#[cfg(unix)]
fn signal_group(leader: u32, signal: rustix::process::Signal) {
    let leader = leader.try_into().ok().and_then(rustix::process::Pid::from_raw);
    // It may already have ended; ignore the error.
    let _ = leader.map(|leader| rustix::process::kill_process_group(leader, signal));
}
