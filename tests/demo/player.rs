//! A program that takes part in the demo.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use crate::build::path_of;

/// After how many replies a client is left that takes no COUNT.
pub const REPLIES: usize = 3;

#[derive(Clone, Copy, PartialEq)]
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

/// Is a program that can be started.
pub struct Part {
    command: Command,
    side: Side,
    /// Whether it is one of the four programs in Rust, and not a Python file.
    pub is_rust: bool,
}

/// Runs, until it ends by itself or is dropped.
pub struct Player(Child);

impl Part {
    /// Takes the name of one of the four programs, or of a Python file.
    pub fn new(name: &str, side: Side) -> Result<Self, String> {
        let programs = match side {
            Side::Server => ["short-server", "long-server"],
            Side::Client => ["short-client", "long-client"],
        };
        let is_rust = programs.contains(&name);
        let mut command = if is_rust {
            Command::new(path_of(name))
        } else if is_python_file(name) {
            let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
            let mut command = Command::new(python);
            // Otherwise it keeps back what it prints into a pipe.
            command.env("PYTHONUNBUFFERED", "1").arg(name);
            command
        } else {
            let [short, long] = programs;
            return Err(format!(
                "{name} is neither {short} nor {long} nor a Python file"
            ));
        };
        if name == "long-client" {
            command.args([
                "127.0.0.1:12345",
                "TCP client connect",
                &REPLIES.to_string(),
            ]);
        }
        // The narration is needed to find the order. STEP needs a terminal for each program.
        let level = env::var_os("RUST_LOG").unwrap_or_else(|| "debug".into());
        command
            .env("RUST_LOG", level)
            .env_remove("STEP")
            .stdin(Stdio::null());
        Ok(Self {
            command,
            side,
            is_rust,
        })
    }

    /// Starts the program, and has its lines and its end sent as events.
    pub fn start(mut self, events: &Sender<Event>) -> io::Result<Player> {
        // One pipe for both outputs keeps their lines in order.
        let (reader, writer) = os_pipe::pipe()?;
        self.command.stdout(writer.try_clone()?).stderr(writer);
        let child = self.command.spawn()?;
        drop(self.command); // which holds the pipe open

        // Where a client takes no COUNT, its output is closed, and it ends of that.
        let takes_count = self.is_rust || self.side == Side::Server;
        let lines_to_read = if takes_count { usize::MAX } else { REPLIES };
        let (side, events) = (self.side, events.clone());
        thread::spawn(move || {
            let lines = BufReader::new(reader).split(b'\n').map_while(Result::ok);
            for line in lines.take(lines_to_read) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let _ = events.send(Event::Printed(side, line)); // or the demo has just ended
            }
            let _ = events.send(Event::Ended(side));
        });
        Ok(Player(child))
    }
}

fn is_python_file(name: &str) -> bool {
    let path = Path::new(name);
    path.extension().is_some_and(|extension| extension == "py") && path.is_file()
}

impl Player {
    /// Waits for its end.
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
