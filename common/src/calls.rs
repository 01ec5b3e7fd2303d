//! Each system call by itself, under its own name, narrated.

use std::fmt::{self, Display};
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(windows)]
use std::os::windows::io::AsRawSocket;
use std::time::Duration;

use socket2::{Domain, TcpKeepalive, Type};

use crate::address;
use crate::bytes::quoted;
use crate::narration::Kind::{Aside, Blocking, Immediate};
use crate::narration::{narrate, narrate_close};

/// The descriptor of an open socket, shown as its number; on Windows it is called a handle.
#[derive(Debug)]
pub(crate) struct Descriptor(socket2::Socket);

/// Creates a TCP socket of the address's family with `socket(2)`.
pub(crate) fn socket(address: SocketAddr) -> io::Result<Descriptor> {
    let (domain, family) = match address {
        SocketAddr::V4(_) => (Domain::IPV4, &"AF_INET"),
        SocketAddr::V6(_) => (Domain::IPV6, &"AF_INET6"),
    };
    let make = || socket2::Socket::new(domain, Type::STREAM, None).map(Descriptor);
    let shown = Descriptor::to_string;
    narrate(Immediate, "socket", &[family, &"SOCK_STREAM"], make, shown)
}

/// Sets the option `SO_REUSEADDR` of `socket(7)` with `setsockopt(2)`.
pub(crate) fn set_reuse_address(socket: &Descriptor) -> io::Result<()> {
    let make = || socket.0.set_reuse_address(true);
    let arguments: &[&dyn Display] = &[socket, &"SO_REUSEADDR", &1];
    narrate(Aside, "setsockopt", arguments, make, zero)
}

/// Sets the option `SO_KEEPALIVE` of `socket(7)` and its three numbers of `tcp(7)`: four
/// `setsockopt(2)`, which socket2 makes together, so that one line names them all.
pub(crate) fn set_keepalive(
    socket: &Descriptor,
    idle: Duration,
    interval: Duration,
    probes: u32,
) -> io::Result<()> {
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval);
    let make = || socket.0.set_tcp_keepalive(&keepalive.with_retries(probes));
    let arguments: &[&dyn Display] = &[
        socket,
        &"SO_KEEPALIVE, 1, TCP_KEEPIDLE",
        &idle.as_secs(),
        &"TCP_KEEPINTVL",
        &interval.as_secs(),
        &"TCP_KEEPCNT",
        &probes,
    ];
    narrate(Aside, "setsockopt", arguments, make, zero)
}

/// Limits the time that each `recv(2)` waits: the option `SO_RCVTIMEO` of `socket(7)`.
pub(crate) fn set_read_timeout(socket: &Descriptor, limit: Duration) -> io::Result<()> {
    let make = || socket.0.set_read_timeout(Some(limit));
    narrate(
        Aside,
        "setsockopt",
        &[socket, &"SO_RCVTIMEO", &format_args!("{limit:.6?}")],
        make,
        zero,
    )
}

/// Gives the socket an address of this machine with `bind(2)`.
pub(crate) fn bind(socket: &Descriptor, address: SocketAddr) -> io::Result<()> {
    let make = || socket.0.bind(&address.into());
    narrate(Immediate, "bind", &[socket, &address], make, zero)
}

/// Makes it a listening socket, with a queue of `backlog` clients, with `listen(2)`.
pub(crate) fn listen(socket: &Descriptor, backlog: i32) -> io::Result<()> {
    let make = || socket.0.listen(backlog);
    narrate(Immediate, "listen", &[socket, &backlog], make, zero)
}

/// Returns the address that the socket is bound to, with `getsockname(2)`.
pub(crate) fn getsockname(socket: &Descriptor) -> io::Result<SocketAddr> {
    let make = || address::from_system(&socket.0.local_addr()?);
    let shown = |address: &_| format!("0 {address}");
    narrate(Aside, "getsockname", &[socket], make, shown)
}

/// Returns the address at the other end of the connection, with `getpeername(2)`.
pub(crate) fn getpeername(socket: &Descriptor) -> io::Result<SocketAddr> {
    let make = || address::from_system(&socket.0.peer_addr()?);
    let shown = |address: &_| format!("0 {address}");
    narrate(Aside, "getpeername", &[socket], make, shown)
}

/// Waits for a client with `accept(2)`, and returns a new, connected socket and the peer's address.
pub(crate) fn accept(socket: &Descriptor) -> io::Result<(Descriptor, SocketAddr)> {
    let make = || {
        let (client, peer) = socket.0.accept()?;
        Ok((Descriptor(client), address::from_system(&peer)?))
    };
    let shown = |(client, peer): &(_, _)| format!("{client} from {peer}");
    narrate(Blocking, "accept", &[socket], make, shown)
}

/// Connects to a server with `connect(2)`.
pub(crate) fn connect(socket: &Descriptor, address: SocketAddr) -> io::Result<()> {
    let make = || socket.0.connect(&address.into());
    narrate(Blocking, "connect", &[socket, &address], make, zero)
}

/// Waits for bytes with `recv(2)`, and returns those that came: none at the end of the stream.
pub(crate) fn recv<'b>(socket: &Descriptor, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let size = buffer.len();
    let shown = |bytes: &&[u8]| match bytes.len() {
        0 => "0".to_owned(),
        count => format!("{count} {}", quoted(bytes)),
    };
    narrate(
        Blocking,
        "recv",
        &[socket, &size],
        || {
            let count = (&socket.0).read(buffer)?;
            Ok(&buffer[..count])
        },
        shown,
    )
}

/// Sends bytes with `send(2)`, maybe not all of them, and returns how many.
pub(crate) fn send(socket: &Descriptor, bytes: &[u8]) -> io::Result<usize> {
    let make = || socket.0.send(bytes);
    let arguments: &[&dyn Display] = &[socket, &quoted(bytes)];
    narrate(Immediate, "send", arguments, make, usize::to_string)
}

/// Half-closes with `shutdown(2)`: the peer sees the end of the stream, and can still send.
pub(crate) fn shutdown_write(socket: &Descriptor) -> io::Result<()> {
    let make = || socket.0.shutdown(Shutdown::Write);
    narrate(Immediate, "shutdown", &[socket, &"SHUT_WR"], make, zero)
}

impl Drop for Descriptor {
    /// Closes the socket with `close(2)`: socket2's socket, which is dropped next, makes the call.
    fn drop(&mut self) {
        narrate_close(self);
    }
}

impl Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(unix)]
        let number = self.0.as_raw_fd();
        #[cfg(windows)]
        let number = self.0.as_raw_socket();
        write!(f, "{number}")
    }
}

/// Returns the text of a result that says nothing but success.
fn zero<T>(_: &T) -> String {
    "0".to_owned()
}
