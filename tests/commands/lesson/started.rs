//! What is started in a terminal: one of the programs, a twin, or a learner's own.

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{OFlags, fcntl_setfl};

use support::run::{Process, Program};

use support::session::recording::Part;

pub struct Started {
    pub part: Part,
    /// The Python file, as it is typed.
    pub python: Option<PathBuf>,
    /// As a shell reads them.
    arguments: String,
    /// Where it is started.
    pub folder: PathBuf,
}

impl Started {
    /// Takes the name of one of the four programs or, with `.py` behind it, of a twin, and its
    /// arguments.
    pub fn of_lesson(words: &str, server: bool) -> Self {
        let (name, arguments) = words.split_once(' ').unwrap_or((words, ""));
        let twin = name.strip_suffix(".py").map(|twin| twin.replace('_', "-"));
        let python = twin.as_ref().map(|twin| Path::new(twin).join(name));
        let edition = if twin.is_some() { "python" } else { "rust" };
        let name = twin.unwrap_or_else(|| name.to_owned());
        let part = Part { source: format!("{edition}/{name}"), name, server };
        Self { part, python, arguments: arguments.to_owned(), folder: support::root().to_owned() }
    }

    /// Takes a Python file of the learner's, as he names it in his folder.
    pub fn of_learner(file: &str, arguments: &str, server: bool) -> Self {
        let part = Part { name: file.to_owned(), source: format!("own/{file}"), server };
        let folder = env::current_dir().unwrap_or_default();
        Self { part, python: Some(file.into()), arguments: arguments.to_owned(), folder }
    }

    /// Returns what a learner types.
    pub fn typed(&self) -> String {
        let program = match &self.python {
            Some(file) => format!("python3 common/watch.py {}", file.display()),
            None => format!("target/debug/{}", self.part.name),
        };
        format!("STEP=1 {program} {}", self.arguments).trim_end().to_owned()
    }

    /// Starts it with `STEP=1`. A Python program's calls are written down, with their lines.
    pub fn start(&self, lines: &Path) -> io::Result<Running> {
        let (reader, writer) = os_pipe::pipe()?;
        let reader = OwnedFd::from(reader);
        fcntl_setfl(&reader, OFlags::NONBLOCK)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$@\" {}", self.arguments), "sh"]);
        match &self.python {
            Some(file) => shell
                .arg(env::var_os("PYTHON").unwrap_or_default())
                .arg(support::root().join("common/watch.py"))
                .arg(file)
                .env("WATCH_LINES", lines)
                // The marks in a traceback differ from version to version.
                .env("PYTHONNODEBUGRANGES", "1")
                .env("PYTHONDONTWRITEBYTECODE", "1"),
            None => shell.arg(programs().join(&self.part.name)),
        };
        shell.current_dir(&self.folder);
        let program = Program::of(shell).in_own_session().env("STEP", "1").with_input();
        let process = program.stdout(writer.try_clone()?).stderr(writer).spawn()?;
        Ok(Running { process, output: reader.into() })
    }
}

/// The folder of the programs: this one is in a folder of it.
fn programs() -> PathBuf {
    let this = env::current_exe().unwrap_or_default();
    this.ancestors().nth(2).map_or_else(PathBuf::new, Path::to_owned)
}

/// A program that runs, and what it prints on both outputs; where there is nothing to read, reading
/// does not wait.
pub struct Running {
    pub process: Process,
    pub output: File,
}
