//! What can fail, and what is said of it.

use std::fmt;
use std::io;

use crate::address::Address;

/// Is what the functions of this crate return that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Says which operation failed, and the system's words for why.
#[derive(Debug)]
pub struct Error {
    operation: Operation,
    source: io::Error,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    LookUp,
    Listen,
    Connect,
    Recv,
    Send,
    Print,
}

impl Error {
    pub(crate) fn new(operation: Operation, source: io::Error) -> Self {
        Self { operation, source }
    }

    /// Is the error of a client whose server closed the connection and sent no reply.
    #[must_use]
    pub fn no_reply() -> Self {
        let words = "the server closed the connection before it replied";
        Self::new(
            Operation::Recv,
            io::Error::new(io::ErrorKind::UnexpectedEof, words),
        )
    }

    /// Whether it only means that nobody reads the standard output any more: `… | head -n 3`.
    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self.operation, Operation::Print)
            && self.source.kind() == io::ErrorKind::BrokenPipe
    }

    /// Explains the error to the person who started `program` on `address`: what failed, and a
    /// hint of what to do.
    pub(crate) fn explain(&self, program: &str, address: &Address) -> (String, String) {
        use io::ErrorKind::{AddrInUse, ConnectionRefused, PermissionDenied};

        let attempt = match self.operation {
            Operation::LookUp => format!("find {address}"),
            Operation::Listen => format!("listen on {address}"),
            Operation::Connect => format!("connect to {address}"),
            Operation::Recv => format!("receive from {address}"),
            Operation::Send => format!("send to {address}"),
            Operation::Print => "write to standard output".to_owned(),
        };
        let hint = match (self.operation, self.source.kind()) {
            (Operation::LookUp, _) => {
                "check the name's spelling, or use an IP address, such as 127.0.0.1:12345"
                    .to_owned()
            }
            (Operation::Listen, AddrInUse) => format!(
                "another server is using it: stop that one, or choose another address, \
                 such as {program} {}",
                address.neighbour()
            ),
            (Operation::Listen, PermissionDenied) => format!(
                "a port below 1024 can need special rights: choose a higher one, \
                 such as {program} 127.0.0.1:12345"
            ),
            (Operation::Listen, _) => {
                format!("choose an address of this machine, such as {program} 127.0.0.1:12345")
            }
            (Operation::Connect, _) if address.has_no_port() => {
                "port 0 is no server's: take the one in the server's `listening on` line".to_owned()
            }
            (Operation::Connect, ConnectionRefused) => {
                "start the server first, in another terminal".to_owned()
            }
            (Operation::Connect, _) => {
                "check the address, and that a server is listening there".to_owned()
            }
            (Operation::Recv | Operation::Send, _) => {
                "see what the server's terminal says, and start the server again if it has ended"
                    .to_owned()
            }
            (Operation::Print, _) => {
                "let it be a terminal, or a file on a disk with free space".to_owned()
            }
        };
        (format!("cannot {attempt}: {}", self.source), hint)
    }
}

impl fmt::Display for Error {
    /// Writes the call's name and the system's words: `recv: Connection reset by peer (os error 104)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = match self.operation {
            Operation::LookUp => "getaddrinfo",
            Operation::Listen => "listen",
            Operation::Connect => "connect",
            Operation::Recv => "recv",
            Operation::Send => "send",
            Operation::Print => "write",
        };
        write!(f, "{call}: {}", self.source)
    }
}

impl std::error::Error for Error {}
