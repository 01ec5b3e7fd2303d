//! Servers under measurement: processes that write into a file, as into a terminal, line by line.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use crate::bare::Bare;
use crate::harness::{
    Edition, LIMIT, Process, Program, free_address, path_of, path_of_twin, poll, python_if_found,
};

/// Runs a Python file as in a terminal, where a line is written as soon as it ends.
const LINE_BY_LINE: &str = "import runpy, sys; sys.stdout.reconfigure(line_buffering=True); \
     del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')";

/// Returns the command for one of the four programs, which prints line by line.
pub fn command(edition: Edition, name: &str) -> Command {
    match edition {
        Edition::Rust => Command::new(path_of(name)),
        Edition::Python => python_command(&["-c", LINE_BY_LINE], name),
    }
}

/// Returns the command that a learner types, with nothing that would delay its start.
pub fn plain_command(edition: Edition, name: &str) -> Command {
    match edition {
        Edition::Rust => Command::new(path_of(name)),
        Edition::Python => python_command(&[], name),
    }
}

fn python_command(options: &[&str], name: &str) -> Command {
    let mut command = python_if_found().expect("Python is only asked for where it is found");
    command.args(options).arg(path_of_twin(name));
    command
}

/// Runs until it is dropped.
pub struct Server {
    process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one of the servers.
    pub fn start(edition: Edition, name: &str) -> Self {
        let mut command = command(edition, name);
        command.arg(free_address().to_string());
        Self::of(command)
    }

    /// Starts the bench itself as a bare server.
    pub fn bare(bare: Bare) -> Self {
        let this = env::current_exe().expect("a running process has a path");
        let mut command = Command::new(this);
        command.arg(bare.name());
        Self::of(command)
    }

    fn of(command: Command) -> Self {
        let output = NamedTempFile::new().expect("a file can be made");
        let file = output.reopen().expect("the file is there");
        let program = Program::of(command).stdout(file).stderr(Stdio::null());
        let process = program.start();
        let address = poll(LIMIT, || {
            let printed = fs::read_to_string(output.path()).ok()?;
            let (line, _) = printed.split_once('\n')?;
            line.strip_prefix("[*] listening on ")?.parse().ok()
        });
        Self { process, address: address.expect("the server says where it listens") }
    }

    /// Returns the memory that it occupies, in bytes; only Linux says.
    pub fn memory(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024.0)
    }
}
