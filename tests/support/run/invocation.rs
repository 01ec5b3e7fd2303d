//! The four programs, and a program in any language.

use std::ffi::OsString;
use std::process::Command;

use serde::Deserialize;

use crate::root;
use crate::run::{Program, path_of, python};

/// The four programs, in the tutorial's order.
pub const PROGRAMS: [&str; 4] = ["short-server", "short-client", "long-server", "long-client"];

/// Both servers, each with the client that talks with it.
pub const PAIRS: [(&str, &str); 2] =
    [("short-server", "short-client"), ("long-server", "long-client")];

/// The language that one of the four programs is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edition {
    #[default]
    Rust,
    Python,
}

/// A program in some language: the words that start it.
#[derive(Clone)]
pub struct Invocation {
    pub command: Vec<OsString>,
}

impl Invocation {
    /// Returns one of the four programs in Rust.
    pub fn rust(program: &str) -> Self {
        Self { command: vec![path_of(program).into()] }
    }

    /// Returns a Python file, where there is an interpreter.
    pub fn python(file: impl Into<OsString>) -> Option<Self> {
        Some(Self { command: vec![python()?, file.into()] })
    }

    /// Returns the Python twin of one of the four programs, where there is an interpreter.
    pub fn twin(program: &str) -> Option<Self> {
        Self::python(path_of_twin(program))
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.extend(arguments.iter().map(OsString::from));
        self
    }

    /// Prepares to start it.
    pub fn program(&self) -> Program {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        // Otherwise Python keeps back what it prints into a pipe.
        Program::of(command).env("PYTHONUNBUFFERED", "1")
    }
}

/// Returns the path of the Python twin of one of the four programs, such as `short-server`.
pub fn path_of_twin(program: &str) -> String {
    let file = format!("{program}/{}.py", program.replace('-', "_"));
    root().join(file).display().to_string()
}
