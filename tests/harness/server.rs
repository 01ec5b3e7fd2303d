//! A server that listens.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use super::{Finished, Process, Program};

/// Is a server process that has said where it listens.
pub struct Server {
    process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one of the servers on a port that the kernel chooses.
    pub fn start(name: &str) -> Self {
        Self::of(Program::new(name).args(["127.0.0.1:0"]))
    }

    /// Starts any program that says where it listens as the servers do.
    pub fn of(program: Program) -> Self {
        Self::from_process(program.start())
    }

    /// Waits until a process has said where it listens.
    pub fn from_process(mut process: Process) -> Self {
        let address = process.skip_to("[*] listening on ");
        let address = address.parse().expect("the address is IP:PORT");
        Self { process, address }
    }

    /// Runs one of the clients on this server to its end, with further arguments.
    pub fn run_client(&self, name: &str, arguments: &[&str]) -> Finished {
        Program::new(name)
            .args([&self.address.to_string()])
            .args(arguments)
            .run()
    }

    /// Has one of the clients send one message, and get its reply.
    #[track_caller]
    pub fn send_once(&self, client: &str, message: &str) {
        let once: &[&str] = if client == "long-client" {
            &[message, "1"]
        } else {
            &[message]
        };
        assert_eq!(self.run_client(client, once), Finished::success("ACK!\n"));
    }

    /// Reads the line that says who is accepted, and gives the peer's address. Only the narration
    /// may stand before it.
    pub fn accepted(&mut self) -> String {
        loop {
            let line = self.line();
            if let Some(peer) = line.strip_prefix("[*] Accepted connection from: ") {
                return peer.to_owned();
            }
            assert!(line.starts_with("[.] "), "no client is accepted: {line}");
        }
    }

    pub fn kill(self) -> Finished {
        self.process.kill()
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
