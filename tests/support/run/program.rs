//! A program that is about to be started.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::system::setsid;
use crate::run::{Finished, Process, path_of};

/// A program that is about to be started.
pub struct Program {
    pub(crate) command: Command,
    stdin: Stdio,
    stdout: Stdio,
    stderr: Stdio,
    /// What its standard output is read from, where that is not a pipe of its own.
    reader: Option<Box<dyn Read + Send>>,
    has_own_session: bool,
}

impl Program {
    /// Starts with one of the workspace's programs, without arguments.
    pub fn new(name: &str) -> Self {
        Self::of(Command::new(path_of(name)))
    }

    /// Starts with any command.
    pub fn of(mut command: Command) -> Self {
        command.env_remove("RUST_LOG").env_remove("STEP");
        Self {
            command,
            stdin: Stdio::null(),
            stdout: Stdio::piped(),
            stderr: Stdio::piped(),
            reader: None,
            has_own_session: false,
        }
    }

    /// Runs it under another command, which takes the program and its arguments as its last ones.
    pub fn under(mut self, mut outer: Command) -> Self {
        outer.arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => outer.env(name, value),
                None => outer.env_remove(name),
            };
        }
        if let Some(folder) = self.command.get_current_dir() {
            outer.current_dir(folder);
        }
        self.command = outer;
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in this folder.
    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it a session of its own, so that it cannot read from this one's terminal, where the system has a command
    /// for it.
    pub fn in_own_session(mut self) -> Self {
        self.has_own_session = true;
        self
    }

    /// Sends standard output to a file, instead of having it read.
    pub fn stdout(mut self, file: impl Into<Stdio>) -> Self {
        self.stdout = file.into();
        self
    }

    /// Sends standard error to a file, instead of having it read.
    pub fn stderr(mut self, file: impl Into<Stdio>) -> Self {
        self.stderr = file.into();
        self
    }

    /// Sends both outputs into one pipe, which is read as standard output and keeps the order of
    /// their lines.
    pub fn with_one_output(mut self) -> io::Result<Self> {
        let (reader, writer) = os_pipe::pipe()?;
        self.stdout = writer.try_clone()?.into();
        self.stderr = writer.into();
        self.reader = Some(Box::new(reader));
        Ok(self)
    }

    /// Makes its standard output a terminal, so that no language holds lines back. Where there are
    /// no pseudo-terminals it stays a pipe.
    #[cfg_attr(not(unix), expect(unused_mut))]
    pub fn in_a_terminal(mut self) -> Self {
        #[cfg(unix)]
        if let Ok((ours, its)) = crate::run::terminal::open() {
            self.stdout = its.into();
            self.reader = Some(Box::new(ours));
        }
        self
    }

    /// Takes standard input from a file.
    pub fn stdin(mut self, file: impl Into<Stdio>) -> Self {
        self.stdin = file.into();
        self
    }

    /// Lets the test type on its standard input, which is empty otherwise.
    pub fn with_input(self) -> Self {
        self.stdin(Stdio::piped())
    }

    /// Starts it in a process group of its own, which ends with the process.
    ///
    /// # Errors
    ///
    /// The system's, such as for a program that is not there.
    pub fn spawn(mut self) -> io::Result<Process> {
        let setsid = if self.has_own_session { setsid() } else { None };
        if let Some(setsid) = setsid {
            self = self.under(setsid); // its session is a group too
        } else {
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        }
        self.command.stdin(self.stdin).stdout(self.stdout).stderr(self.stderr);
        Process::start(self.command, self.reader)
    }

    /// Starts it, and fails if it cannot be started.
    #[track_caller]
    pub fn start(self) -> Process {
        let name = format!("{:?}", self.command);
        match self.spawn() {
            Ok(process) => process,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.start().finish()
    }
}
