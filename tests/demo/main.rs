//! Runs a server and a client, and shows what each prints in a column of its own, in the order in
//! which it happens: `cargo demo [SERVER CLIENT]`.

#[path = "../harness/build.rs"]
mod build;
mod columns;
mod order;
mod player;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use columns::Columns;
use order::Order;
use player::{Event, Part, Side};

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long the server has to be silent, once the client has left, to have said everything.
const SILENCE: Duration = Duration::from_millis(300);

/// Is why a demo does not come to its end.
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
    let names: Vec<String> = env::args().skip(1).collect();
    let outcome = match names.as_slice() {
        [] => play("short-server", "short-client"),
        [server, client] => play(server, client),
        _ => Err(Problem::Misuse(
            "it takes a server and a client, or nothing".to_owned(),
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Misuse(problem)) => {
            complain(&format!("{problem}\nusage: cargo demo [SERVER CLIENT]"));
            ExitCode::from(2)
        }
        Err(Problem::Failure(problem)) => {
            complain(&problem);
            ExitCode::FAILURE
        }
        // cargo demo | head
        Err(Problem::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Problem::Output(error)) => {
            complain(&format!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        Err(Problem::Interrupted) => ExitCode::from(130), // as a shell says it of Ctrl-C
    }
}

fn complain(problem: &str) {
    // If standard error is closed, there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {problem}");
}

fn play(server_name: &str, client_name: &str) -> Result<(), Problem> {
    let server = Part::new(server_name, Side::Server).map_err(Problem::Misuse)?;
    let client = Part::new(client_name, Side::Client).map_err(Problem::Misuse)?;
    let (sender, events) = mpsc::channel();
    let interrupt = sender.clone();
    // An error means that the demo has just ended by itself.
    ctrlc::set_handler(move || drop(interrupt.send(Event::Interrupted)))
        .map_err(|error| Problem::Failure(format!("cannot catch Ctrl-C: {error}")))?;

    let columns = Columns::new();
    columns.print_heading(server_name, client_name)?;
    let mut stage = Stage {
        events,
        order: Order::new(server.is_rust, client.is_rust),
        columns,
        shows_calls: env::var_os("RUST_LOG").is_some(),
    };
    // Both programs are killed when they are dropped, whatever happens from here on.
    let cannot_start = |name, error| Problem::Failure(format!("cannot start {name}: {error}"));
    let _server = server
        .start(&sender)
        .map_err(|error| cannot_start(server_name, error))?;
    stage.wait_until_it_listens(server_name)?;
    let takes_count = client.is_rust;
    let mut client = client
        .start(&sender)
        .map_err(|error| cannot_start(client_name, error))?;
    let printed = stage.show_conversation()?;
    let was_left = !takes_count && printed == player::REPLIES;
    match client.status() {
        Ok(status) if status.success() || was_left => Ok(()),
        Ok(status) => Err(Problem::Failure(format!(
            "{client_name} ended with {status}"
        ))),
        Err(error) => Err(Problem::Failure(format!("{client_name}: {error}"))),
    }
}

struct Stage {
    events: Receiver<Event>,
    order: Order,
    columns: Columns,
    shows_calls: bool,
}

impl Stage {
    fn wait_until_it_listens(&self, server_name: &str) -> Result<(), Problem> {
        loop {
            match self.events.recv_timeout(START_LIMIT) {
                Ok(Event::Printed(side, line)) => {
                    self.show(side, &line)?;
                    if line.starts_with("[*] listening on ") {
                        return Ok(());
                    }
                }
                Ok(Event::Ended(_)) => {
                    return Err(Problem::Failure(format!("{server_name} cannot start")));
                }
                Ok(Event::Interrupted) => return Err(Problem::Interrupted),
                Err(_) => {
                    let problem = format!("{server_name} does not say that it listens");
                    return Err(Problem::Failure(problem));
                }
            }
        }
    }

    /// Shows what is printed until the client has left and the server has nothing more to say.
    /// Gives the number of the client's lines.
    fn show_conversation(&mut self) -> Result<usize, Problem> {
        let mut lines_of_client = 0;
        let mut has_left = false;
        loop {
            let ends_soon = has_left || !self.order.is_empty();
            let patience = if ends_soon { SILENCE } else { Duration::MAX };
            match self.events.recv_timeout(patience) {
                Ok(Event::Printed(side, line)) => {
                    lines_of_client += usize::from(side == Side::Client);
                    self.order.add(side, line);
                }
                Ok(Event::Ended(side)) => has_left |= side == Side::Client,
                Ok(Event::Interrupted) => return Err(Problem::Interrupted),
                Err(_) => match self.order.next_in_any_case() {
                    Some((side, line)) => self.show(side, &line)?,
                    None => return Ok(lines_of_client),
                },
            }
            while let Some((side, line)) = self.order.next() {
                self.show(side, &line)?;
            }
        }
    }

    fn show(&self, side: Side, line: &str) -> io::Result<()> {
        if line.starts_with("[.] ") && !self.shows_calls {
            return Ok(()); // it was only asked for to find the order
        }
        self.columns.print(side, line)
    }
}
