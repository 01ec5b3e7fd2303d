//! Compares what each program does in Python, in Rust, and in a program of one's own:
//! `cargo compare [PROGRAM [COMMAND...]]`.

mod table;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use harness::command_line::{Problem, misuse, report, shown, tell};
use harness::{
    NO_PYTHON, Orphans, PROGRAMS, free_address, path_of_twin, programs as build_programs, python,
};
use rows::{Row, Subject, try_all};
use table::Table;

const USAGE: &str = "usage: cargo compare [PROGRAM [COMMAND...]]";

const HELP: &str = "\
Shows what each program does in Python, in Rust, and in a program of your own.

PROGRAM     short-server, short-client, long-server or long-client [default: all four]
COMMAND...  starts your program, which gets ADDRESS as one more argument

Status 0 if all rows of your program hold (without COMMAND, of the one in Rust), 1 if not.
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    report(USAGE, run(&arguments))
}

fn run(arguments: &[OsString]) -> Result<ExitCode, Problem> {
    let is_help = |word: &OsString| word == "--help" || word == "-h";
    if arguments.iter().take(2).any(is_help) {
        write!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some((name, command)) = arguments.split_first() else {
        return compare(&PROGRAMS, &[]);
    };
    let Some(program) = PROGRAMS.into_iter().find(|program| name == program) else {
        let (name, programs) = (shown(name), PROGRAMS.join(", "));
        return misuse(format!("{name} is none of {programs}"));
    };
    compare(&[program], command)
}

/// Prints a table for each program, and fails where a row of a judged column does not hold.
fn compare(programs: &[&'static str], command: &[OsString]) -> Result<ExitCode, Problem> {
    build_programs().map_err(Problem::Failure)?;
    let _orphans = Orphans::adopt();
    let mut tables = Vec::new();
    for program in programs {
        let mut columns = Vec::new();
        columns.extend(twin(program).map(|twin| ("Python".to_owned(), twin)));
        columns.push(("Rust".to_owned(), Subject::rust(program)));
        if !command.is_empty() {
            let words: Vec<String> = command.iter().map(|word| shown(word)).collect();
            let command = command.to_vec();
            let own = Subject { program, command };
            try_to_start(&own)?;
            columns.push((words.join(" "), own));
        }
        tables.push(Table::new(program, columns));
    }
    let tasks: Vec<(&Row, &Subject)> = tables.iter().flat_map(Table::tasks).collect();
    let outcome = try_all(&tasks, |verdicts| {
        let mut all_hold = true;
        for (number, table) in tables.iter().enumerate() {
            if number > 0 {
                writeln!(io::stdout())?;
            }
            all_hold &= table.print(verdicts)?;
        }
        Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    });
    if outcome.is_ok() && twin(programs[0]).is_none() {
        tell(&format!("note: {NO_PYTHON}, so there are no twins"));
    }
    outcome
}

/// Returns the Python twin of a program, where there is an interpreter.
fn twin(program: &'static str) -> Option<Subject> {
    let command = vec![python()?, path_of_twin(program).into()];
    Some(Subject { program, command })
}

/// Checks that the command can be started, before it is judged.
fn try_to_start(own: &Subject) -> Result<(), Problem> {
    let Err(error) = free_address().and_then(|address| own.with(address).spawn()) else {
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
