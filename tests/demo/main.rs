//! Runs a server and a client, and shows what each prints in a column of its own, in the order in
//! which it happens, or draws it: `cargo demo [--svg FILE] [SERVER CLIENT]`.

#[path = "../harness/build.rs"]
mod build;
mod columns;
mod line;
mod order;
mod picture;
mod player;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use common::printable;
use log::LevelFilter;

use columns::Columns;
use line::{Line, level};
use order::Order;
use player::{Event, Part, REPLIES, Side};

const USAGE: &str = "usage: cargo demo [--svg FILE] [SERVER CLIENT]";

const HELP: &str = "\
Runs a server and a client, by default short-server and short-client, and shows what each prints in a
column of its own, causes before effects.

SERVER and CLIENT: one of the four programs, or a Python file, which PYTHON runs [default: python3]
--svg FILE: draws the two terminals into FILE, as an animated picture with the socket calls
RUST_LOG: which lines are shown [default: info]; debug shows the socket calls too, trace their options";

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long a line waits for its cause.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the server has to be silent, once the client has left, to have said everything.
const SILENCE: Duration = Duration::from_millis(500);

/// How long a server may go on printing once the client has left.
const END_LIMIT: Duration = Duration::from_secs(3);

/// How many lines wait for their causes at most.
const MOST_WAITING: usize = 1000;

/// How many lines are legible in a picture.
const MOST_DRAWN: usize = 100;

/// Whether somebody pressed Ctrl-C. A program that prints without end must not delay the news.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Why a demo does not come to its end.
enum Problem {
    Misuse(String),
    Failure(String),
    Output(io::Error),
    Interrupted,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    match read_arguments(env::args_os().skip(1)).and_then(play) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Misuse(problem)) => {
            tell(&format!("error: {problem}\n{USAGE}"));
            ExitCode::from(2)
        }
        Err(Problem::Failure(problem)) => {
            tell(&format!("error: {problem}"));
            ExitCode::FAILURE
        }
        // cargo demo | head
        Err(Problem::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Problem::Output(error)) => {
            tell(&format!("error: cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        Err(Problem::Interrupted) => ExitCode::from(130), // as a shell says it of Ctrl-C
    }
}

fn tell(text: &str) {
    // If standard error is closed, there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// What the command line asks for.
enum Request {
    Help,
    Show {
        server: OsString,
        client: OsString,
        picture: Option<OsString>,
    },
}

fn read_arguments(mut words: impl Iterator<Item = OsString>) -> Result<Request, Problem> {
    let misuse = |problem: &str| Err(Problem::Misuse(problem.to_owned()));
    let mut names = Vec::new();
    let mut picture = None;
    while let Some(word) = words.next() {
        if word == "-h" || word == "--help" {
            return Ok(Request::Help);
        } else if word == "--svg" {
            picture = words.next();
            if picture.is_none() {
                return misuse("--svg takes a FILE");
            }
        } else if word.as_encoded_bytes().starts_with(b"-") {
            let option = printable(word.as_encoded_bytes());
            return misuse(&format!("unknown option '{option}'"));
        } else {
            names.push(word);
        }
    }
    let mut names = names.into_iter();
    let (server, client) = match (names.next(), names.next(), names.next()) {
        (None, ..) => ("short-server".into(), "short-client".into()),
        (Some(server), Some(client), None) => (server, client),
        (_, None, _) => return misuse("it takes a server and a client, or nothing"),
        (.., Some(extra)) => {
            let extra = printable(extra.as_encoded_bytes());
            return misuse(&format!("too many arguments: '{extra}'"));
        }
    };
    Ok(Request::Show {
        server,
        client,
        picture,
    })
}

fn play(request: Request) -> Result<(), Problem> {
    let Request::Show {
        server,
        client,
        picture,
    } = request
    else {
        writeln!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(());
    };
    let server = Part::new(&server, Side::Server)?;
    let client = Part::new(&client, Side::Client)?;
    if env::var_os("STEP").is_some_and(|step| !step.is_empty() && step != "0") {
        tell("note: STEP is ignored, since stepping needs a terminal for each program");
    }
    let (sender, events) = mpsc::sync_channel(100);
    let interrupt = sender.clone();
    ctrlc::set_handler(move || {
        INTERRUPTED.store(true, Ordering::Relaxed);
        let _ = interrupt.send(Event::Interrupted); // or the demo has just ended
    })
    .map_err(|error| Problem::Failure(format!("cannot catch Ctrl-C: {error}")))?;

    let level = env::var("RUST_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    let level = match picture {
        None => level.unwrap_or(LevelFilter::Info),
        Some(_) => LevelFilter::Debug,
    };
    let columns = Columns::new(level >= LevelFilter::Debug);
    if picture.is_none() {
        columns.print_heading(&server.name, &client.name)?;
    }
    let mut stage = Stage {
        events,
        order: Order::new(server.is_rust, client.is_rust),
        level,
        columns,
        drawn: picture.as_ref().map(|_| Vec::new()),
    };
    let level = if level == LevelFilter::Trace {
        "trace"
    } else {
        "debug"
    };
    // Both programs are killed when they are dropped, whatever happens from here on. They are
    // started from the main thread, since setpriv ends them with the thread that started them.
    let _server = server.start(level, &sender)?;
    stage.wait_until_it_listens(&server.name)?;
    let mut running = client.start(level, &sender)?;
    if !stage.show_conversation(&client)? {
        let name = &client.name;
        match running.status() {
            Ok(Some(status)) if !status.success() => {
                return Err(Problem::Failure(format!("{name} ended with {status}")));
            }
            Ok(_) => {}
            Err(error) => return Err(Problem::Failure(format!("{name}: {error}"))),
        }
    }
    if let (Some(file), Some(lines)) = (picture, stage.drawn) {
        let picture = picture::draw(&server, &client, lines);
        fs::write(&file, picture).map_err(|error| {
            let file = printable(file.as_encoded_bytes());
            Problem::Failure(format!("cannot write {file}: {error}"))
        })?;
    }
    Ok(())
}

struct Stage {
    events: Receiver<Event>,
    order: Order,
    /// Which lines of the log are shown.
    level: LevelFilter,
    columns: Columns,
    /// The lines for a picture, where one is to be drawn instead.
    drawn: Option<Vec<Line>>,
}

impl Stage {
    fn wait_until_it_listens(&mut self, server_name: &str) -> Result<(), Problem> {
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
    fn show_conversation(&mut self, client: &Part) -> Result<bool, Problem> {
        let mut lines_of_client = 0;
        let mut is_crashing = false;
        let mut last_shown = Instant::now();
        let mut left: Option<Instant> = None;
        loop {
            let is_stuck = last_shown.elapsed() > PATIENCE || self.order.len() > MOST_WAITING;
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
                    if self.order.len() == 0 {
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
                None if left.is_some() && self.order.len() == 0 => return Ok(false),
                Some(Event::Interrupted) | None => {}
            }
        }
    }

    /// Waits for the next event, but not longer than this.
    fn next_event(&self, patience: Duration) -> Result<Option<Event>, Problem> {
        let event = self.events.recv_timeout(patience).ok();
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(Problem::Interrupted);
        }
        Ok(event)
    }

    fn show(&mut self, line: Line) -> Result<(), Problem> {
        if level(&line.text).is_some_and(|level| level > self.level) {
            return Ok(()); // it was only asked for to find the order
        }
        let Some(drawn) = &mut self.drawn else {
            return Ok(self.columns.print(&line)?);
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
