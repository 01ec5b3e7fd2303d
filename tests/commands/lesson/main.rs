//! The lesson: real runs of the programs, step by step, on a page; and the texts of the project beside
//! it. `cargo lesson --help` says what it does.

mod by_itself;
mod kernel;
mod live;
mod page;
mod record;
mod scenario;
mod script;
mod sentence;
mod texts;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::iter;
use std::path::Path;
use std::process::ExitCode;

use support::command_line::{EarlyEnd, failure, misuse, program_or_file, report, shown};
use support::run::contained;
use support::session::{SESSION, be_session};

const USAGE: &str = "\
usage: cargo lesson [--port N] [SERVER CLIENT [CLIENT...]]
       cargo lesson FILE [SERVER CLIENT [CLIENT...]]
       cargo lesson SCENARIO
       cargo lesson --site FOLDER";

const HELP: &str = "\
Shows the four programs and their Python twins step by step, on real sockets.

Without FILE, it prints the address of a page for a browser on this machine. There you decide what happens
next: a click lets one program make one call. The recorded lesson and the texts of the project are beside it.
  --port N: at this port [default: any free one]
  SERVER and CLIENT: these programs, one of the four or a Python file; up to four clients
  What was done is kept in target/lesson-live.html once the page is closed.

FILE: records the programs as they are now, and writes a page, whose name ends in .html; in a folder docs,
the README's pictures are drawn beside it
  SERVER and CLIENT: records these instead

SCENARIO: records one of the scenarios, such as two, into target/lesson.html, and takes the others from there or
from docs/lesson.html, where their programs are still those that were recorded

--site FOLDER: writes the lesson and the texts as files, which need no server

PYTHON [default: python3]: what runs Python files";

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    if let [first, outer] = &words[..] {
        if first == SESSION {
            let ended = be_session(outer).map(|()| ExitCode::SUCCESS);
            return report(USAGE, ended.or_else(|error| failure(error.to_string())));
        }
    }
    contained(|| report(USAGE, run(&words)))
}

/// Does what the user asked for.
fn run(words: &[OsString]) -> Result<ExitCode, EarlyEnd> {
    if words.iter().any(|word| word == "-h" || word == "--help") {
        writeln!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let (port, words) = match words {
        [option, folder] if option == "--site" => return write_site(Path::new(folder)),
        [option] if option == "--site" => return misuse("--site takes a FOLDER"),
        [option] if option == "--port" => return misuse("--port takes a number"),
        [option, port, rest @ ..] if option == "--port" => match shown(port).parse() {
            Ok(port) => (Some(port), rest),
            Err(_) => {
                return misuse(format!("--port takes a number up to 65535, not '{}'", shown(port)));
            }
        },
        words => (None, words),
    };
    let mut options = words.iter().map(|word| shown(word));
    if let Some(option) = options.find(|word| word.starts_with('-')) {
        return misuse(format!("unknown option '{option}'"));
    }
    match words {
        [] => live::run(port.unwrap_or(0), None),
        [id] if port.is_none() && scenario::all().iter().any(|scenario| id == scenario.id) => {
            record::one(&shown(id))
        }
        [file] if port.is_none() => record::all_into(Path::new(file)),
        [file, own @ ..] if Path::new(file).extension() == Some(OsStr::new("html")) => {
            if own.len() < 2 || port.is_some() {
                return misuse("it takes a FILE, or a FILE, a SERVER and a CLIENT");
            }
            if let Some(extra) = own.get(5) {
                return misuse(format!("too many arguments: '{}'", shown(extra)));
            }
            record::own_into(Path::new(file), &names(own)?)
        }
        own @ [_, clients @ ..] if (1..=4).contains(&clients.len()) => {
            live::run(port.unwrap_or(0), Some(&names(own)?))
        }
        _ => misuse("it takes a SERVER and up to four CLIENTs"),
    }
}

/// Writes the lesson and the texts of the project into a folder, as pages.
fn write_site(folder: &Path) -> Result<ExitCode, EarlyEnd> {
    let written = texts::write(folder);
    written.or_else(|error| failure(format!("cannot write the pages: {error}")))?;
    writeln!(io::stdout(), "{}", folder.join("index.html").display())?;
    Ok(ExitCode::SUCCESS)
}

/// Takes the names of a server and its clients.
fn names(words: &[OsString]) -> Result<Vec<String>, EarlyEnd> {
    let sides = ["server"].into_iter().chain(iter::repeat("client"));
    words.iter().zip(sides).map(|(word, side)| program_or_file(word, side)).collect()
}
