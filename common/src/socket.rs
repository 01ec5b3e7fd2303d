//! The calls of the lesson, each as a robust program makes it, and narrated.

use std::fmt::{self, Display};
use std::io::Read;
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(windows)]
use std::os::windows::io::AsRawSocket;
use std::thread;
use std::time::{Duration, Instant};

use log::{info, warn};
use socket2::{Domain, TcpKeepalive, Type};

use crate::address;
use crate::bytes::quoted;
use crate::error::Result;
use crate::narration::{self, Call};

/// How long a peer may be silent before the kernel asks whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// The time between two such questions, and how many are asked before the connection is given up.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 6;

/// The first pause after an `accept(2)` that failed; it doubles with every further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a lingering close waits for more bytes: nginx's `lingering_timeout`.
const LINGER: Duration = Duration::from_secs(5);
/// How long a client waits for its server before it says so.
const A_SECOND: Duration = Duration::from_secs(1);
/// The longest MESSAGE, in bytes, that a Linux command line can hold. A peer that sends more may
/// never stop.
const LONGEST_MESSAGE: usize = 128 * 1024;

/// A listening or a connected TCP socket, which is closed with `close(2)` when it is dropped.
#[derive(Debug)]
pub struct Socket {
    socket: socket2::Socket,
    /// Whether `accept(2)` has returned it: then this side is the server.
    is_accepted: bool,
}

