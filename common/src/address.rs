//! `HOST:PORT`, as it is written on the command line.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::arguments::whole_number;
use crate::bytes::printable;
use crate::error::{Error, Operation, Result};

/// Names one end of a connection: an IPv4 address, an IPv6 address or a name, and a port.
#[derive(Clone, Debug)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Opens a socket for each IP address of the host in turn, until one succeeds.
    ///
    /// Only a name can have several: `localhost` is often both `::1` and `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// The name is unknown, or no address succeeded: then it is the last one's error. An address
    /// in use ends the search, for the same server at the name's next address would go unnoticed.
    pub(crate) fn open<T>(
        &self,
        operation: Operation,
        mut open: impl FnMut(SocketAddr) -> io::Result<T>,
    ) -> Result<T> {
        // An IP address is taken as it is; a name is looked up with getaddrinfo(3).
        let addresses = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| Error::new(Operation::LookUp, error))?;
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match open(address) {
                Ok(opened) => return Ok(opened),
                Err(error) => failure = error,
            }
            if failure.kind() == io::ErrorKind::AddrInUse {
                break;
            }
        }
        Err(Error::new(operation, failure))
    }

    /// Whether it leaves the port to the kernel, which only a server can.
    pub(crate) fn has_no_port(&self) -> bool {
        self.port == 0
    }

    /// Gives the same host with a port beside this one's, for a hint.
    pub(crate) fn neighbour(&self) -> Self {
        let port = self.port.checked_add(1).unwrap_or(u16::MAX - 1);
        Self {
            host: self.host.clone(),
            port,
        }
    }
}

impl Default for Address {
    /// Gives the tutorial's address, `127.0.0.1:12345`.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 12345,
        }
    }
}

impl FromStr for Address {
    type Err = &'static str;

    /// Reads `HOST:PORT`, the host in brackets where it is an IPv6 address (RFC 3986, section 3.2.2).
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text.ends_with(']') {
            return Err("it has no port");
        }
        let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
        let port = whole_number(port).ok_or("its port is not a whole number from 0 to 65535")?;
        let host = if let Some(bracketed) = host.strip_prefix('[') {
            let host = bracketed
                .strip_suffix(']')
                .ok_or("its bracket is not closed")?;
            // A link-local address may name its interface: fe80::1%eth0.
            let (ip, _interface) = host.split_once('%').unwrap_or((host, ""));
            ip.parse::<Ipv6Addr>()
                .map_err(|_| "what its brackets hold is no IPv6 address")?;
            host
        } else if host.contains(':') {
            return Err(
                "its host has a ':', and an IPv6 address stands in brackets, as in [::1]:12345",
            );
        } else if host.is_empty() {
            return Err("it has no host");
        } else {
            host
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    /// Writes `HOST:PORT`, with nothing in it that a terminal would obey.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = printable(self.host.as_bytes());
        if self.host.contains(':') {
            write!(f, "[{host}]:{}", self.port)
        } else {
            write!(f, "{host}:{}", self.port)
        }
    }
}
