//! A server that listens, and addresses for tests that play the server themselves or need none.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Socket, Type};

use crate::run::process::STARTING;
use crate::run::{Finished, LIMIT, Peer, Process, Program, proc};

/// A server process that has said where it listens.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one of the servers on a port that the kernel chooses.
    #[track_caller]
    pub fn start(name: &str) -> Self {
        Self::of(Program::new(name).args(["127.0.0.1:0"]))
    }

    /// Starts any program that says where it listens as the servers do.
    #[track_caller]
    pub fn of(program: Program) -> Self {
        Self::from_process(program.start())
    }

    /// Waits until a process has said where it listens.
    #[track_caller]
    pub fn from_process(process: Process) -> Self {
        loop {
            if let Some(address) = listening_on(&process.line()) {
                return Self { process, address };
            }
        }
    }

    /// Runs one of the clients on this server to its end, with further arguments.
    pub fn run_client(&self, name: &str, arguments: &[&str]) -> Finished {
        Program::new(name).args([&self.address.to_string()]).args(arguments).run()
    }

    /// Has one of the clients send one message, and get its reply.
    #[track_caller]
    pub fn send_once(&self, client: &str, message: &str) {
        let once: &[&str] = if client == "long-client" { &[message, "1"] } else { &[message] };
        assert_eq!(self.run_client(client, once), Finished::success("ACK!\n"));
    }

    /// Connects a client of the test's own.
    #[track_caller]
    pub fn client(&self) -> Peer {
        Peer::connect(self.address, LIMIT).expect("the server is reached")
    }

    /// Has such a client send this and half-close, and returns all that comes until the server's end
    /// of the stream; a reset on the way is an error.
    pub fn exchange(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let client = Peer::connect(self.address, LIMIT)?;
        client.send(message)?;
        client.send_no_more()?;
        client.rest()
    }

    /// Reads the line that says who is accepted, and returns the peer's address. Only the narration
    /// may stand before it.
    pub fn accepted(&self) -> String {
        loop {
            let line = self.process.line();
            if let Some(peer) = line.strip_prefix("[*] Accepted connection from: ") {
                return peer.to_owned();
            }
            assert!(line.starts_with("[.] "), "no client is accepted: {line}");
        }
    }

    /// Returns how many seconds it has spent on a CPU.
    pub fn cpu_seconds(&self) -> f64 {
        proc::stat(proc::folder(self.process.id())).expect("the server runs").seconds
    }
}

/// Returns where a server listens, if this is the line that says so.
pub fn listening_on(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("[*] listening on ")?.parse().ok()
}

/// Listens on a port that the kernel chooses, and returns the address too.
pub fn listening_socket() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    (listener, address)
}

/// Reserves an address with a socket that is bound but does not listen.
pub fn address_where_nobody_listens() -> io::Result<(SocketAddr, Socket)> {
    let socket = bound_socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr()?.as_socket();
    Ok((address.expect("it is an IP address"), socket))
}

/// How many ports a process reserves.
const RESERVED: u16 = 1000;

/// Returns an address of this machine that nobody else is given: the kernel chooses ports for
/// clients from another range (unless that begins below 12,000), and other processes of ours
/// reserve other ports.
///
/// # Errors
///
/// All of them are taken, or no descriptor is left.
pub fn free_address() -> io::Result<SocketAddr> {
    static PORTS: LazyLock<(u16, Option<Socket>)> = LazyLock::new(reserve_ports);
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..RESERVED {
        let port = PORTS.0 + NEXT.fetch_add(1, Ordering::Relaxed) % RESERVED;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // A program that starts just now would hold the port for a moment.
        let alone = STARTING.write();
        // Without SO_REUSEADDR, so that a port that waits for stray segments is left alone.
        let bound = bound_socket(address).map(drop);
        drop(alone);
        match bound {
            Err(error) if is_taken(&error) => {}
            bound => return bound.map(|()| address),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Returns the first of the reserved ports, and the mark by which others know it.
fn reserve_ports() -> (u16, Option<Socket>) {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let lowest = range.ok().and_then(|range| range.split_whitespace().next()?.parse().ok());
    let end: u16 = lowest.filter(|port| *port > 12_000).unwrap_or(32_768);
    let choose = || 10_000 + RESERVED * fastrand::u16(..(end - 10_000) / RESERVED);
    for first in std::iter::repeat_with(choose).take(100) {
        // The mark is on another loopback address, which some systems do not have.
        match bound_socket(SocketAddr::from(([127, 0, 0, 2], first))) {
            Err(error) if is_taken(&error) => {}
            mark => return (first, mark.ok()),
        }
    }
    (choose(), None)
}

/// Returns whether another port may be free: Windows keeps some for itself.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

fn bound_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
