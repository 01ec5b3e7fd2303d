//! Which call failed, the system's words for why, and what to do about it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

use crate::{address, narration};

/// The result of a function of this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// The command that shows which programs listen, and where.
const WHO_LISTENS: &str = if cfg!(windows) {
    "netstat -ano"
} else if cfg!(target_os = "linux") {
    "ss -ltnp"
} else {
    "lsof -i"
};

/// A call that failed, and the system's words for why.
#[derive(Debug)]
pub struct Error {
    /// The name of the system call, or of the C library's function.
    call: &'static str,
    source: io::Error,
}

impl Error {
    /// Creates the error of a call from the system's error.
    pub(crate) fn new(call: &'static str, source: io::Error) -> Self {
        Self { call, source }
    }

    /// Returns the error of a client that found the end of the stream in place of a reply.
    #[must_use]
    #[track_caller]
    pub fn no_reply() -> Self {
        narration::note_line();
        let words = "the server ended this conversation before it replied";
        Self::new("recv", io::Error::new(ErrorKind::UnexpectedEof, words))
    }

    /// Returns whether a signal interrupted the call (EINTR of `signal(7)`), which says nothing
    /// about the connection.
    pub(crate) fn is_interruption(&self) -> bool {
        self.source.kind() == ErrorKind::Interrupted
    }

    /// Returns whether nothing has come within the time limit of a socket.
    pub(crate) fn is_time_limit(&self) -> bool {
        matches!(self.source.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) // Unix, Windows
    }

    /// Returns whether it only means that nobody reads the standard output any more, as in
    /// `long-client | head -n 3`.
    pub(crate) fn is_closed_output(&self) -> bool {
        self.call == "write" && self.source.kind() == ErrorKind::BrokenPipe
    }

    /// Returns what failed, for the person who started a program on this address.
    pub(crate) fn explanation(&self, address: &str) -> String {
        let attempt = match self.call {
            "getaddrinfo" => format!("find {address}"),
            "socket" => format!("create a socket for {address}"),
            "connect" => format!("connect to {address}"),
            "recv" => format!("receive from {address}"),
            "send" => format!("send to {address}"),
            "write" => "write to standard output".to_owned(),
            _ => format!("listen on {address}"),
        };
        format!("cannot {attempt}: {}", self.source)
    }

    /// Returns what that person can do about it.
    pub(crate) fn hint(&self, program: &str, address: &str) -> String {
        use ErrorKind::{AddrInUse, AddrNotAvailable, ConnectionRefused, PermissionDenied};

        let default = address::DEFAULT;
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let port: u16 = port.parse().unwrap_or_default();
        // A port below 1024 can need special rights.
        let next = port.checked_add(1).filter(|next| *next > 1024).unwrap_or(12345);
        match (self.call, self.source.kind()) {
            ("getaddrinfo", _) => {
                format!("check the name's spelling, or use an IP address, such as {default}")
            }
            ("socket", _) => format!(
                "use an IPv4 address, such as {default}, or end programs that hold many files open"
            ),
            ("bind" | "listen", AddrInUse) if port != 0 => format!(
                "stop the server that uses it (Ctrl-C; if Ctrl-Z put it to sleep: fg, then \
                 Ctrl-C; {WHO_LISTENS} shows which program it is), wait a minute if one has just \
                 ended, or choose another address, such as {program} {host}:{next}"
            ),
            ("connect", AddrNotAvailable) if host.starts_with('[') => {
                format!("this machine may have no IPv6: use an IPv4 address, such as {default}")
            }
            ("bind" | "listen", AddrInUse) | ("connect", AddrNotAvailable) => {
                "no port is free: wait a minute, or end programs that have many connections"
                    .to_owned()
            }
            ("bind", PermissionDenied) => format!(
                "the system does not allow this port: choose another one, \
                 such as {program} {host}:{next}"
            ),
            ("bind", _) if host == "127.0.0.1" => {
                "this machine has no 127.0.0.1: turn on its loopback interface (Linux: ip link set lo up)"
                    .to_owned()
            }
            ("bind", _) => {
                format!("choose an address of this machine, such as {program} {default}")
            }
            ("connect", _) if port == 0 => {
                "no server listens on port 0: take the port in its `listening on` line".to_owned()
            }
            ("connect", ConnectionRefused) if is_this_machine(host) => format!(
                "start the server first, in another terminal on this machine ({host} never means \
                 another one); if it is running, compare ADDRESS with its `listening on` line"
            ),
            ("connect", ConnectionRefused) => format!(
                "start the server first, on {host}; if it is running there, look at its \
                 `listening on` line: a server on 127.0.0.1 is reached from its own machine only, \
                 one on 0.0.0.0 from others too"
            ),
            ("connect", _) => "check the address, that a server is listening there, and that no \
                 firewall is in between"
                .to_owned(),
            ("recv" | "send", _) => {
                let pair = match program {
                    "long-client" => "; a long-client needs a long-server",
                    _ => "",
                };
                format!(
                    "see what the server's terminal says, and start the server again if it has \
                     ended{pair}"
                )
            }
            ("write", _) => "let it be a terminal, or a file on a disk with free space".to_owned(),
            _ => "the system may be out of memory: end other programs".to_owned(),
        }
    }
}

/// Returns whether a client that connects to this host stays on its own machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let is_own = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    host == "localhost" || host.parse().is_ok_and(is_own)
}

impl fmt::Display for Error {
    /// Writes the call's name and the system's words: `recv: Connection reset by peer (os error 104)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.source)
    }
}

impl std::error::Error for Error {}
