//! An address as text, both ways: `HOST:PORT` to a socket address, and a socket address to
//! `IP:PORT`.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use socket2::SockAddr;

use crate::bytes::printable;

/// The tutorial's address.
pub(crate) const DEFAULT: &str = "127.0.0.1:12345";

/// Reads `HOST:PORT`, the host in brackets where it is an IPv6 address (RFC 3986, section 3.2.2).
///
/// # Errors
///
/// What is wrong with it, and what to write instead.
pub(crate) fn parse(text: &str) -> Result<(&str, u16), String> {
    let wrong = |problem| Err(format!("{problem}; write HOST:PORT, such as {DEFAULT}"));
    if text.contains('：') {
        let right = text.replace('：', ":");
        let right = printable(right.as_bytes());
        return Err(format!("its colon is a full-width one; write {right}"));
    }
    if text.contains("://") {
        return wrong("it is a URL");
    }
    // A smaller number is rather meant for another argument.
    if let Some(port) = whole_number(text).filter(|port: &u16| *port >= 1024) {
        return Err(format!("it has no host; write 127.0.0.1:{port}"));
    }
    let Some((host, port)) = text.rsplit_once(':').filter(|_| !text.ends_with(']')) else {
        return wrong("it has no port");
    };
    let Some(port) = whole_number(port) else {
        return wrong("its port is not a whole number from 0 to 65535");
    };
    if host.is_empty() {
        return wrong("it has no host");
    }
    let Some(bracketed) = host.strip_prefix('[') else {
        if host.contains(':') {
            return wrong("an IPv6 address is written in brackets, as in [::1]:12345");
        }
        return Ok((host, port));
    };
    let Some(host) = bracketed.strip_suffix(']') else {
        return wrong("its bracket is not closed");
    };
    // A link-local address may name its interface: fe80::1%eth0.
    let (ip, _interface) = host.split_once('%').unwrap_or((host, ""));
    if ip.parse::<Ipv6Addr>().is_err() {
        return wrong("expected an IPv6 address in brackets");
    }
    Ok((host, port))
}

/// Looks up a host with `getaddrinfo(3)`, unless it is an IP address, and returns one socket
/// address: the first IPv4 address, as Python's `AF_INET` takes, or else the first of all.
///
/// # Errors
///
/// The name is unknown.
pub(crate) fn look_up((host, port): (&str, u16)) -> io::Result<SocketAddr> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let ipv4 = addresses.iter().find(|address| address.is_ipv4());
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    ipv4.or(addresses.first()).copied().ok_or_else(none)
}

/// Turns an address as the system gives it into one that prints as `IP:PORT`.
///
/// # Errors
///
/// It is not an IP address, which cannot happen with a TCP socket.
pub(crate) fn from_system(address: &SockAddr) -> io::Result<SocketAddr> {
    let not_internet = || io::Error::new(io::ErrorKind::InvalidData, "it is not an IP address");
    address.as_socket().ok_or_else(not_internet)
}

/// Reads a number that is written in digits alone, without a sign, and fits the type.
pub(crate) fn whole_number<T: FromStr>(text: &str) -> Option<T> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| only_digits)
}
