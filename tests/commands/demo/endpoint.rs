//! A program at one end of the connection.

use std::ffi::OsStr;

use support::command_line::{EarlyEnd, failure, program_or_file};
use support::root;
use support::run::{Invocation, NO_PYTHON, PROGRAMS, Process, programs};

/// The default address of all programs.
pub const ADDRESS: &str = "127.0.0.1:12345";

/// Shows the calls of a Python program, and stops before each.
const WATCH: &str = "common/watch.py";

/// A program that can be started.
pub struct Endpoint {
    pub name: String,
    /// Whether it is one of the four programs in Rust, and not a Python file.
    pub is_rust: bool,
    invocation: Invocation,
}

impl Endpoint {
    /// Takes the name of one of the four programs, or of a Python file.
    pub fn new(name: &OsStr, side: &str) -> Result<Self, EarlyEnd> {
        let text = program_or_file(name, side)?;
        let is_rust = PROGRAMS.contains(&&*text);
        let mut invocation = if is_rust {
            programs().or_else(failure)?;
            Invocation::rust(&text)
        } else {
            let invocation = Invocation::python(root().join(WATCH));
            let mut invocation = invocation.map_or_else(|| failure(NO_PYTHON), Ok)?;
            invocation.command.extend([name.to_owned(), ADDRESS.into()]);
            invocation
        };
        if text == "long-client" {
            invocation = invocation.args(&[ADDRESS, "TCP client connect", "3"]);
        }
        Ok(Self { name: text, is_rust, invocation })
    }

    /// Starts the program; what it writes to either output is read as standard output.
    pub fn start(&self, log_level: &str) -> Result<Process, EarlyEnd> {
        let program = self.invocation.program().in_own_session().env("RUST_LOG", log_level);
        let program = program.env("STEP", "1").with_input();
        let process = program.with_one_output().and_then(support::run::Program::spawn);
        process.or_else(|error| failure(format!("cannot start {}: {error}", self.name)))
    }
}
