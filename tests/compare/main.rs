//! Compares what each program does in Python, in Rust, and in a program of one's own:
//! `cargo compare [PROGRAM [COMMAND...]]`.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../rows/mod.rs"]
mod rows;
mod table;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::process::ExitCode;

use common::printable;

use harness::{
    end_strays, free_address, path_of_twin, programs as build_programs, python_if_found, strays,
};
use rows::{PROGRAMS, Row, Subject, try_all};
use table::Table;

const USAGE: &str = "usage: cargo compare [PROGRAM [COMMAND...]]";

const HELP: &str = "\
Shows what each program does in Python, in Rust, and in a program of your own.

PROGRAM     short-server, short-client, long-server or long-client [default: all four]
COMMAND...  starts your program, which gets ADDRESS as one more argument

Status 0 if all rows of your program hold (without COMMAND, of the one in Rust), 1 if not.
";

/// Why there is nothing to compare.
enum Problem {
    Misuse(String),
    Failure(String),
    Output(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (problem, status) = match run(&arguments) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::FAILURE,
        // cargo compare | head
        Err(Problem::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::FAILURE;
        }
        Err(Problem::Output(error)) => (format!("cannot write to standard output: {error}"), 1),
        Err(Problem::Failure(problem)) => (problem, 1),
        Err(Problem::Misuse(problem)) => (format!("{problem}\n{USAGE}"), 2),
    };
    tell(&format!("error: {problem}"));
    ExitCode::from(status)
}

fn tell(text: &str) {
    // If standard error is closed, there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

fn run(arguments: &[OsString]) -> Result<bool, Problem> {
    let is_help = |word: &OsString| word == "--help" || word == "-h";
    if arguments.iter().take(2).any(is_help) {
        write!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(true);
    }
    let Some((name, command)) = arguments.split_first() else {
        return compare(&PROGRAMS, &[]);
    };
    let Some(program) = PROGRAMS.into_iter().find(|program| name == program) else {
        let (name, programs) = (shown(name), PROGRAMS.join(", "));
        return Err(Problem::Misuse(format!("{name} is none of {programs}")));
    };
    compare(&[program], command)
}

fn shown(argument: &OsStr) -> String {
    printable(argument.as_encoded_bytes()).to_string()
}

/// Prints a table for each program, and says whether all rows of the judged columns hold.
fn compare(programs: &[&'static str], command: &[OsString]) -> Result<bool, Problem> {
    build_programs().map_err(Problem::Failure)?;
    strays::adopt();
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
        Ok(all_hold)
    });
    end_strays();
    if outcome.is_ok() && twin(programs[0]).is_none() {
        tell("note: no python3 is found, so there are no twins");
    }
    outcome
}

/// Returns the Python twin of a program, where there is an interpreter.
fn twin(program: &'static str) -> Option<Subject> {
    let interpreter = python_if_found()?.get_program().to_owned();
    let command = vec![interpreter, path_of_twin(program).into()];
    Some(Subject { program, command })
}

/// Sees that there is such a command before it is judged.
fn try_to_start(own: &Subject) -> Result<(), Problem> {
    let Err(error) = own.start(free_address(), None) else {
        return Ok(());
    };
    let program = shown(&own.command[0]);
    let hint = match error.kind() {
        io::ErrorKind::NotFound if program.contains(' ') => {
            "\nhint: leave out the quotes, so that each word is an argument of its own".to_owned()
        }
        io::ErrorKind::NotFound => String::new(),
        // It may not be executed, or does not say what executes it.
        _ => format!("\nhint: put its interpreter in front, such as python3 {program}"),
    };
    Err(Problem::Misuse(format!("cannot start {program}: {error}{hint}")))
}
