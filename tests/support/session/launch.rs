//! What is started in a terminal: one of the programs, a twin, or a learner's own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::recording::Part;

/// Where the servers listen.
pub const ADDRESS: &str = "127.0.0.1:12345";

/// Where they listen if they have a machine of their own.
pub const ADDRESS_OF_SERVER: &str = "10.0.0.1:12345";

/// How a program is started.
#[derive(Clone, Serialize, Deserialize)]
pub struct Launch {
    pub part: Part,
    /// The Python file, as it is typed.
    pub python: Option<PathBuf>,
    /// As a shell reads them.
    pub arguments: String,
    /// Where it is started.
    pub folder: PathBuf,
}

impl Launch {
    /// Takes the name of one of the four programs or, with `.py` behind it, of a twin, and its
    /// arguments.
    pub fn of_project(words: &str, server: bool) -> Self {
        let (name, arguments) = words.split_once(' ').unwrap_or((words, ""));
        let twin = name.strip_suffix(".py").map(|twin| twin.replace('_', "-"));
        let python = twin.as_ref().map(|twin| Path::new(twin).join(name));
        let edition = if twin.is_some() { "python" } else { "rust" };
        let name = twin.unwrap_or_else(|| name.to_owned());
        let part = Part { source: format!("{edition}/{name}"), name, server };
        Self { part, python, arguments: arguments.to_owned(), folder: crate::root().to_owned() }
    }

    /// Takes a Python file of the learner's, as he names it in his folder. Where it looks at its
    /// arguments, it is given the address.
    pub fn of_learner(file: &str, server: bool) -> Self {
        let part = Part { name: file.to_owned(), source: format!("own/{file}"), server };
        let source = fs::read(file).unwrap_or_default();
        let has_arguments = String::from_utf8_lossy(&source).contains("argv");
        let arguments = if has_arguments { ADDRESS.to_owned() } else { String::new() };
        let folder = env::current_dir().unwrap_or_default();
        Self { part, python: Some(file.into()), arguments, folder }
    }

    /// Returns what a learner types.
    pub fn typed(&self) -> String {
        let program = match &self.python {
            Some(file) => format!("python3 common/watch.py {}", file.display()),
            None => format!("target/debug/{}", self.part.name),
        };
        format!("STEP=1 {program} {}", self.arguments).trim_end().to_owned()
    }
}
