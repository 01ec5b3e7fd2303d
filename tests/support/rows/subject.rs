//! A program under judgement, and how it is started.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::run::{Invocation, Process};

use super::running::original;
use super::stopped;

/// How long all rows of a program may take.
const BUDGET: Duration = Duration::from_secs(60);

/// A program that is to do what one of the four does.
#[derive(Clone)]
pub struct Subject {
    pub program: &'static str,
    pub invocation: Invocation,
    /// When its first row was begun, and for how long this process had been stopped by then.
    begun: Arc<OnceLock<(Instant, Duration)>>,
    is_given_up: Arc<AtomicBool>,
    /// What a server replies, or a client sends, in place of the original's words.
    pub says: Option<Vec<u8>>,
    /// What it does with the wrong socket.
    pub mistake: Option<&'static str>,
}

impl Subject {
    pub fn new(program: &'static str, invocation: Invocation) -> Self {
        let (begun, is_given_up) = (Arc::default(), Arc::default());
        Self { program, invocation, begun, is_given_up, says: None, mistake: None }
    }

    /// Has its rows end soon: nobody wants more verdicts.
    pub fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Returns how much time its rows have left. The first call starts the clock.
    pub fn time_left(&self) -> Duration {
        if self.is_given_up.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let (begun, stopped) = self.begun.get_or_init(|| (Instant::now(), stopped::so_far()));
        (BUDGET + stopped::so_far()).saturating_sub(begun.elapsed() + *stopped)
    }

    /// Starts it with an ADDRESS, under another command or not.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot be started.
    pub fn start(&self, address: SocketAddr, under: Option<Command>) -> io::Result<Process> {
        let program = self.invocation.program().args([address.to_string()]);
        // It keeps nothing back in a terminal, and writes whole lines, as a learner sees them.
        let program = if cfg!(unix) { program.env("PYTHONUNBUFFERED", "") } else { program };
        let program = match self.what_is_typed() {
            Some(file) => program.stdin(file),
            None => program,
        };
        let program = program.in_a_terminal().in_own_session();
        match under {
            Some(command) => program.under(command).spawn(),
            None => program.spawn(),
        }
    }

    /// Returns what a client reads that asks for its message: a line as often as it asks.
    fn what_is_typed(&self) -> Option<File> {
        let is_client = self.program.ends_with("client");
        let mut file = is_client.then(|| memory_file("stdin")).flatten()?;
        let line = original(self.program).to_owned() + "\n";
        file.write_all(line.repeat(5000).as_bytes()).ok()?;
        file.rewind().ok()?;
        Some(file)
    }
}

/// Opens a file that is in memory only: it needs no room in `/tmp`, and nothing is left behind.
pub fn memory_file(name: &str) -> Option<File> {
    #[cfg(target_os = "linux")]
    return rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).ok().map(File::from);
    #[cfg(not(target_os = "linux"))]
    return None.filter(|_: &File| name.is_empty());
}
