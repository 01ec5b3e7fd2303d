//! A program that takes part in the demo.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

use common::printable;

use crate::Problem;
use crate::harness::{Process, Program, path_of, programs};

/// After how many replies a client is stopped that takes no COUNT.
pub const REPLIES: usize = 3;

/// The longest line, in bytes; what is longer is shown as several.
const LONGEST_LINE: u64 = 4096;

#[derive(Clone, Copy, Default, PartialEq)]
pub enum Side {
    #[default]
    Server,
    Client,
}

/// What can happen while the programs run.
pub enum Event {
    /// It printed a line, on either output.
    Printed(Side, String),
    /// It has closed both outputs, as its end does.
    Ended(Side),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// A program that can be started.
pub struct Part {
    pub name: String,
    pub side: Side,
    /// Whether it is one of the four programs in Rust, and not a Python file.
    pub is_rust: bool,
    /// What a learner types to start it.
    pub typed: String,
    program: OsString,
    arguments: Vec<OsString>,
}

impl Part {
    /// Takes the name of one of the four programs, or of a Python file.
    pub fn new(name: &OsStr, side: Side) -> Result<Self, Problem> {
        let [short, long] = match side {
            Side::Server => ["short-server", "long-server"],
            Side::Client => ["short-client", "long-client"],
        };
        let text = printable(name.as_encoded_bytes()).to_string();
        if name == short || name == long {
            programs().map_err(Problem::Failure)?;
            let program = path_of(&text).into();
            let count = REPLIES.to_string();
            let arguments = match text.as_str() {
                "long-client" => vec!["127.0.0.1:12345", "TCP client connect", &count],
                _ => Vec::new(),
            };
            let quote = |argument: &&str| {
                let mark = if argument.contains(' ') { "'" } else { "" };
                format!(" {mark}{argument}{mark}")
            };
            let quoted: String = arguments.iter().map(quote).collect();
            let typed = format!("RUST_LOG=debug target/debug/{text}{quoted}");
            return Ok(Self {
                name: text,
                side,
                is_rust: true,
                typed,
                program,
                arguments: arguments.into_iter().map(OsString::from).collect(),
            });
        }
        if !is_python_file(name) {
            let problem = format!("{text} is neither {short} nor {long} nor a Python file");
            return Err(Problem::Misuse(problem));
        }
        Ok(Self {
            side,
            is_rust: false,
            typed: format!("python3 {text}"),
            program: env::var_os("PYTHON").unwrap_or_else(|| "python3".into()),
            arguments: vec![name.to_owned()],
            name: text,
        })
    }

    /// Starts the program, and has its lines, as many as are requested, and its end sent as events.
    ///
    /// The level of its log shows the calls at least, since they are needed to find the order.
    pub fn start(
        &self,
        level: &str,
        events: &Sender<Event>,
        requests: Receiver<()>,
    ) -> Result<Process, Problem> {
        let spawned = self.spawn(level);
        let (process, output) = spawned
            .map_err(|error| Problem::Failure(format!("cannot start {}: {error}", self.name)))?;
        let (side, events) = (self.side, events.clone());
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            for () in requests {
                let Some(line) = read_line(&mut output) else {
                    break;
                };
                let _ = events.send(Event::Printed(side, line)); // or the demo has just ended
            }
            let _ = events.send(Event::Ended(side));
        });
        Ok(process)
    }

    fn spawn(&self, level: &str) -> io::Result<(Process, impl Read + use<>)> {
        // On Linux a child can be made to end with its parent, also where nobody can clean up.
        let end_with_parent = ["--pdeathsig", "KILL"];
        let mut trial = Command::new("setpriv");
        trial.args(end_with_parent).arg("true");
        trial.stdout(Stdio::null()).stderr(Stdio::null());
        let mut command = if trial.status().is_ok_and(|status| status.success()) {
            let mut command = Command::new("setpriv");
            command.args(end_with_parent).arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        // One pipe for both outputs keeps their lines in order.
        let (reader, writer) = os_pipe::pipe()?;
        command.args(&self.arguments);
        let program = Program::of(command)
            .env("RUST_LOG", level)
            // Otherwise Python keeps back what it prints into a pipe.
            .env("PYTHONUNBUFFERED", "1")
            .stdout(writer.try_clone()?)
            .stderr(writer);
        Ok((program.spawn()?, reader))
    }
}

fn is_python_file(name: &OsStr) -> bool {
    let path = Path::new(name);
    path.extension().is_some_and(|extension| extension == "py") && path.is_file()
}

fn read_line(output: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    output
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)
        .ok()?;
    if line.is_empty() {
        return None;
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line); // Python's, on Windows
    let escaped = printable(line).to_string();
    // The programs in Rust have escaped what has to be, and a backslash is not to be doubled.
    let plain = escaped.replace(r"\\", r"\");
    Some(if plain.as_bytes() == line {
        plain
    } else {
        escaped
    })
}
