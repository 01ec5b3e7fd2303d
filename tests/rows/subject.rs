//! A program under judgement, and how it is started.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use harness::{Process, Program, path_of};

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

    /// Returns it with an address.
    pub fn with(&self, address: SocketAddr) -> Program {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg(address.to_string());
        Program::of(command).env("PYTHONUNBUFFERED", "1").in_a_terminal()
    }

    /// Starts it, under another command or not.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot be started.
    pub fn start(&self, address: SocketAddr, under: Option<Command>) -> io::Result<Process> {
        let program = self.with(address).ending_with_us();
        match under {
            // What strace has started would outlive it.
            Some(command) => program.under(command).ending_with_us().spawn(),
            None => program.spawn(),
        }
    }
}
