//! Compares what each program does in Python, in Rust, and in a program of one's own:
//! `cargo compare [OPTION...] [PROGRAM [COMMAND...]]`.

mod options;
mod table;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use options::{HELP, Options, USAGE};
use support::command_line::{EarlyEnd, misuse, report, shown, tell};
use support::rows::{Failure, Reason, Row, Subject, Verdict, try_all, try_out};
use support::run::{
    Invocation, NO_PYTHON, contained, free_address, programs as build_programs, python, strace,
};
use table::{Judged, Table};

/// How a run has ended: what `--json` prints.
#[derive(Serialize)]
struct Judgement {
    status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    tables: Vec<Judged>,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    contained(|| {
        if Options::ask_for_help(&arguments) {
            let printed = write!(io::stdout(), "{USAGE}\n\n{HELP}");
            return report(USAGE, printed.map(|()| ExitCode::SUCCESS).map_err(EarlyEnd::from));
        }
        let options = Options::read(&arguments);
        let as_json = options.as_ref().map_or_else(|(_, as_json)| *as_json, |this| this.as_json);
        let outcome = options.map_err(|(problem, _)| problem).and_then(|options| run(&options));
        report(USAGE, if as_json { print(outcome) } else { outcome.map(|outcome| outcome.tell()) })
    })
}

/// Prints the outcome as an object, whatever it is.
fn print(outcome: Result<Judgement, EarlyEnd>) -> Result<ExitCode, EarlyEnd> {
    let nothing = |status, why| Judgement { status, why: Some(why), tables: Vec::new() };
    let outcome = match outcome {
        Err(EarlyEnd::Misuse(why)) => nothing(2, why),
        Err(EarlyEnd::Failure(why)) => nothing(1, why),
        outcome => outcome?,
    };
    let text = serde_json::to_string(&outcome).map_err(io::Error::from)?;
    writeln!(io::stdout(), "{text}")?;
    Ok(ExitCode::from(outcome.status))
}

impl Judgement {
    fn tell(&self) -> ExitCode {
        if let Some(why) = &self.why {
            tell(&format!("error: {why}"));
        }
        ExitCode::from(self.status)
    }

    fn lacks(what: &str) -> Self {
        let why = format!("not every row was tried: this machine lacks {what}");
        Self { status: 3, why: Some(why), tables: Vec::new() }
    }
}

/// Prints a table for each program, and returns what is to be said of the judged columns.
fn run(options: &Options) -> Result<Judgement, EarlyEnd> {
    build_programs().map_err(EarlyEnd::Failure)?;
    let _ = strace(); // is looked for before the programs take processes and descriptors
    let reach = |listener: TcpListener| TcpStream::connect(listener.local_addr()?);
    if let Err(error) = TcpListener::bind("127.0.0.1:0").and_then(reach) {
        return Ok(Judgement::lacks(&format!("a loopback interface that works: {error}")));
    }
    let mut tables = Vec::new();
    for program in &options.programs {
        let mut columns = Vec::new();
        if let Some(twin) = Invocation::twin(program) {
            columns.push(("Python".to_owned(), Subject::new(program, twin)));
        }
        let rust = Subject::new(program, Invocation::rust(program));
        columns.push(("Rust".to_owned(), rust.clone()));
        if !options.command.is_empty() {
            let words: Vec<String> = options.command.iter().map(|word| shown(word)).collect();
            let name = words.join(" ");
            let own = Invocation { command: options.command.clone() };
            if !can_start(&own)? {
                return Ok(Judgement::lacks("processes or memory"));
            }
            match try_out(Subject::new(program, own)) {
                Ok(subject) => columns.push((name, subject)),
                Err(_) if try_out(rust).is_err() => {
                    return Ok(Judgement::lacks("what the program in Rust needs, too"));
                }
                Err(why) => {
                    let why = Some(format!("{name} is not judged: {why}"));
                    return Ok(Judgement { status: 2, why, tables: Vec::new() });
                }
            }
        }
        tables.push(Table::new(program, columns, options.row.as_deref())?);
    }
    let tasks: Vec<(&Row, &Subject)> = tables.iter().flat_map(Table::tasks).collect();
    let judged = try_all(&tasks, |verdicts| -> io::Result<Vec<Judged>> {
        let mut judged = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            if number > 0 && !options.as_json {
                writeln!(io::stdout())?;
            }
            judged.push(table.print(verdicts, options)?);
        }
        Ok(judged)
    })?;
    if python().is_none() && !options.as_json {
        tell(&format!("note: {NO_PYTHON}, so there are no twins"));
    }
    let verdicts: Vec<&Verdict> = judged.iter().flat_map(|table| &table.verdicts).collect();
    let lacks = verdicts.iter().find_map(|verdict| match verdict {
        Err(Failure::NotTried(Reason::Lacks(what))) => Some(*what),
        Err(Failure::NotTried(Reason::RustNeither)) => Some("what the program in Rust needs, too"),
        _ => None,
    });
    if let Some(what) = lacks {
        return Ok(Judgement { tables: judged, ..Judgement::lacks(what) });
    }
    let may_pass = |verdict: &&Verdict| {
        matches!(verdict, Ok(()) | Err(Failure::NotTried(Reason::Impossible(_))))
    };
    // Where nothing could be tried, nothing holds.
    let passes = verdicts.iter().any(|verdict| verdict.is_ok()) && verdicts.iter().all(may_pass);
    Ok(Judgement { status: u8::from(!passes), why: None, tables: judged })
}

/// Tries to start the command before it is judged, and returns whether this machine has room for it.
fn can_start(own: &Invocation) -> Result<bool, EarlyEnd> {
    let start = |address: std::net::SocketAddr| own.program().args([address.to_string()]).spawn();
    let Err(error) = free_address().and_then(start) else {
        return Ok(true);
    };
    let program = shown(&own.command[0]);
    let hint = match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => return Ok(false),
        io::ErrorKind::NotFound if program.contains(' ') => {
            "\nhint: leave out the quotes, so that each word is an argument of its own".to_owned()
        }
        io::ErrorKind::NotFound if !Path::new(&own.command[0]).exists() => String::new(),
        // It is not in PATH, may not be executed, or does not say what executes it.
        _ => format!("\nhint: put its interpreter in front, such as python3 {program}"),
    };
    misuse(format!("cannot start {program}: {error}{hint}"))
}
