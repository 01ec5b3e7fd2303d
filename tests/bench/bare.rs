//! The same exchanges by the barest loops on the standard library's sockets: the floor that the
//! programs stand on. No printing, no errors told, no closing with care.

use std::io::{Read, Result, Write, stdout};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What a bare server does with its clients.
#[derive(Clone, Copy)]
pub enum Bare {
    /// A short exchange with one client after another.
    Loop,
    /// A short exchange with each client in a thread of its own.
    Threads,
    /// Round trips with one client after another, until it leaves.
    Long,
}

impl Bare {
    pub const ALL: [Self; 3] = [Self::Loop, Self::Threads, Self::Long];

    /// Names it for the command line with which the bench starts itself as such a server.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loop => "bare-loop",
            Self::Threads => "bare-threads",
            Self::Long => "bare-long",
        }
    }

    /// Serves until it is killed.
    pub fn serve(self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        writeln!(stdout(), "[*] listening on {}", listener.local_addr()?)?;
        loop {
            let (client, _) = listener.accept()?;
            match self {
                Self::Loop => drop(exchange(client)),
                Self::Threads => drop(thread::spawn(|| exchange(client))),
                Self::Long => drop(round_trips(client)),
            }
        }
    }
}

fn exchange(mut client: TcpStream) -> Result<()> {
    let _ = client.read(&mut [0; 1024])?;
    client.write_all(b"ACK!")
}

fn round_trips(mut client: TcpStream) -> Result<()> {
    while client.read(&mut [0; 1024])? > 0 {
        client.write_all(b"ACK!")?;
    }
    Ok(())
}
