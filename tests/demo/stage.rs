//! What is shown of two programs that run, and until when.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use log::LevelFilter;

use crate::columns::Columns;
use crate::line::level;
use crate::order::{Line, Order};
use crate::picture::MOST_LINES;
use crate::player::{ADDRESS, Event, Part, Side};
use harness::Process;
use harness::command_line::{Problem, failure, tell};

const START_LIMIT: Duration = Duration::from_secs(10); // for a server to say that it listens
const PATIENCE: Duration = Duration::from_secs(1); // for a line to wait for its cause
const SILENCE: Duration = Duration::from_millis(500); // means that a server has said everything
const LONG_SILENCE: Duration = Duration::from_secs(10); // until the demo says what it waits for
const END_LIMIT: Duration = Duration::from_secs(3); // for a server whose client has left

/// After how many replies, or lines of any kind, a client is stopped that takes no COUNT.
const REPLIES: usize = 3;
const LINES: usize = 100;

/// After how many lines of the server the demo ends, though the client has not.
const SERVER_LINES: usize = 1000;

/// Where the programs play: it takes their lines, and shows them in order.
pub struct Stage {
    /// Which lines of the log are shown.
    level: LevelFilter,
    columns: Columns,
    order: Order,
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// The places of the server's lines that have not been shown yet, and of the client's.
    unshown: Vec<Receiver<()>>,
    /// The lines that have been shown, as many as a picture takes and one more.
    shown: Vec<Line>,
}

impl Stage {
    /// Plays to the end, and returns the lines that were shown, as many as a picture can need.
    pub fn play(server: &Part, client: &Part, level: LevelFilter) -> Result<Vec<Line>, Problem> {
        let (sender, events) = mpsc::channel();
        let mut stage = Self {
            level,
            columns: Columns::new(level >= LevelFilter::Debug),
            order: Order::new(server, client),
            sender,
            events,
            unshown: Vec::new(),
            shown: Vec::new(),
        };
        stage.columns.print_heading(&server.name, &client.name)?;
        // Both processes are killed when they are dropped. They are started from the main thread,
        // since setpriv ends them with the thread that started them.
        let _server = stage.start(server)?;
        stage.wait_until_it_listens(&server.name)?;
        let process = stage.start(client)?;
        stage.show_conversation([server, client], process)?;
        Ok(stage.shown)
    }

    fn start(&mut self, part: &Part) -> Result<Process, Problem> {
        // The calls are needed to find the order, whether or not they are shown.
        let level = self.level.max(LevelFilter::Debug);
        let (process, unshown) = part.start(level.as_str(), self.sender.clone())?;
        self.unshown.push(unshown);
        Ok(process)
    }

    /// Shows what the server prints until it listens.
    fn wait_until_it_listens(&mut self, server: &str) -> Result<(), Problem> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).ok();
            let Some((side, line)) = event.filter(|_| !left.is_zero()) else {
                return failure(format!("{server} does not print '[*] listening on ...'"));
            };
            let Some(line) = line else {
                let hint = format!(
                    "hint: stop other servers, since the demo takes {ADDRESS}; \
                     if one has just ended, wait a minute"
                );
                return failure(format!("{server} cannot start\n{hint}"));
            };
            let listens = line.starts_with("[*] listening on ");
            self.order.add((side, Some(line)));
            while let Some(line) = self.order.next() {
                self.show(line)?;
            }
            if listens {
                return Ok(());
            }
        }
    }

    /// Shows what is printed until the client has left and the server has nothing more to say, or
    /// until the client has said enough.
    fn show_conversation(
        &mut self,
        [server, client]: [&Part; 2],
        mut process: Process,
    ) -> Result<(), Problem> {
        let mut wanted = if client.is_rust { [usize::MAX; 2] } else { [REPLIES, LINES] };
        let mut from_server = 0;
        let mut last_shown = Instant::now();
        let mut has_told = false;
        let mut left: Option<Instant> = None;
        loop {
            let next = if last_shown.elapsed() > PATIENCE {
                self.order.next_in_any_case()
            } else {
                self.order.next()
            };
            if let Some(line) = next {
                last_shown = Instant::now();
                if line.side == Side::Client {
                    wanted[0] -= usize::from(line.text.starts_with("ACK!"));
                    wanted[1] -= 1;
                } else {
                    from_server += 1;
                }
                self.show(line)?;
                if wanted.contains(&0) {
                    return Ok(());
                }
                if left.is_none() && from_server >= SERVER_LINES {
                    return failure(format!("{} has printed {SERVER_LINES} lines", server.name));
                }
                continue;
            }
            if left.is_some_and(|left| left.elapsed() > END_LIMIT) {
                break;
            }
            if let Ok((side, line)) = self.events.recv_timeout(SILENCE) {
                if self.order.is_empty() {
                    last_shown = Instant::now(); // only from now on has a line waited
                }
                if line.is_none() && side == Side::Client {
                    left = Some(Instant::now());
                }
                self.order.add((side, line));
            } else if left.is_some() {
                if self.order.is_empty() {
                    break;
                }
            } else if process.end_within(Duration::ZERO).is_some() {
                // What it started can hold its outputs open.
                self.order.add((Side::Client, None));
                left = Some(Instant::now());
            } else if last_shown.elapsed() > LONG_SILENCE && !has_told {
                let what = format!("{} to print or end", client.name);
                tell(&format!("note: waiting for {what}; Ctrl-C ends the demo"));
                has_told = true;
            }
        }
        self.show_the_rest()?;
        // A client that has closed its outputs ends soon.
        let status = process.end_within(Duration::from_secs(2));
        if let Some(status) = status.filter(|status| !status.success()) {
            return failure(format!("{} ended with {status}", client.name));
        }
        Ok(())
    }

    /// Shows what has been printed, also where its cause has not.
    fn show_the_rest(&mut self) -> Result<(), Problem> {
        self.events.try_iter().for_each(|event| self.order.add(event));
        while let Some(line) = self.order.next_in_any_case() {
            self.show(line)?;
        }
        Ok(())
    }

    fn show(&mut self, line: Line) -> Result<(), Problem> {
        let _ = self.unshown[line.side as usize].try_recv();
        if level(&line.text).is_some_and(|level| level > self.level) {
            return Ok(()); // it was only asked for to find the order
        }
        self.columns.print(&line)?;
        if self.shown.len() <= MOST_LINES {
            self.shown.push(line);
        }
        Ok(())
    }
}
