//! A program at one end of the connection.

use std::ffi::OsStr;
use std::path::Path;

use common::printable;

use support::command_line::{Problem, failure, misuse, shown};
use support::run::{Edition, NO_PYTHON, Process, programs};

/// The default address of all programs.
pub const ADDRESS: &str = "127.0.0.1:12345";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server,
    Client,
}

/// A program that can be started.
pub struct Endpoint {
    pub name: String,
    pub side: Side,
    /// Whether it is one of the four programs in Rust, and not a Python file.
    pub is_rust: bool,
    edition: Edition,
}

impl Endpoint {
    /// Takes the name of one of the four programs, or of a Python file.
    pub fn new(name: &OsStr, side: Side) -> Result<Self, Problem> {
        let [short, long] = match side {
            Side::Server => ["short-server", "long-server"],
            Side::Client => ["short-client", "long-client"],
        };
        let text = shown(name);
        let is_rust = text == short || text == long;
        let is_python = Path::new(name).extension().is_some_and(|extension| extension == "py");
        let mut edition = if is_rust {
            programs().or_else(failure)?;
            Edition::rust(&text)
        } else if is_python && Path::new(name).is_file() {
            let edition = Edition::python(name).map_or_else(|| failure(NO_PYTHON), Ok)?;
            edition.args(&[ADDRESS])
        } else if is_python {
            return misuse(format!("there is no file {text} in this folder"));
        } else {
            return misuse(format!("{text} is neither {short} nor {long} nor a Python file"));
        };
        if text == "long-client" {
            edition = edition.args(&[ADDRESS, "TCP client connect", "3"]);
        }
        Ok(Self { name: text, side, is_rust, edition })
    }

    /// Starts the program; what it writes to either output is read as standard output.
    pub fn start(&self, log_level: &str) -> Result<Process, Problem> {
        let program = self.edition.program().in_own_session().env("RUST_LOG", log_level);
        let process = program.with_one_output().and_then(support::run::Program::spawn);
        process.or_else(|error| failure(format!("cannot start {}: {error}", self.name)))
    }
}

/// Returns a line that a program has printed as text that is safe to print.
pub fn text_of(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line); // Python's, on Windows
    let escaped = printable(line).to_string();
    // The programs in Rust have escaped what has to be, and a backslash is not to be doubled.
    let plain = escaped.replace(r"\\", r"\");
    if plain.as_bytes() == line { plain } else { escaped }
}
