//! The command line of `cargo compare`.

use std::ffi::OsString;

use support::command_line::{EarlyEnd, misuse, shown};
use support::run::PROGRAMS;

pub const USAGE: &str = "\
usage: cargo compare [--json] [--points] [--first] [--row ROW] [PROGRAM [COMMAND...]]";

pub const HELP: &str = "\
Shows what each program does in Python, in Rust, and in a program of your own.

--json      prints one object, on one line, in place of tables and errors
--points    shows what each row is worth, and the sum of those that hold
--first     ends at the first row that does not hold
--row ROW   tries one row of PROGRAM: its number or its name
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

#[derive(Default)]
pub struct Options {
    pub as_json: bool,
    pub with_points: bool,
    pub only_to_first_no: bool,
    pub row: Option<String>,
    pub programs: Vec<&'static str>,
    pub command: Vec<OsString>,
}

impl Options {
    /// Returns whether this asks for help, before PROGRAM or after it.
    pub fn ask_for_help(arguments: &[OsString]) -> bool {
        arguments.iter().take(2).any(|word| word == "--help" || word == "-h")
    }

    /// Reads a command line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and whether it asks for an object.
    pub fn read(arguments: &[OsString]) -> Result<Self, (EarlyEnd, bool)> {
        let mut options = Self::default();
        match options.take(arguments) {
            Ok(()) => Ok(options),
            Err(problem) => Err((problem, options.as_json)),
        }
    }

    fn take(&mut self, arguments: &[OsString]) -> Result<(), EarlyEnd> {
        let mut words = arguments.iter();
        let name = loop {
            let Some(word) = words.next() else {
                self.programs = PROGRAMS.to_vec();
                break None;
            };
            match word.to_str() {
                Some("--json") => self.as_json = true,
                Some("--points") => self.with_points = true,
                Some("--first") => self.only_to_first_no = true,
                Some("--row") => {
                    let row = words.next().map(|row| shown(row));
                    self.row = Some(row.map_or_else(|| misuse("--row needs a ROW"), Ok)?);
                }
                _ => break Some(word),
            }
        };
        if let Some(name) = name {
            let Some(program) = PROGRAMS.into_iter().find(|program| name == program) else {
                let (name, programs) = (shown(name), PROGRAMS.join(", "));
                return misuse(format!("{name} is none of {programs}"));
            };
            self.programs = vec![program];
        } else if self.row.is_some() {
            return misuse("--row needs a PROGRAM");
        }
        self.command = words.cloned().collect();
        Ok(())
    }
}
