//! The programs under measurement. What a server prints goes into a file, line by line as into a
//! terminal.

use std::fs;
use std::process::Stdio;

use tempfile::NamedTempFile;

use support::run::{Edition, Invocation, LIMIT, Server, free_address, listening_on, poll};

/// Runs a Python file as in a terminal, where a line is written as soon as it ends.
const LINE_BY_LINE: &str = "import runpy, sys; sys.stdout.reconfigure(line_buffering=True); \
     del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')";

/// Returns one of the four programs as a learner types it.
pub fn invocation(edition: Edition, program: &str) -> Invocation {
    match edition {
        Edition::Rust => Invocation::rust(program),
        Edition::Python => Invocation::twin(program).expect("Python is only asked for where it is"),
    }
}

/// Returns one of the four programs, which prints line by line into a file too.
pub fn line_by_line(edition: Edition, program: &str) -> Invocation {
    let mut invocation = invocation(edition, program);
    if let Edition::Python = edition {
        invocation.command.splice(1..1, ["-c", LINE_BY_LINE].map(Into::into));
    }
    invocation
}

/// Starts one of the servers.
pub fn start(edition: Edition, server: &str) -> Server {
    let address = free_address().expect("a port is free");
    let output = NamedTempFile::new().expect("a file can be made");
    let file = output.reopen().expect("the file is there");
    let server = line_by_line(edition, server).program().args([address.to_string()]);
    let process = server.in_own_session().stdout(file).stderr(Stdio::null()).start();
    let listens = || listening_on(fs::read_to_string(output.path()).ok()?.lines().next()?);
    let address = poll(LIMIT, listens).expect("the server says where it listens");
    Server { process, address }
}

/// Returns the memory that a server occupies, in bytes; only Linux says.
pub fn memory(server: &Server) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
