//! The system calls on a socket: each by itself, under its own name, narrated.

use std::fmt;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(windows)]
use std::os::windows::io::AsRawSocket;
use std::time::Duration;

use socket2::{Domain, SockAddr, TcpKeepalive, Type};

use crate::bytes::quoted;
use crate::narration::{Kind, narrate, narrate_close};

/// Owns a listening or a connected TCP socket, and closes it with `close(2)` when it is dropped.
#[derive(Debug)]
pub struct Socket(socket2::Socket);

impl Socket {
    /// Creates a TCP socket of the address's family with `socket(2)`.
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        let (domain, family) = match address {
            SocketAddr::V4(_) => (Domain::IPV4, "AF_INET"),
            SocketAddr::V6(_) => (Domain::IPV6, "AF_INET6"),
        };
        narrate(
            Kind::Immediate,
            format_args!("socket({family}, SOCK_STREAM)"),
            || socket2::Socket::new(domain, Type::STREAM, None).map(Self),
            Self::to_string,
        )
    }

    /// Lets an address be bound while closed connections of it are in `TIME_WAIT`: `SO_REUSEADDR`
    /// of `socket(7)`.
    pub(crate) fn set_reuse_address(&self) -> io::Result<()> {
        narrate(
            Kind::Aside,
            format_args!("setsockopt({self}, SO_REUSEADDR, 1)"),
            || self.0.set_reuse_address(true),
            nothing,
        )
    }

    /// Has the kernel ask a silent peer, after `idle` and then again and again, whether it is
    /// still there: `SO_KEEPALIVE` of `socket(7)` and `TCP_KEEPIDLE` of `tcp(7)`.
    pub(crate) fn set_keepalive(&self, idle: Duration) -> io::Result<()> {
        narrate(
            Kind::Aside,
            format_args!("setsockopt({self}, SO_KEEPALIVE, 1)"),
            || {
                self.0
                    .set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))
            },
            nothing,
        )?;
        // socket2 has made both calls by now.
        let idle = idle.as_secs();
        narrate(
            Kind::Aside,
            format_args!("setsockopt({self}, TCP_KEEPIDLE, {idle})"),
            || Ok(()),
            nothing,
        )
    }

    /// Limits the time that each `recv(2)` waits: `SO_RCVTIMEO` of `socket(7)`.
    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        narrate(
            Kind::Aside,
            format_args!("setsockopt({self}, SO_RCVTIMEO, {limit:.3?})"),
            || self.0.set_read_timeout(Some(limit)),
            nothing,
        )
    }

    /// Gives the socket an address of this machine with `bind(2)`.
    pub(crate) fn bind(&self, address: SocketAddr) -> io::Result<()> {
        narrate(
            Kind::Immediate,
            format_args!("bind({self}, {address})"),
            || self.0.bind(&address.into()),
            nothing,
        )
    }

    /// Makes it a listening socket with `listen(2)`, with a queue of `backlog` clients.
    pub(crate) fn listen(&self, backlog: i32) -> io::Result<()> {
        narrate(
            Kind::Immediate,
            format_args!("listen({self}, {backlog})"),
            || self.0.listen(backlog),
            nothing,
        )
    }

    /// Tells the address that the socket is bound to, with `getsockname(2)`.
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        narrate(
            Kind::Aside,
            format_args!("getsockname({self})"),
            || {
                self.0
                    .local_addr()
                    .and_then(|address| internet_address(&address))
            },
            |address| format!("0 {address}"),
        )
    }

    /// Tells the address at the other end of the connection, with `getpeername(2)`.
    pub(crate) fn peer_address(&self) -> io::Result<SocketAddr> {
        narrate(
            Kind::Aside,
            format_args!("getpeername({self})"),
            || {
                self.0
                    .peer_addr()
                    .and_then(|address| internet_address(&address))
            },
            |address| format!("0 {address}"),
        )
    }

    /// Waits for a client and takes it out of the queue with `accept(2)`: a new, connected socket
    /// and the peer's address.
    pub(crate) fn accept(&self) -> io::Result<(Self, SocketAddr)> {
        narrate(
            Kind::Blocking,
            format_args!("accept({self})"),
            || {
                let (client, address) = self.0.accept()?;
                Ok((Self(client), internet_address(&address)?))
            },
            |(client, peer)| format!("{client} from {peer}"),
        )
    }

    /// Connects to a server with `connect(2)`.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        narrate(
            Kind::Blocking,
            format_args!("connect({self}, {address})"),
            || self.0.connect(&address.into()),
            nothing,
        )
    }

    /// Waits for bytes and takes them with `recv(2)`; gives how many, 0 at the end of the stream.
    pub(crate) fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len();
        narrate(
            Kind::Blocking,
            format_args!("recv({self}, {size})"),
            move || {
                let buffer = buffer;
                let count = (&self.0).read(buffer)?;
                Ok(&buffer[..count])
            },
            |bytes| match bytes.len() {
                0 => "0".to_owned(),
                count => format!("{count} {}", quoted(bytes)),
            },
        )
        .map(<[u8]>::len)
    }

    /// Sends bytes with `send(2)`, maybe not all of them; gives how many.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        narrate(
            Kind::Immediate,
            format_args!("send({self}, {})", quoted(bytes)),
            || self.0.send(bytes),
            usize::to_string,
        )
    }

    /// Half-closes the connection with `shutdown(2)`: the peer sees the end of the stream, and
    /// can still send.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        narrate(
            Kind::Immediate,
            format_args!("shutdown({self}, SHUT_WR)"),
            || self.0.shutdown(Shutdown::Write),
            nothing,
        )
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // socket2's socket is dropped next, and closes the descriptor.
        narrate_close(format_args!("close({self})"));
    }
}

impl fmt::Display for Socket {
    /// Writes the descriptor's number; on Windows the handle's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(unix)]
        let descriptor = self.0.as_raw_fd();
        #[cfg(windows)]
        let descriptor = self.0.as_raw_socket();
        write!(f, "{descriptor}")
    }
}

/// Is the text of a result that says nothing but success.
fn nothing<T>(_: &T) -> String {
    "0".to_owned()
}

fn internet_address(address: &SockAddr) -> io::Result<SocketAddr> {
    let not_internet =
        || io::Error::new(io::ErrorKind::InvalidData, "the address is no IP address");
    address.as_socket().ok_or_else(not_internet)
}
