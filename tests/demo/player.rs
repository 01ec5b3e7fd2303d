//! A program that takes part in the demo.

use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use crate::build::path_of;

#[derive(Clone, Copy)]
pub enum Side {
    Server,
    Client,
}

/// Is what can happen while the programs run.
pub enum Event {
    /// It printed a line, on either output.
    Printed(Side, String),
    Ended(Side),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// Runs, until it ends by itself or is dropped.
pub struct Player(Child);

/// Whether it names a Python file that is there.
pub fn is_python_file(name: &str) -> bool {
    let path = Path::new(name);
    path.extension().is_some_and(|extension| extension == "py") && path.is_file()
}

/// Gives the command for one of the four programs, or for a Python file.
pub fn command(name: &str, side: Side) -> Result<Command, String> {
    let mut command = match (name, side) {
        ("short-server" | "long-server", Side::Server) | ("short-client", Side::Client) => {
            Command::new(path_of(name))
        }
        ("long-client", Side::Client) => {
            let mut command = Command::new(path_of(name));
            command.args(["127.0.0.1:12345", "TCP client connect", "3"]);
            command
        }
        (file, _) if is_python_file(file) => {
            let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
            let mut command = Command::new(python);
            // Otherwise it keeps back what it prints into a pipe.
            command.env("PYTHONUNBUFFERED", "1").arg(file);
            command
        }
        (other, Side::Server) => {
            return Err(format!(
                "{other} is neither short-server nor long-server nor a Python file"
            ));
        }
        (other, Side::Client) => {
            return Err(format!(
                "{other} is neither short-client nor long-client nor a Python file"
            ));
        }
    };
    // The narration is needed to find the order. STEP needs a terminal for each program.
    let level = env::var_os("RUST_LOG").unwrap_or_else(|| "debug".into());
    command
        .env("RUST_LOG", level)
        .env_remove("STEP")
        .stdin(Stdio::null());
    Ok(command)
}

impl Player {
    /// Starts the program, and has its lines and its end sent as events.
    pub fn start(mut command: Command, side: Side, events: &Sender<Event>) -> Result<Self, String> {
        let spawned = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.map_err(|error| {
            format!(
                "cannot start {}: {error}",
                command.get_program().to_string_lossy()
            )
        })?;
        let stdout = child
            .stdout
            .take()
            .map(|pipe| forward_lines(pipe, side, events.clone()));
        let stderr = child
            .stderr
            .take()
            .map(|pipe| forward_lines(pipe, side, events.clone()));
        let events = events.clone();
        thread::spawn(move || {
            for forwarding in [stdout, stderr].into_iter().flatten() {
                let _ = forwarding.join();
            }
            let _ = events.send(Event::Ended(side));
        });
        Ok(Self(child))
    }

    pub fn stop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
    }

    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop();
        let _ = self.status();
    }
}

fn forward_lines(
    pipe: impl Read + Send + 'static,
    side: Side,
    events: Sender<Event>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if events.send(Event::Printed(side, line)).is_err() {
                break; // the demo has ended
            }
        }
    })
}