impl Socket {
    /// Creates a TCP socket for an address of this kind with `socket(2)`, step 1.
    ///
    /// In Python, `socket.socket(socket.AF_INET, socket.SOCK_STREAM)`: `SOCK_STREAM` is TCP, and
    /// the family says which addresses the socket can have, `AF_INET` for IPv4, `AF_INET6` for
    /// IPv6. The address itself is not used yet: `bind` or `connect` gives it to the socket.
    ///
    /// # Errors
    ///
    /// No descriptor is left, or the system does not know the family.
    #[track_caller]
    pub fn tcp_for(address: SocketAddr) -> Result<Self> {
        let family = if address.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        let call = Call::begin("socket", format_args!("{family}, SOCK_STREAM"));
        let created = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None);
        let created = created.map(|socket| Self { socket, is_accepted: false });
        call.end(created, ToString::to_string)
    }

    /// Binds the socket to an IP address and a port with `bind(2)`, a server's step 2.
    ///
    /// First sets `SO_REUSEADDR`, so that closed connections of the address that are still in
    /// `TIME_WAIT` do not prevent it; not on Windows, where the option would let another program
    /// take the port.
    ///
    /// # Errors
    ///
    /// The address is in use, not allowed, or not of this machine.
    #[track_caller]
    pub fn bind(&self, address: SocketAddr) -> Result<()> {
        if cfg!(not(windows)) {
            self.reuse_address()?;
        }
        let call = Call::begin("bind", format_args!("{self}, {address}"));
        let bound = self.socket.bind(&address.into());
        call.end(bound, |()| 0)
    }

    /// Makes it a listening socket with `listen(2)`, a server's step 3. On Linux `backlog` + 1
    /// clients can wait in its queue to be accepted; other systems count in their own way.
    ///
    /// First turns on keepalive, which the accepted sockets inherit: a silent client that vanished
    /// is given up after about two minutes. (While a reply to it is unconfirmed, the kernel sends
    /// that again instead, on Linux for about 15 minutes: `tcp_retries2` of `tcp(7)`.)
    ///
    /// # Errors
    ///
    /// The address is in use: another socket has begun to listen on it.
    #[track_caller]
    pub fn listen(&self, backlog: i32) -> Result<()> {
        self.keep_alive();
        let call = Call::begin("listen", format_args!("{self}, {backlog}"));
        let listening = self.socket.listen(backlog);
        call.end(listening, |()| 0)
    }

    /// Returns the address that the socket is bound to, with `getsockname(2)`: the port too that
    /// the kernel chose for port 0.
    ///
    /// # Errors
    ///
    /// The system is out of memory.
    #[track_caller]
    pub fn address(&self) -> Result<SocketAddr> {
        let call = Call::begin("getsockname", format_args!("{self}"));
        let address = self.socket.local_addr();
        let address = address.and_then(|address| address::from_system(&address));
        call.end(address, |address| format!("0 {address}"))
    }

    /// Waits for a client with `accept(2)`, a server's step 4, and returns its connected socket
    /// and its address.
    ///
    /// Never fails: no descriptor being left, for example, is no reason to end a server. What went
    /// wrong is logged, and tried again after a pause of 5 ms that doubles up to 1 s. Meanwhile the
    /// clients wait in the queue. (A client that has reset the connection in the queue is returned
    /// like any other on Linux, where its `recv` then fails; on other systems `accept` fails.)
    #[must_use]
    #[track_caller]
    pub fn accept(&self) -> (Self, SocketAddr) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.accept_once() {
                Ok((client, peer)) => {
                    if cfg!(target_vendor = "apple") {
                        client.keep_alive(); // the idle time is not inherited there
                    }
                    return (client, peer);
                }
                Err(error) if error.is_interruption() => {}
                Err(error) => {
                    warn!("{error}; trying again in {pause:?}");
                    thread::sleep(pause);
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    #[track_caller]
    fn accept_once(&self) -> Result<(Self, SocketAddr)> {
        let call = Call::begin("accept", format_args!("{self}"));
        let accepted = self.socket.accept().and_then(|(socket, peer)| {
            let peer = address::from_system(&peer)?;
            Ok((Self { socket, is_accepted: true }, peer))
        });
        call.end(accepted, |(client, peer)| format!("{client} from {peer}"))
    }

    /// Connects to a server with `connect(2)`, a client's step 2.
    ///
    /// First turns on keepalive: a server that vanishes while nothing is under way is given up
    /// after about two minutes. (While bytes to it are unconfirmed, the kernel sends these again
    /// instead, as for [`listen`](Self::listen).)
    ///
    /// # Errors
    ///
    /// Nobody listens there, or the address is out of reach.
    #[track_caller]
    pub fn connect(&self, address: SocketAddr) -> Result<()> {
        self.keep_alive();
        let call = Call::begin("connect", format_args!("{self}, {address}"));
        let connected = self.socket.connect(&address.into());
        call.end(connected, |()| 0)
    }

    /// Waits for bytes from the peer with `recv(2)`, and returns those that came: at least one
    /// byte, at most the size of the buffer, and none at the end of the stream.
    ///
    /// A stream has no messages: what the peer sent at once can come in parts, and two of its
    /// sends together.
    ///
    /// # Errors
    ///
    /// The connection broke: the peer has reset it, or is out of reach.
    #[track_caller]
    pub fn recv<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        loop {
            let call = Call::begin("recv", format_args!("{self}, {}", buffer.len()));
            let received = (&self.socket).read(buffer);
            let received = call.end(received, |count| match count {
                0 => "0".to_owned(),
                count => format!("{count} {}", quoted(&buffer[..*count])),
            });
            match received {
                Err(error) if error.is_interruption() => {}
                received => return received.map(|count| &buffer[..count]),
            }
        }
    }

    /// Sends all of the bytes with `send(2)`, which takes as many of them at a time as it has room
    /// for.
    ///
    /// # Errors
    ///
    /// The connection broke: the peer has closed or reset it, or is out of reach.
    #[track_caller]
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let call = Call::begin("send", format_args!("{self}, {}", quoted(rest)));
            let sent = self.socket.send(rest);
            match call.end(sent, usize::to_string) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.is_interruption() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes the socket with `close(2)`, the last step.
    #[track_caller]
    pub fn close(self) {
        narration::note_line();
        drop(self);
    }

    /// Closes the socket so that what was sent last arrives, also where the peer sent more than
    /// was read: a lingering close.
    ///
    /// A `close(2)` over unread bytes resets the connection, and a reset can destroy what is still
    /// under way (RFC 9112, section 9.6; RFC 1122, section 4.2.2.13). So this half-closes with
    /// `shutdown(2)`, reads on until the peer has closed too, and only then closes.
    ///
    /// It leaves a peer from which nothing comes for 5 seconds. A slow one it waits for: as long as
    /// bytes come, it costs no more than a peer that is silent from the beginning. One that has sent
    /// more than 128 KiB may never stop, and is left after 5 seconds too, and a server by its client
    /// after 1. A client that waits longer than a second says so. Under `STEP=1` there are no limits:
    /// the person who steps sets the pace.
    #[track_caller]
    pub fn linger_and_close(self) {
        // An error means that the peer is gone or silent: there is nothing more to wait for.
        if self.shutdown_write().is_ok() {
            let _ = self.read_to_the_end();
        }
        self.close();
    }

    /// Half-closes with `shutdown(2)`: the peer sees the end of the stream, and can still send.
    #[track_caller]
    fn shutdown_write(&self) -> Result<()> {
        let call = Call::begin("shutdown", format_args!("{self}, SHUT_WR"));
        let shut = self.socket.shutdown(Shutdown::Write);
        call.end(shut, |()| 0)
    }

    /// Reads and discards what still comes. A client does so for a second, and then says that it
    /// waits.
    #[track_caller]
    fn read_to_the_end(&self) -> Result<()> {
        let has_limits = !narration::is_stepping();
        let mut patience = if self.is_accepted { LINGER } else { A_SECOND };
        if has_limits {
            // macOS refuses every option once the peer has closed too (XNU, uipc_socket.c): ignore
            // the error, for then recv does not wait.
            let _ = self.limit_recv(patience);
        }
        let begun = Instant::now();
        let mut buffer = [0; 1024];
        let mut discarded = 0;
        loop {
            match self.recv(&mut buffer) {
                Ok([]) => return Ok(()),
                Ok(bytes) => discarded += bytes.len(),
                Err(error) if error.is_time_limit() && patience < LINGER => {}
                Err(error) => return Err(error),
            }
            if !has_limits || begun.elapsed() < patience {
                continue;
            }
            if discarded > LONGEST_MESSAGE {
                return Ok(());
            }
            if patience < LINGER {
                info!("waiting for the server to close");
                patience = LINGER;
                let _ = self.limit_recv(patience);
            }
        }
    }

    /// Sets `SO_REUSEADDR` of `socket(7)`.
    #[track_caller]
    fn reuse_address(&self) -> Result<()> {
        let call = Call::begin("setsockopt", format_args!("{self}, SO_REUSEADDR, 1"));
        let set = self.socket.set_reuse_address(true);
        call.end(set, |()| 0)
    }

    /// Turns on keepalive: `SO_KEEPALIVE` of `socket(7)` and its three numbers of `tcp(7)`, which
    /// socket2 sets together, so that one line names all four.
    #[track_caller]
    fn keep_alive(&self) {
        let (idle, interval) = (KEEPALIVE_IDLE.as_secs(), KEEPALIVE_INTERVAL.as_secs());
        let call = Call::begin(
            "setsockopt",
            format_args!(
                "{self}, SO_KEEPALIVE, 1, TCP_KEEPIDLE, {idle}, TCP_KEEPINTVL, {interval}, \
                 TCP_KEEPCNT, {KEEPALIVE_PROBES}"
            ),
        );
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_PROBES);
        let set = self.socket.set_tcp_keepalive(&keepalive);
        // Keepalive is optional: ignore errors.
        let _ = call.end(set, |()| 0);
    }

    /// Limits the time that each `recv(2)` waits: `SO_RCVTIMEO` of `socket(7)`.
    #[track_caller]
    fn limit_recv(&self, limit: Duration) -> Result<()> {
        let call = Call::begin("setsockopt", format_args!("{self}, SO_RCVTIMEO, {limit:?}"));
        let set = self.socket.set_read_timeout(Some(limit));
        call.end(set, |()| 0)
    }
}

impl Drop for Socket {
    /// Closes the socket with `close(2)`: socket2's socket, which is dropped next, makes the call.
    fn drop(&mut self) {
        Call::begin("close", format_args!("{self}"));
    }
}

impl Display for Socket {
    /// Writes the number of its descriptor; on Windows it is called a handle.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(unix)]
        let number = self.socket.as_raw_fd();
        #[cfg(windows)]
        let number = self.socket.as_raw_socket();
        write!(f, "{number}")
    }
}
