//! Runs the programs step by step, records what really happens, and writes one page that shows it:
//! `cargo lesson [FILE [SERVER CLIENT]]`.

#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod narration;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod own;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod recorder;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod sentence;
#[cfg(target_os = "linux")]
mod source;
#[cfg(target_os = "linux")]
mod started;
#[cfg(target_os = "linux")]
mod terminal;
mod texts;
#[cfg(target_os = "linux")]
mod tool;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use support::command_line::{Problem, failure, report};

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    match &words[..] {
        [option, folder] if option == "--site" => {
            report("usage: cargo lesson --site FOLDER", write_site(folder))
        }
        _ => record(),
    }
}

/// Writes the lesson and the texts of the project into a folder, as pages.
fn write_site(folder: &OsStr) -> Result<ExitCode, Problem> {
    let folder = Path::new(folder);
    let written = texts::write(folder);
    written.or_else(|error| failure(format!("cannot write the pages: {error}")))?;
    writeln!(io::stdout(), "{}", folder.join("index.html").display())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(target_os = "linux")]
fn record() -> ExitCode {
    tool::main()
}

#[cfg(not(target_os = "linux"))]
fn record() -> ExitCode {
    support::command_line::tell("error: this system cannot record; open docs/lesson.html instead");
    ExitCode::FAILURE
}
