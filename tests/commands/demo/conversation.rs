//! What is shown of two programs that take turns, and until when.
//!
//! Both run under `STEP=1`, so that a call is made when the demo presses Enter, and not before. What the program shows
//! that has just made a call is shown first, and then what the other one shows: causes before effects.

use std::time::{Duration, Instant};

use log::LevelFilter;

use crate::columns::Columns;
use crate::endpoint::{ADDRESS, Endpoint};
use crate::line::{Connection, follow, level};
use support::command_line::{EarlyEnd, failure, tell};
use support::run::narrated::text_of;
use support::run::{PROMPT_END, Process, listening_on, proc};

const START_LIMIT: Duration = Duration::from_secs(10); // for a server to say that it listens
const WORK: Duration = Duration::from_millis(500); // between two lines of a program that runs
const WAKING: Duration = Duration::from_millis(10); // for one that waits, until it goes on
const SILENCE: Duration = Duration::from_millis(500); // means that everything has been said
const LONG_SILENCE: Duration = Duration::from_secs(10); // until the demo says what it waits for
const END_LIMIT: Duration = Duration::from_secs(1); // for a server whose client has left

/// After how many replies, or lines of any kind, a client is stopped that takes no COUNT.
const REPLIES: usize = 3;
const LINES: usize = 100;

/// After how many lines of the server the demo ends, though the client has not.
const SERVER_LINES: usize = 1000;

/// How many calls one program makes while the other one asks to make one.
const IN_A_ROW: usize = 8;

const SERVER: usize = 0;
const CLIENT: usize = 1;

/// Takes what the programs print, and shows it.
pub struct Conversation {
    /// Which lines of the log are shown.
    level: LevelFilter,
    columns: Columns,
    /// The server, and the client once it is started. They are killed when they are dropped.
    programs: Vec<Party>,
    /// When a line was shown last.
    changed: Instant,
}

/// One of the programs.
struct Party {
    process: Process,
    doing: Doing,
    connection: Connection,
    /// How many lines it has printed, but for its calls, and how many of them are replies.
    lines: usize,
    replies: usize,
}

/// What a program does now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Runs,
    /// It asks to be let make a call.
    Asks,
    /// It waits in a call.
    Waits,
    /// It has not said anything for a while: it sleeps, or reads its input.
    Pauses,
    Ended,
}

impl Conversation {
    /// Runs both to the end.
    pub fn show(server: &Endpoint, client: &Endpoint, level: LevelFilter) -> Result<(), EarlyEnd> {
        let columns = Columns::new(level >= LevelFilter::Debug);
        columns.print_heading(&server.name, &client.name)?;
        let mut this = Self { level, columns, programs: Vec::new(), changed: Instant::now() };
        this.start(server)?;
        this.wait_until_it_listens(&server.name)?;
        this.start(client)?;
        this.take_turns(server, client)
    }

    fn start(&mut self, endpoint: &Endpoint) -> Result<(), EarlyEnd> {
        let process = endpoint.start(self.level.max(LevelFilter::Debug).as_str())?;
        let (doing, connection) = (Doing::Runs, Connection::None);
        self.programs.push(Party { process, doing, connection, lines: 0, replies: 0 });
        Ok(())
    }

