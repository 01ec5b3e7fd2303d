//! What is shown of two programs that run, and until when.

use std::time::{Duration, Instant};

use log::LevelFilter;

use crate::columns::Columns;
use crate::endpoint::{ADDRESS, Endpoint, Side, text_of};
use crate::line::level;
use crate::order::{Line, Order};
use support::command_line::{Problem, failure, tell};
use support::run::{Process, listening_on, poll};

const START_LIMIT: Duration = Duration::from_secs(10); // for a server to say that it listens
const CAUSE_LIMIT: Duration = Duration::from_secs(1); // for a line to wait for its cause
const SILENCE: Duration = Duration::from_millis(500); // means that a server has said everything
const LONG_SILENCE: Duration = Duration::from_secs(10); // until the demo says what it waits for
const END_LIMIT: Duration = Duration::from_secs(3); // for a server whose client has left

/// After how many replies, or lines of any kind, a client is stopped that takes no COUNT.
const REPLIES: usize = 3;
const LINES: usize = 100;

/// After how many lines of the server the demo ends, though the client has not.
const SERVER_LINES: usize = 1000;

/// Takes what the programs print, and shows it in order.
pub struct Conversation {
    /// Which lines of the log are shown.
    level: LevelFilter,
    columns: Columns,
    order: Order,
    /// The server, and the client once it is started. They are killed when they are dropped.
    processes: Vec<Process>,
    /// When a line was printed or shown last.
    changed: Instant,
}

impl Conversation {
    /// Runs both to the end.
    pub fn show(server: &Endpoint, client: &Endpoint, level: LevelFilter) -> Result<(), Problem> {
        let mut conversation = Self {
            level,
            columns: Columns::new(level >= LevelFilter::Debug),
            order: Order::new(server, client),
            processes: Vec::new(),
            changed: Instant::now(),
        };
        conversation.columns.print_heading(&server.name, &client.name)?;
        conversation.start(server)?;
        conversation.wait_until_it_listens(&server.name)?;
        conversation.start(client)?;
        conversation.show_to_the_end(server, client)
    }

    fn start(&mut self, endpoint: &Endpoint) -> Result<(), Problem> {
        // The calls are needed to find the order, whether or not they are shown.
        let level = self.level.max(LevelFilter::Debug);
        self.processes.push(endpoint.start(level.as_str())?);
        Ok(())
    }

    /// Shows what the server prints until it listens.
    fn wait_until_it_listens(&mut self, server: &str) -> Result<(), Problem> {
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if let Some(line) = self.next() {
                if listening_on(&line.text).is_some() {
                    return self.print(&line);
                }
                // The server's own hint names an address that the demo cannot take.
                if !line.text.starts_with("hint: ") {
                    self.print(&line)?;
                }
            } else if self.order.has_ended(Side::Server) {
                let hint = format!(
                    "hint: stop other servers, since the demo takes {ADDRESS}; \
                     if one has just ended, wait a minute"
                );
                return failure(format!("{server} cannot start\n{hint}"));
            }
        }
        failure(format!("{server} does not print '[*] listening on ...'"))
    }

    /// Shows what is printed until the client has left and the server has nothing more to say, or
    /// until the client has said enough.
    fn show_to_the_end(&mut self, server: &Endpoint, client: &Endpoint) -> Result<(), Problem> {
        let mut wanted = if client.is_rust { [usize::MAX; 2] } else { [REPLIES, LINES] };
        let mut from_server = 0;
        let mut has_told = false;
        let mut left: Option<Instant> = None;
        while left.is_none_or(|left| left.elapsed() < END_LIMIT) {
            if left.is_none() && self.order.has_ended(Side::Client) {
                left = Some(Instant::now()); // the server may go on, with other clients
            }
            let silent = self.changed.elapsed();
            if let Some(line) = self.next() {
                if line.side == Side::Client {
                    wanted[0] -= usize::from(line.text.starts_with("ACK!"));
                    wanted[1] -= 1;
                } else {
                    from_server += 1;
                }
                self.print(&line)?;
                if wanted.contains(&0) {
                    return Ok(());
                }
                if left.is_none() && from_server >= SERVER_LINES {
                    return failure(format!("{} has printed {SERVER_LINES} lines", server.name));
                }
            } else if left.is_some() {
                if silent > SILENCE && self.order.is_empty() {
                    break;
                }
            } else if silent > SILENCE && self.processes[1].end_within(Duration::ZERO).is_some() {
                left = Some(Instant::now());
                if self.order.wants(Side::Client) {
                    self.add(Side::Client, None); // what it started holds its outputs open
                }
            } else if silent > LONG_SILENCE && !has_told {
                let what = format!("{} to print or end", client.name);
                tell(&format!("note: waiting for {what}; Ctrl-C ends the demo"));
                has_told = true;
            }
        }
        // What has been printed by now is shown, also where its cause has not; of a flood, a part.
        for _ in 0..LINES {
            self.read();
            if let Some(line) = self.order.next_in_any_case() {
                self.print(&line)?;
            }
        }
        // A client that has closed its outputs ends soon.
        let status = self.processes[1].end_within(Duration::from_secs(2));
        if let Some(status) = status.filter(|status| !status.success()) {
            return failure(format!("{} ended with {status}", client.name));
        }
        Ok(())
    }

    /// Waits a moment for the next line.
    fn next(&mut self) -> Option<Line> {
        let line = poll(Duration::from_millis(10), || {
            self.read();
            let is_late = self.changed.elapsed() > CAUSE_LIMIT;
            if is_late { self.order.next_in_any_case() } else { self.order.next() }
        })?;
        self.changed = Instant::now();
        Some(line)
    }

    /// Takes a line, or the end, of each program of which no line waits. The other lines stay where
    /// they are: one that prints without end takes no memory.
    fn read(&mut self) {
        for (number, side) in [Side::Server, Side::Client].into_iter().enumerate() {
            let process = self.processes.get(number).filter(|_| self.order.wants(side));
            let read = process.and_then(|process| process.stdout.line(Duration::ZERO).ok());
            if let Some(line) = read {
                self.add(side, line.as_deref().map(text_of));
            }
        }
    }

    fn add(&mut self, side: Side, line: Option<String>) {
        self.order.add(side, line);
        self.changed = Instant::now();
    }

    fn print(&self, line: &Line) -> Result<(), Problem> {
        if level(&line.text).is_some_and(|level| level > self.level) {
            return Ok(()); // it was only asked for to find the order
        }
        Ok(self.columns.print(line)?)
    }
}
