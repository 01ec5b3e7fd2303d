//! A program that takes part in the demo.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use common::printable;

use harness::command_line::{Problem, failure, misuse, shown};
use harness::{Process, Program, path_of, programs};

/// The default address of all programs.
pub const ADDRESS: &str = "127.0.0.1:12345";

/// The longest line, in bytes; what is longer is shown as several.
const LONGEST_LINE: u64 = 4096;

/// How many lines of a program are read before they are shown. Then the program has to wait, so
/// that one that prints without end takes no memory, and leaves the other its turn.
const AHEAD: usize = 50;

#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Server,
    Client,
}

/// A line that a program printed, on either output, or `None` once it has closed both.
pub type Event = (Side, Option<String>);

/// A program that can be started.
pub struct Part {
    pub name: String,
    pub side: Side,
    /// Whether it is one of the four programs in Rust, and not a Python file.
    pub is_rust: bool,
    /// What a learner types to start it.
    pub typed: String,
    command: Vec<OsString>,
}

impl Part {
    /// Takes the name of one of the four programs, or of a Python file.
    pub fn new(name: &OsStr, side: Side) -> Result<Self, Problem> {
        let [short, long] = match side {
            Side::Server => ["short-server", "long-server"],
            Side::Client => ["short-client", "long-client"],
        };
        let text = shown(name);
        let is_rust = text == short || text == long;
        let (mut typed, mut command) = if is_rust {
            programs().or_else(failure)?;
            let typed = format!("RUST_LOG=debug target/debug/{text}");
            (typed, vec![path_of(&text).into()])
        } else if is_python(name) && Path::new(name).is_file() {
            let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
            (format!("python3 {text} {ADDRESS}"), vec![python, name.to_owned(), ADDRESS.into()])
        } else if is_python(name) {
            return misuse(format!("there is no file {text} in this folder"));
        } else {
            return misuse(format!("{text} is neither {short} nor {long} nor a Python file"));
        };
        if text == "long-client" {
            typed = format!("{typed} {ADDRESS} 'TCP client connect' 3");
            command.extend([ADDRESS, "TCP client connect", "3"].map(OsString::from));
        }
        Ok(Self { name: text, side, is_rust, typed, command })
    }

    /// Starts the program, and has its lines and its end sent as events. The receiver holds a place
    /// for each line that has not been shown yet.
    pub fn start(
        &self,
        log_level: &str,
        events: Sender<Event>,
    ) -> Result<(Process, Receiver<()>), Problem> {
        let started = self.try_to_start(log_level, events);
        started.or_else(|error| failure(format!("cannot start {}: {error}", self.name)))
    }

    fn try_to_start(
        &self,
        log_level: &str,
        events: Sender<Event>,
    ) -> io::Result<(Process, Receiver<()>)> {
        // One pipe for both outputs keeps their lines in order.
        let (reader, writer) = os_pipe::pipe()?;
        let program = Program::of(Command::new(&self.command[0])).args(&self.command[1..]);
        let program = program
            .ending_with_us()
            .env("RUST_LOG", log_level)
            // Otherwise Python keeps back what it prints into a pipe.
            .env("PYTHONUNBUFFERED", "1")
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let process = program.spawn()?;
        let (place, unshown) = mpsc::sync_channel(AHEAD);
        let side = self.side;
        let read = move || {
            let mut output = BufReader::new(reader);
            while let Some(line) = read_line(&mut output) {
                // Nobody receives any more when the demo has just ended.
                let _ = place.send(());
                let _ = events.send((side, Some(line)));
            }
            let _ = events.send((side, None));
        };
        thread::Builder::new().spawn(read)?;
        Ok((process, unshown))
    }
}

fn is_python(name: &OsStr) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "py")
}

fn read_line(output: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let read = output.take(LONGEST_LINE).read_until(b'\n', &mut line);
    if read.ok()? == 0 {
        return None;
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line); // Python's, on Windows
    let escaped = printable(line).to_string();
    // The programs in Rust have escaped what has to be, and a backslash is not to be doubled.
    let plain = escaped.replace(r"\\", r"\");
    let is_plain = plain.as_bytes() == line;
    Some(if is_plain { plain } else { escaped })
}
