//! Runs a server and a client, shows what each prints in a column of its own, in the order in which
//! it happens: `cargo demo [SERVER CLIENT]`.

mod columns;
mod conversation;
mod endpoint;
mod line;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use log::LevelFilter;

use conversation::Conversation;
use endpoint::Endpoint;
use support::command_line::{EarlyEnd, misuse, report, shown, tell};
use support::run::contained;

const USAGE: &str = "usage: cargo demo [SERVER CLIENT]";

const HELP: &str = "\
Runs a server and a client, by default short-server and short-client, and shows what each prints in a
column of its own, causes before effects.

SERVER and CLIENT: one of the four programs, or a Python file, which python3 (or what PYTHON names) runs
with the default ADDRESS
RUST_LOG: which lines are shown [default: info]; debug shows the socket calls too, with an arrow (in 100
columns) for what goes to the other side, and trace their options";

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    contained(|| match run(&words) {
        // cargo demo | head
        Err(EarlyEnd::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        outcome => report(USAGE, outcome.map(|()| ExitCode::SUCCESS)),
    })
}

/// Does what the user asked for.
fn run(words: &[OsString]) -> Result<(), EarlyEnd> {
    if words.iter().any(|word| word == "-h" || word == "--help") {
        return Ok(writeln!(io::stdout(), "{USAGE}\n\n{HELP}")?);
    }
    let mut options = words.iter().map(|word| shown(word));
    if let Some(option) = options.find(|word| word.starts_with('-')) {
        return misuse(format!("unknown option '{option}'"));
    }
    let [server, client] = match words {
        [] => ["short-server", "short-client"].map(OsStr::new),
        [server, client] => [server, client].map(OsString::as_os_str),
        [_] => return misuse("it takes a server and a client, or nothing"),
        [_, _, extra, ..] => return misuse(format!("too many arguments: '{}'", shown(extra))),
    };
    let server = Endpoint::new(server, "server")?;
    let client = Endpoint::new(client, "client")?;
    if env::var_os("STEP").is_some_and(|step| !step.is_empty() && step != "0") {
        tell("note: STEP is ignored, since stepping needs a terminal for each program");
    }
    let asked = env::var("RUST_LOG").unwrap_or_default();
    let level = asked.parse().unwrap_or(LevelFilter::Info);
    Conversation::show(&server, &client, level)
}