    /// Lets the server make its calls until it listens.
    fn wait_until_it_listens(&mut self, server: &str) -> Result<(), EarlyEnd> {
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if self.read(SERVER)? {
                return Ok(());
            }
            self.programs[SERVER].let_go_on();
            if self.programs[SERVER].doing == Doing::Ended {
                let hint = format!(
                    "hint: stop other servers, since the demo takes {ADDRESS}; \
                     if one has just ended, wait a minute"
                );
                return failure(format!("{server} cannot start\n{hint}"));
            }
        }
        failure(format!("{server} does not print '[*] listening on ...'"))
    }

    /// Lets each make its calls, until the client has left and the server has nothing more to say, or until the client
    /// has said enough.
    fn take_turns(&mut self, server: &Endpoint, client: &Endpoint) -> Result<(), EarlyEnd> {
        let (mut turn, mut in_a_row, mut has_told) = (SERVER, 0, false);
        let mut left: Option<Instant> = None;
        loop {
            self.read(turn)?;
            self.read(1 - turn)?;
            let silent = self.changed.elapsed();
            let of_server = self.programs[SERVER].lines;
            let of_client = &mut self.programs[CLIENT];
            if !client.is_rust && (of_client.replies >= REPLIES || of_client.lines >= LINES) {
                return Ok(());
            }
            let has_left = of_client.has_left(silent);
            left = has_left.then(|| left.unwrap_or_else(Instant::now)); // the server may go on
            match left {
                Some(left) if silent > SILENCE || left.elapsed() > END_LIMIT => break,
                None if of_server >= SERVER_LINES => {
                    return failure(format!("{} has printed {SERVER_LINES} lines", server.name));
                }
                _ => {}
            }
            if in_a_row < IN_A_ROW && self.programs[turn].let_go_on() {
                in_a_row += 1;
                continue;
            }
            in_a_row = 0;
            if self.programs[1 - turn].let_go_on() {
                (turn, in_a_row) = (1 - turn, 1);
            } else if left.is_none() && silent > LONG_SILENCE && !has_told {
                let what = format!("{} to print or end", client.name);
                tell(&format!("note: waiting for {what}; Ctrl-C ends the demo"));
                has_told = true;
            } else if let Some(side) =
                self.programs.iter().position(|it| it.reads_its_input(silent))
            {
                // Nobody types anything. It goes on without asking, and so is followed first.
                self.programs[side].process.end_input();
                self.programs[side].doing = Doing::Runs;
                turn = side;
            }
        }
        if self.programs[CLIENT].doing != Doing::Ended {
            // It may have ended just now, with lines that nobody has read.
            self.programs[CLIENT].doing = Doing::Runs;
            self.read(CLIENT)?;
        }
        // A client that has closed its outputs ends soon.
        let status = self.programs[CLIENT].process.end_within(Duration::from_secs(2));
        match status.filter(|status| !status.success()) {
            Some(status) => failure(format!("{} ended with {status}", client.name)),
            None => Ok(()),
        }
    }

    /// Shows what a program prints until it asks, waits or prints nothing for a while, and returns whether it has said
    /// that it listens.
    fn read(&mut self, side: usize) -> Result<bool, EarlyEnd> {
        let program = &mut self.programs[side];
        let mut listens = false;
        for _ in 0..LINES {
            let limit = if program.doing == Doing::Runs { WORK } else { WAKING };
            let text = match program.process.stdout.line(limit) {
                Ok(Some(line)) => text_of(line.trim_ascii_end()),
                Ok(None) => {
                    program.doing = Doing::Ended;
                    break;
                }
                Err(_) if program.doing == Doing::Runs => {
                    program.doing = Doing::Pauses;
                    break;
                }
                Err(_) => break,
            };
            if text.starts_with("next: ") && text.ends_with(PROMPT_END.trim_end()) {
                program.doing = Doing::Asks;
                continue;
            }
            if program.doing == Doing::Asks && text.is_empty() {
                continue; // the question is asked again below what another thread prints
            }
            self.changed = Instant::now();
            listens |= listening_on(&text).is_some();
            let crosses = program.follow(&text);
            // Its hint names an address that the demo cannot take.
            let is_hint = side == SERVER && text.starts_with("hint: ");
            if level(&text).is_none_or(|level| level <= self.level) && !is_hint {
                self.columns.print(side, &text, crosses)?;
            }
        }
        Ok(listens)
    }
}

impl Party {
    /// Presses Enter where it asks, and returns whether it does.
    fn let_go_on(&mut self) -> bool {
        let asks = self.doing == Doing::Asks;
        if asks {
            self.process.enter();
            self.doing = Doing::Runs;
        }
        asks
    }

    /// Returns whether it reads its input, and not to be let make a call. Only Linux tells; elsewhere it may.
    fn reads_its_input(&self, silent: Duration) -> bool {
        let reads = || proc::waits_in(self.process.id(), "pipe_read");
        self.doing == Doing::Pauses && (silent > LONG_SILENCE || reads())
    }

    /// Returns whether nothing more is to be expected of it. What it started can hold its outputs open.
    fn has_left(&mut self, silent: Duration) -> bool {
        let mut has_ended = || self.process.end_within(Duration::ZERO).is_some();
        self.doing == Doing::Ended
            || self.connection == Connection::Ended
            || silent > SILENCE && has_ended()
    }

    /// Learns from a line, and returns whether something goes to the other side.
    fn follow(&mut self, text: &str) -> bool {
        let waits = text.starts_with("[.] ") && text.ends_with(") ...");
        self.doing = if waits { Doing::Waits } else { Doing::Runs };
        if level(text).is_none_or(|level| level <= LevelFilter::Info) {
            self.lines += 1;
            self.replies += usize::from(text.starts_with("ACK!"));
        }
        let crosses;
        (self.connection, crosses) = follow(self.connection, text);
        crosses
    }
}
