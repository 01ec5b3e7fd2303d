//! What is shown of two programs that run, and until when.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use log::LevelFilter;

use crate::columns::Columns;
use crate::harness::Process;
use crate::line::{Line, level};
use crate::order::Order;
use crate::player::{Event, Part, REPLIES, Side};
use crate::{Problem, tell};

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long a line waits for its cause.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the server has to be silent, once the client has left, to have said everything.
const SILENCE: Duration = Duration::from_millis(500);

/// After how long a silence it is told what the demo waits for.
const LONG_SILENCE: Duration = Duration::from_secs(5);

/// How long a server may go on printing once the client has left.
const END_LIMIT: Duration = Duration::from_secs(3);

/// How many lines of a program are taken before they are shown. Beyond that the program has to wait,
/// so that one that prints without end takes no memory, and leaves the other its turn.
const AHEAD: usize = 50;

/// How many lines are legible in a picture.
const MOST_DRAWN: usize = 100;

/// Where the programs play: it takes their lines, and shows them in order.
pub struct Stage {
    pub events: Receiver<Event>,
    /// Where one more line of a program is asked for.
    pub requests: Vec<(Side, Sender<()>)>,
    pub order: Order,
    /// Which lines of the log are shown.
    pub level: LevelFilter,
    pub columns: Columns,
    /// The lines for a picture, where one is to be drawn.
    pub drawn: Option<Vec<Line>>,
}

impl Stage {
    /// Returns the requests for lines of a program; each asks for one.
    pub fn requests(&mut self, side: Side) -> Receiver<()> {
        let (request, requests) = mpsc::channel();
        for _ in 0..AHEAD {
            let _ = request.send(()); // its receiver is here
        }
        self.requests.push((side, request));
        requests
    }

    /// Shows what the server prints until it listens.
    pub fn wait_until_it_listens(&mut self, server_name: &str) -> Result<(), Problem> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            if time_left.is_zero() {
                let problem = format!("{server_name} does not say that it listens");
                return Err(Problem::Failure(problem));
            }
            match self.next_event(time_left)? {
                Some(Event::Printed(side, text)) => {
                    let listens = text.starts_with("[*] listening on ");
                    self.order.add(side, text);
                    while let Some(line) = self.order.next() {
                        self.show(line)?;
                    }
                    if listens {
                        return Ok(());
                    }
                }
                Some(Event::Ended(_)) => {
                    return Err(Problem::Failure(format!("{server_name} cannot start")));
                }
                _ => {}
            }
        }
    }

    /// Shows what is printed until the client has left and the server has nothing more to say, or
    /// until the client has said enough. Says whether it is to be stopped for that.
    pub fn show_conversation(
        &mut self,
        client: &Part,
        running: &mut Process,
    ) -> Result<bool, Problem> {
        let mut has_told = false;
        let mut lines_of_client = 0;
        let mut is_crashing = false;
        let mut last_shown = Instant::now();
        let mut left: Option<Instant> = None;
        loop {
            let is_stuck = last_shown.elapsed() > PATIENCE;
            let mut next = self.order.next();
            if next.is_none() && is_stuck {
                next = self.order.next_in_any_case();
            }
            if let Some(line) = next {
                last_shown = Instant::now();
                let is_of_client = line.side == Side::Client;
                // What an exception is about comes in its last line.
                is_crashing |= is_of_client && line.text.starts_with("Traceback ");
                lines_of_client += usize::from(is_of_client);
                self.show(line)?;
                if lines_of_client == REPLIES && !client.is_rust && !is_crashing {
                    return Ok(true);
                }
                continue;
            }
            if left.is_some_and(|left| left.elapsed() > END_LIMIT) {
                return Ok(false);
            }
            match self.next_event(SILENCE)? {
                Some(Event::Printed(side, text)) => {
                    if self.order.is_empty() {
                        last_shown = Instant::now(); // only from now on has a line waited
                    }
                    self.order.add(side, text);
                }
                Some(Event::Ended(side)) => {
                    self.order.end(side);
                    if side == Side::Client {
                        left = Some(Instant::now());
                    }
                }
                None if left.is_some() && self.order.is_empty() => return Ok(false),
                // What it started can hold its outputs open.
                None if left.is_none() && running.end_within(Duration::ZERO).is_some() => {
                    self.order.end(Side::Client);
                    left = Some(Instant::now());
                }
                None if left.is_none() && !has_told && last_shown.elapsed() > LONG_SILENCE => {
                    let name = &client.name;
                    tell(&format!(
                        "note: waiting for {name} to print or end; Ctrl-C ends the demo"
                    ));
                    has_told = true;
                }
                _ => {}
            }
        }
    }

    /// Waits for the next event, but not longer than this.
    fn next_event(&self, patience: Duration) -> Result<Option<Event>, Problem> {
        match self.events.recv_timeout(patience).ok() {
            Some(Event::Interrupted) => Err(Problem::Interrupted),
            event => Ok(event),
        }
    }

    fn show(&mut self, line: Line) -> Result<(), Problem> {
        for (_, request) in self.requests.iter().filter(|(side, _)| *side == line.side) {
            let _ = request.send(()); // or the program has ended
        }
        if level(&line.text).is_some_and(|level| level > self.level) {
            return Ok(()); // it was only asked for to find the order
        }
        self.columns.print(&line)?;
        let Some(drawn) = &mut self.drawn else {
            return Ok(());
        };
        drawn.push(line);
        if drawn.len() > MOST_DRAWN {
            let problem =
                format!("the programs print more than {MOST_DRAWN} lines, too many to draw");
            return Err(Problem::Failure(problem));
        }
        Ok(())
    }
}
