//! Runs a server and a client, and shows what each prints in a column of its own, in the order in
//! which it happens, or draws it: `cargo demo [--svg FILE] [SERVER CLIENT]`.

mod columns;
#[path = "../harness/mod.rs"]
mod harness;
mod line;
mod order;
mod picture;
mod player;
mod stage;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use common::printable;
use log::LevelFilter;

use columns::Columns;
use harness::{end_strays, strays};
use order::Order;
use player::{Event, Part, Side};
use stage::Stage;

const USAGE: &str = "usage: cargo demo [--svg FILE] [SERVER CLIENT]";

const HELP: &str = "\
Runs a server and a client, by default short-server and short-client, and shows what each prints in a
column of its own, causes before effects.

SERVER and CLIENT: one of the four programs, or a Python file, which PYTHON runs [default: python3]
--svg FILE: also draws the two terminals with their socket calls into FILE, an animated picture
RUST_LOG: which lines are shown [default: info]; debug shows the socket calls too, trace their options";

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
    strays::adopt();
    let outcome = read_arguments(env::args_os().skip(1)).and_then(play);
    end_strays();
    match outcome {
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
    let (sender, events) = mpsc::channel();
    let interrupt = sender.clone();
    // An error means that the demo has just ended by itself.
    ctrlc::set_handler(move || drop(interrupt.send(Event::Interrupted)))
        .map_err(|error| Problem::Failure(format!("cannot catch Ctrl-C: {error}")))?;

    let level = env::var("RUST_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    let level = match picture {
        None => level.unwrap_or(LevelFilter::Info),
        Some(_) => LevelFilter::Debug,
    };
    let columns = Columns::new(level >= LevelFilter::Debug);
    columns.print_heading(&server.name, &client.name)?;
    let mut stage = Stage {
        events,
        requests: Vec::new(),
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
    let _server = server.start(level, &sender, stage.requests(Side::Server))?;
    stage.wait_until_it_listens(&server.name)?;
    let mut running = client.start(level, &sender, stage.requests(Side::Client))?;
    if !stage.show_conversation(&client, &mut running)? {
        let name = &client.name;
        // It has closed its outputs, and so it ends soon.
        let status = running.end_within(Duration::from_secs(2));
        if let Some(status) = status.filter(|status| !status.success()) {
            return Err(Problem::Failure(format!("{name} ended with {status}")));
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
