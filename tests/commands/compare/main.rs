//! Compares what each program does in Python, in Rust, and in a program of one's own:
//! `cargo compare [--json] [PROGRAM [COMMAND...]]`.

mod table;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use support::command_line::{Problem, misuse, report, shown, tell};
use support::rows::{Failure, Reason, Row, Subject, Verdict, try_all, why_not_judged};
use support::run::{
    Edition, NO_PYTHON, PROGRAMS, contained, free_address, programs as build_programs, python,
    strace,
};
use table::Table;

const USAGE: &str = "usage: cargo compare [--json] [PROGRAM [COMMAND...]]";

const HELP: &str = "\
Shows what each program does in Python, in Rust, and in a program of your own.

--json      prints an object for each cell of the table, one a line, in place of the table
PROGRAM     short-server, short-client, long-server or long-client [default: all four]
COMMAND...  starts your program, which gets ADDRESS, such as 127.0.0.1:20000, as its last argument

program       says                                    prints on standard output
short-server  ACK! to the message, then it closes     [*] listening on 127.0.0.1:20000
                                                      [*] Accepted connection from: 127.0.0.1:50000
                                                      [*] Received: i am TCP client
short-client  i am TCP client, and takes the reply    ACK!
long-server   ACK! to each message, until the client  as the short server, and for each message
              leaves; then it accepts the next one    [*] Sended: ACK!
long-client   TCP client connect, takes the reply,    ACK! for each reply
              and so on until it is stopped
No message and no reply has a line break; each line that is printed ends in one.
A client that asks for its message gets it on standard input.

Status 0 if all rows of your program hold (without COMMAND, of the one in Rust), 1 if not,
2 if nothing was judged, 3 if a row was not tried because this machine lacks something.
What each row asks, and how to fix a program: docs/rows.md
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    contained(|| report(USAGE, run(&arguments)))
}

fn run(arguments: &[OsString]) -> Result<ExitCode, Problem> {
    let is_help = |word: &OsString| word == "--help" || word == "-h";
    if arguments.iter().take(2).any(is_help) {
        write!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let (as_json, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "--json" => (true, rest),
        _ => (false, arguments),
    };
    let Some((name, command)) = arguments.split_first() else {
        return compare(&PROGRAMS, &[], as_json);
    };
    let Some(program) = PROGRAMS.into_iter().find(|program| name == program) else {
        let (name, programs) = (shown(name), PROGRAMS.join(", "));
        return misuse(format!("{name} is none of {programs}"));
    };
    compare(&[program], command, as_json)
}

/// Prints a table for each program, and returns what is to be said of the judged columns.
fn compare(
    programs: &[&'static str],
    command: &[OsString],
    as_json: bool,
) -> Result<ExitCode, Problem> {
    build_programs().map_err(Problem::Failure)?;
    let _ = strace(); // is looked for before the programs take processes and descriptors
    let mut tables = Vec::new();
    for program in programs {
        let mut columns = Vec::new();
        if let Some(twin) = Edition::twin(program) {
            columns.push(("Python".to_owned(), Subject::new(program, twin)));
        }
        columns.push(("Rust".to_owned(), Subject::new(program, Edition::rust(program))));
        if !command.is_empty() {
            let words: Vec<String> = command.iter().map(|word| shown(word)).collect();
            let own = Edition { command: command.to_vec() };
            try_to_start(&own)?;
            if let Some(why) = why_not_judged(&Subject::new(program, own.clone())) {
                tell(&format!("error: {} is not judged: {why}", words.join(" ")));
                return Ok(ExitCode::from(2));
            }
            columns.push((words.join(" "), Subject::new(program, own)));
        }
        tables.push(Table::new(program, columns));
    }
    let tasks: Vec<(&Row, &Subject)> = tables.iter().flat_map(Table::tasks).collect();
    let judged = try_all(&tasks, |verdicts| -> io::Result<Vec<Verdict>> {
        let mut judged = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            if number > 0 && !as_json {
                writeln!(io::stdout())?;
            }
            judged.extend(table.print(verdicts, as_json)?);
        }
        if !as_json {
            writeln!(io::stdout(), "What each row asks, and how to fix a program: docs/rows.md")?;
        }
        Ok(judged)
    })?;
    if python().is_none() {
        tell(&format!("note: {NO_PYTHON}, so there are no twins"));
    }
    Ok(status(&judged))
}

/// Returns the exit status, and says what was short.
fn status(judged: &[Verdict]) -> ExitCode {
    let lacks = judged.iter().find_map(|verdict| match verdict {
        Err(Failure::NotTried(Reason::Lacks(what))) => Some(what),
        _ => None,
    });
    if let Some(what) = lacks {
        tell(&format!("error: not every row was tried: this machine lacks {what}"));
        return ExitCode::from(3);
    }
    let may_pass = |verdict: &Verdict| {
        matches!(verdict, Ok(()) | Err(Failure::NotTried(Reason::Impossible(_))))
    };
    // Where nothing could be tried, nothing holds.
    let passes = judged.iter().any(Result::is_ok) && judged.iter().all(may_pass);
    if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Checks that the command can be started, before it is judged.
fn try_to_start(own: &Edition) -> Result<(), Problem> {
    let start = |address: std::net::SocketAddr| own.program().args([address.to_string()]).spawn();
    let Err(error) = free_address().and_then(start) else {
        return Ok(());
    };
    let program = shown(&own.command[0]);
    let hint = match error.kind() {
        io::ErrorKind::NotFound if program.contains(' ') => {
            "\nhint: leave out the quotes, so that each word is an argument of its own".to_owned()
        }
        io::ErrorKind::NotFound if !Path::new(&own.command[0]).exists() => String::new(),
        // It is not in PATH, may not be executed, or does not say what executes it.
        _ => format!("\nhint: put its interpreter in front, such as python3 {program}"),
    };
    misuse(format!("cannot start {program}: {error}{hint}"))
}
