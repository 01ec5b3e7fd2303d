//! A program under judgement, and how it is started.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use crate::harness::{Process, Program, path_of};

/// A program that is to do what one of the four does.
#[derive(Clone)]
pub struct Subject {
    pub program: &'static str,
    /// The command that starts it; an ADDRESS is added.
    pub command: Vec<OsString>,
}

impl Subject {
    /// Returns the program in Rust.
    pub fn rust(program: &'static str) -> Self {
        let command = vec![path_of(program).into()];
        Self { program, command }
    }

    /// Starts it under other commands, the innermost one first.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot be started.
    pub fn start(
        &self,
        address: SocketAddr,
        under: impl IntoIterator<Item = Command>,
    ) -> io::Result<Process> {
        let (program, arguments) = self.command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(arguments).arg(address.to_string());
        command.env("PYTHONUNBUFFERED", "1");
        let program = Program::of(command);
        let program = under.into_iter().fold(program, Program::under);
        program.in_a_terminal().spawn()
    }
}
