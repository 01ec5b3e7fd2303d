//! An address as text: `HOST:PORT` to a socket address, and the system's form to one that prints as
//! `IP:PORT`.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};

use socket2::SockAddr;

use crate::bytes::printable;

/// The tutorial's address.
pub(crate) const DEFAULT: &str = "127.0.0.1:12345";

/// Reads `HOST:PORT`, looks a name up with `getaddrinfo(3)`, and returns one socket address: the
/// first IPv4 address, as Python's `AF_INET` takes, or else the first of all.
///
/// # Errors
///
/// The name is unknown; or, of the kind `InvalidInput`, what is wrong with the text.
pub(crate) fn look_up(text: &str) -> io::Result<SocketAddr> {
    let wrong = |problem: String| Err(io::Error::new(ErrorKind::InvalidInput, problem));
    if text.contains('：') {
        let right = text.replace('：', ":");
        return wrong(format!("has a full-width colon; write {}", printable(right.as_bytes())));
    }
    let addresses: Vec<SocketAddr> = match text.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let port = text.rsplit_once(':').map_or("", |(_, port)| port);
            if port.parse::<u64>().is_ok() {
                return wrong("has a port above 65535".to_owned());
            }
            return wrong(format!("is not HOST:PORT, such as {DEFAULT}"));
        }
        Err(error) => return Err(error),
    };
    let ipv4 = addresses.iter().find(|address| address.is_ipv4());
    ipv4.or_else(|| addresses.first()).copied().ok_or_else(|| ErrorKind::NotFound.into())
}

/// Turns an address as the system gives it into one that prints as `IP:PORT`.
///
/// # Errors
///
/// It is empty, as macOS gives that of a client that has already reset the connection: what other
/// systems call an aborted connection.
pub(crate) fn from_system(address: &SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| ErrorKind::ConnectionAborted.into())
}
