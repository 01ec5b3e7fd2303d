//! Compares what each program does in Python, in Rust, and in a program of one's own:
//! `cargo compare [PROGRAM [COMMAND...]]`.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../rows/mod.rs"]
mod rows;
mod table;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;

use common::printable;

use harness::{end_strays, free_address, programs, strays};
use rows::{PROGRAMS, Row, Subject, Verdict, rows_of};
use table::Column;

const USAGE: &str = "usage: cargo compare [PROGRAM [COMMAND...]]";

const HELP: &str = "\
Shows what each program does in Python, in Rust, and in a program of your own.

PROGRAM     short-server, short-client, long-server or long-client [default: all four]
COMMAND...  starts your program, which gets ADDRESS as one more argument

Status 0 if all rows of your program hold (without COMMAND, of the one in Rust), 1 if not.
";

/// How many rows are tried at the same time: most of the time they wait.
const AT_ONCE: usize = 8;

/// Why there is nothing to compare.
enum Problem {
    Misuse(String),
    Failure(String),
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [option] if option == "--help" || option == "-h" => {
            let written = write!(io::stdout(), "{USAGE}\n\n{HELP}");
            return written.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
        [] => compare(&PROGRAMS, &[]),
        [program, command @ ..] => match PROGRAMS.into_iter().find(|name| program == name) {
            Some(program) => compare(&[program], command),
            None => Err(Problem::Misuse(format!(
                "{} is none of {}",
                shown(program),
                PROGRAMS.join(", ")
            ))),
        },
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Problem::Misuse(problem)) => {
            complain(&format!("{problem}\n{USAGE}"));
            ExitCode::from(2)
        }
        Err(Problem::Failure(problem)) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

fn complain(problem: &str) {
    // If standard error is closed, there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {problem}");
}

fn shown(argument: &OsStr) -> String {
    printable(argument.as_encoded_bytes()).to_string()
}

/// Prints a table for each program, and says whether all rows of the judged column hold.
fn compare(programs_to_compare: &[&'static str], command: &[OsString]) -> Result<bool, Problem> {
    programs().map_err(Problem::Failure)?;
    strays::adopt();
    let mut tables = Vec::new();
    for program in programs_to_compare {
        let twin = Subject::twin(program);
        let heading = if twin.is_some() {
            "Python"
        } else {
            "no python3"
        };
        let mut columns = vec![
            Column::new(heading.to_owned(), twin),
            Column::new("Rust".to_owned(), Some(Subject::rust(program))),
        ];
        if !command.is_empty() {
            let own = Subject {
                program,
                command: command.to_vec(),
            };
            try_to_start(&own)?;
            let words: Vec<String> = command.iter().map(|word| shown(word)).collect();
            columns.push(Column::new(words.join(" "), Some(own)));
        }
        tables.push((*program, rows_of(program), columns));
    }
    match judge_all(&mut tables) {
        // cargo compare | head
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Problem::Failure(format!(
            "cannot write to standard output: {error}"
        ))),
        Ok(all_hold) => Ok(all_hold),
    }
}

/// Sees that there is such a command before it is judged.
fn try_to_start(own: &Subject) -> Result<(), Problem> {
    let cannot_start = |error| {
        let program = shown(&own.command[0]);
        Problem::Misuse(format!("cannot start {program}: {error}"))
    };
    own.start(free_address(), None)
        .map(drop)
        .map_err(cannot_start)?;
    end_strays();
    Ok(())
}

type Table = (&'static str, &'static [Row], Vec<Column>);

/// A row to be tried: the numbers of its table, column and row.
type Task = (usize, usize, usize);

/// Tries every row on every subject, and prints each table as soon as it is complete.
fn judge_all(tables: &mut [Table]) -> io::Result<bool> {
    let mut tasks: Vec<(Task, Subject, &Row)> = Vec::new();
    for (table, (_, rows, columns)) in tables.iter().enumerate() {
        for (row, to_try) in rows.iter().enumerate() {
            for (column, subject) in columns.iter().enumerate() {
                let subject = subject.subject.clone();
                tasks.extend(subject.map(|subject| ((table, column, row), subject, to_try)));
            }
        }
    }
    let mut left: Vec<usize> = (0..tables.len())
        .map(|number| tasks.iter().filter(|task| task.0.0 == number).count())
        .collect();
    let all = left.clone();
    let mut printed = 0;
    let mut all_hold = true;
    let progress = Progress(io::stderr().is_terminal());
    let tasks = Mutex::new(tasks.into_iter());
    thread::scope(|scope| {
        let (sender, verdicts) = mpsc::channel();
        for _ in 0..AT_ONCE {
            let (tasks, sender) = (&tasks, sender.clone());
            scope.spawn(move || work(tasks, &sender));
        }
        drop(sender);
        progress.show(tables[0].0, 0, all[0]);
        for ((table, column, row), verdict) in verdicts {
            tables[table].2[column].verdicts.insert(row, verdict);
            left[table] -= 1;
            while printed < tables.len() && left[printed] == 0 {
                progress.erase();
                let (program, rows, columns) = &tables[printed];
                if printed > 0 {
                    writeln!(io::stdout())?;
                }
                table::print(program, rows, columns)?;
                all_hold &= columns.last().is_none_or(Column::holds);
                printed += 1;
            }
            if let Some((program, _, _)) = tables.get(printed) {
                progress.show(program, all[printed] - left[printed], all[printed]);
            }
        }
        Ok(all_hold)
    })
}

fn work<'a>(
    tasks: &Mutex<impl Iterator<Item = (Task, Subject, &'a Row)>>,
    verdicts: &Sender<(Task, Verdict)>,
) {
    loop {
        let next = tasks
            .lock()
            .expect("no thread panics while it holds this")
            .next();
        let Some((task, subject, row)) = next else {
            return;
        };
        let verdict = (row.check)(&subject);
        end_strays();
        if verdicts.send((task, verdict)).is_err() {
            return; // nobody can read the table any more
        }
    }
}

/// A line on the terminal that is written anew.
struct Progress(bool);

impl Progress {
    fn show(&self, program: &str, done: usize, all: usize) {
        if self.0 {
            let _ = write!(io::stderr(), "\r\x1b[K{program} {done}/{all} ...");
        }
    }

    fn erase(&self) {
        if self.0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
