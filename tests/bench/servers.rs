//! Servers under measurement: processes that write into a file, as into a terminal, line by line.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::bare::Bare;
use crate::build;
use crate::twin_path::path_of_twin;

/// Runs a Python file as in a terminal, where a line is written as soon as it ends.
const LINE_BY_LINE: &str = "import runpy, sys; sys.stdout.reconfigure(line_buffering=True); \
     del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')";

/// Is the language of a program.
#[derive(Clone, Copy)]
pub enum Edition {
    Rust,
    Python,
}

impl Edition {
    /// Gives the command for one of the four programs, which prints line by line.
    pub fn command(self, name: &str) -> Command {
        match self {
            Self::Rust => Command::new(path_of(name)),
            Self::Python => python_command(&["-c", LINE_BY_LINE], name),
        }
    }

    /// Gives the command that a learner types, with nothing that would delay its start.
    pub fn plain_command(self, name: &str) -> Command {
        match self {
            Self::Rust => Command::new(path_of(name)),
            Self::Python => python_command(&[], name),
        }
    }
}

fn path_of(name: &str) -> &'static Path {
    build::path_of(name).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Finds the interpreter itself, for `python3` can be a script that looks for it.
pub fn python() -> Option<&'static Path> {
    static PYTHON: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let asked = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .output();
        let answer = String::from_utf8(asked.ok()?.stdout).ok()?;
        Some(PathBuf::from(answer.trim())).filter(|path| path.is_file())
    });
    PYTHON.as_deref()
}

fn python_command(options: &[&str], name: &str) -> Command {
    let mut command = Command::new(python().expect("Python is only asked for where it is found"));
    command.args(options).arg(path_of_twin(name));
    command
}

/// Runs until it is dropped.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    output: NamedTempFile,
}

impl Server {
    /// Starts one of the servers.
    pub fn start(edition: Edition, name: &str) -> Self {
        let mut command = edition.command(name);
        command.arg("127.0.0.1:0");
        Self::of(command)
    }

    /// Starts the bench itself as a bare server.
    pub fn bare(bare: Bare) -> Self {
        let this = env::current_exe().expect("a running process has a path");
        let mut command = Command::new(this);
        command.arg(bare.name());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let output = NamedTempFile::new().expect("a file can be made");
        let file = output.reopen().expect("the file is there");
        command.env_remove("RUST_LOG").env_remove("STEP");
        command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null());
        let process = command.spawn().expect("the server can be started");
        // From here on it is killed whatever happens.
        let mut server = Self {
            process,
            address: SocketAddr::from(([0; 4], 0)),
            output,
        };
        server.address = server.wait_until_it_listens();
        server
    }

    fn wait_until_it_listens(&self) -> SocketAddr {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            let printed = fs::read_to_string(self.output.path()).expect("the servers print text");
            let line = printed
                .split_inclusive('\n')
                .find(|line| line.ends_with('\n'));
            let address = line.and_then(|line| line.trim().strip_prefix("[*] listening on "));
            if let Some(address) = address {
                return address.parse().expect("the address is IP:PORT");
            }
            thread::yield_now();
        }
        panic!("a server does not say that it listens");
    }

    /// Tells the memory that it occupies, in bytes; only Linux says.
    pub fn memory(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
