//! A program that runs: what it prints, line by line, and how it ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use wait_timeout::ChildExt;

use super::path_of;

/// How long a test waits for anything; only a test that fails waits so long.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Ends a prompt, in place of a line break.
const PROMPT_END: &str = "  [Enter] ";

/// Is a program that is about to be started.
pub struct Program {
    command: Command,
    lines_to_read: usize,
}

impl Program {
    /// Starts with one of the workspace's programs, without arguments.
    pub fn new(name: &str) -> Self {
        Self::of(Command::new(path_of(name)))
    }

    /// Starts with any command.
    pub fn of(mut command: Command) -> Self {
        command.env_remove("RUST_LOG").env_remove("STEP");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            command,
            lines_to_read: usize::MAX,
        }
    }

    /// Runs it under another command, which takes the program and its arguments as its last ones.
    pub fn under(self, command: Command) -> Self {
        let mut outer = Self::of(command).args([self.command.get_program()]);
        outer.command.args(self.command.get_args());
        outer.command.envs(
            self.command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        outer
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sends standard output to a file, instead of having it read.
    pub fn stdout(mut self, file: impl Into<Stdio>) -> Self {
        self.command.stdout(file);
        self
    }

    /// Lets the test type on its standard input, which is empty otherwise.
    pub fn with_input(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Closes its standard output once so many lines have been read from it.
    pub fn closing_stdout_after(mut self, lines: usize) -> Self {
        self.lines_to_read = lines;
        self
    }

    pub fn start(mut self) -> Process {
        let spawned = self.command.spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let stdout = child
            .stdout
            .take()
            .map(|pipe| read_lines(pipe, self.lines_to_read));
        let stderr = child.stderr.take().map(|pipe| read_lines(pipe, usize::MAX));
        Process {
            stdin: child.stdin.take(),
            stdout: stdout.unwrap_or_else(|| mpsc::channel().1),
            stderr: stderr.unwrap_or_else(|| mpsc::channel().1),
            child,
        }
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.start().finish()
    }
}

/// Runs, until it ends by itself or is dropped.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// Is how a program ended: its status where no signal killed it, and all that nobody has read yet.
#[derive(Debug, PartialEq)]
pub struct Finished {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads the next line of standard output, without its line break.
    pub fn line(&mut self) -> String {
        line_of(&self.stdout)
    }

    /// Reads the next line of standard error, without its line break.
    pub fn error_line(&mut self) -> String {
        line_of(&self.stderr)
    }

    /// Reads the next prompt from standard error, and gives the call that it announces.
    pub fn prompt(&mut self) -> String {
        let prompt = self
            .stderr
            .recv_timeout(LIMIT)
            .expect("the program asks in time");
        let call = prompt
            .strip_prefix("next: ")
            .and_then(|rest| rest.strip_suffix(PROMPT_END));
        call.unwrap_or_else(|| panic!("no prompt: {prompt}"))
            .to_owned()
    }

    /// Reads the next line or prompt of standard output, without its line break; `None` at the end.
    pub fn shown(&mut self) -> Option<String> {
        match self.stdout.recv_timeout(LIMIT) {
            Ok(line) => Some(line.trim_end().to_owned()),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more is printed"),
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status();
        assert!(kill.expect("kill is everywhere").success());
    }

    /// Says whether it prints nothing on standard output for so long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stdout.recv_timeout(time).is_err()
    }

    /// Says whether it shows no prompt for so long.
    pub fn asks_nothing_for(&mut self, time: Duration) -> bool {
        self.stderr.recv_timeout(time).is_err()
    }

    /// Presses Enter.
    pub fn enter(&mut self) {
        let stdin = self.stdin.as_mut().expect("it was started with an input");
        stdin.write_all(b"\n").expect("it reads its input");
    }

    /// Ends its input, as Ctrl-D does in a terminal.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Reads the next line of standard output, and fails if it is another one.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Reads lines of standard output until one begins so, and gives what follows the beginning.
    pub fn skip_to(&mut self, beginning: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Finished {
        let stdout = rest_of(&self.stdout);
        let stderr = rest_of(&self.stderr);
        let status = self
            .child
            .wait_timeout(LIMIT)
            .expect("a child can be waited for");
        let status = status.expect("the program ends in time").code();
        Finished {
            status,
            stdout,
            stderr,
        }
    }

    /// Kills it, and gives what it printed.
    pub fn kill(mut self) -> Finished {
        self.child.kill().expect("a child can be killed");
        self.finish()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Is the end of a program that printed this on standard output, and nothing else.
    pub fn success(stdout: &str) -> Self {
        Self {
            status: Some(0),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    /// Is the end of a program that printed this on standard error, and nothing else.
    pub fn failure(status: i32, stderr: &str) -> Self {
        Self {
            status: Some(status),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        }
    }
}

/// Reads so many lines in a thread, each with its line break, and closes the pipe. A prompt counts
/// as a line.
fn read_lines(pipe: impl Read + Send + 'static, count: usize) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut pipe = BufReader::new(pipe);
    thread::spawn(move || {
        for _ in 0..count {
            let line = read_line(&mut pipe);
            let line = String::from_utf8(line).expect("the programs print UTF-8");
            if line.is_empty() || sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn read_line(pipe: &mut impl BufRead) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") && !line.ends_with(PROMPT_END.as_bytes()) {
        let available = match pipe.fill_buf() {
            Ok([]) => break,
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => panic!("a pipe can be read: {error}"),
        };
        let line_break = available.iter().position(|byte| *byte == b'\n');
        let taken = line_break.map_or(available.len(), |position| position + 1);
        line.extend_from_slice(&available[..taken]);
        pipe.consume(taken);
    }
    line
}

#[track_caller]
fn line_of(lines: &Receiver<String>) -> String {
    let line = lines
        .recv_timeout(LIMIT)
        .expect("the program prints a line in time");
    let line = line
        .strip_suffix('\n')
        .expect("a line ends in a line break");
    line.to_owned()
}

fn rest_of(lines: &Receiver<String>) -> String {
    let mut rest = String::new();
    loop {
        match lines.recv_timeout(LIMIT) {
            Ok(line) => rest.push_str(&line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("the program goes on after: {rest}"),
        }
    }
}
