//! Runs the programs step by step, records what really happens, and writes one page that shows it:
//! `cargo lesson [FILE [SERVER CLIENT]]`.

mod by_itself;
mod page;
mod scenario;
mod script;
mod sentence;
mod texts;
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
        _ => tool::main(),
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
