//! The programs under measurement. What a server prints goes into a file, line by line as into a
//! terminal.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use crate::bare::Bare;
use harness::{LIMIT, Program, Server, free_address, path_of, path_of_twin, poll, python_if_found};

/// Runs a Python file as in a terminal, where a line is written as soon as it ends.
const LINE_BY_LINE: &str = "import runpy, sys; sys.stdout.reconfigure(line_buffering=True); \
     del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')";

/// The language of a program.
#[derive(Clone, Copy)]
pub enum Edition {
    Rust,
    Python,
}

impl Edition {
    /// Returns the command for one of the four programs, which prints line by line.
    pub fn command(self, name: &str) -> Command {
        self.command_with(&["-c", LINE_BY_LINE], name)
    }

    /// Returns the command that a learner types, with nothing that would delay its start.
    pub fn plain_command(self, name: &str) -> Command {
        self.command_with(&[], name)
    }

    fn command_with(self, options_of_python: &[&str], name: &str) -> Command {
        let mut command = match self {
            Self::Rust => Command::new(path_of(name)),
            Self::Python => {
                let python = python_if_found();
                let mut command = python.expect("Python is only asked for where it is found");
                command.args(options_of_python).arg(path_of_twin(name));
                command
            }
        };
        command.env_remove("RUST_LOG").env_remove("STEP");
        command
    }

    /// Starts one of the servers.
    pub fn server(self, name: &str) -> Server {
        let mut command = self.command(name);
        command.arg(free_address().unwrap().to_string());
        start(command)
    }
}

/// Starts the bench itself as a bare server.
pub fn bare_server(bare: Bare) -> Server {
    let mut command = Command::new(env::current_exe().expect("a running process has a path"));
    command.arg(bare.name());
    start(command)
}

fn start(command: Command) -> Server {
    let output = NamedTempFile::new().expect("a file can be made");
    let file = output.reopen().expect("the file is there");
    let process = Program::of(command).ending_with_us().stdout(file).stderr(Stdio::null()).start();
    let address = poll(LIMIT, || {
        let printed = fs::read_to_string(output.path()).ok()?;
        let (line, _) = printed.split_once('\n')?;
        line.strip_prefix("[*] listening on ")?.parse().ok()
    });
    Server { process, address: address.expect("the server says where it listens") }
}

/// Returns the memory that a server occupies, in bytes; only Linux says.
pub fn memory(server: &Server) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
