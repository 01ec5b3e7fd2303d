//! The calls of the lesson, each as a robust program makes it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use log::warn;

use crate::calls::{self, Descriptor};
use crate::error::{Error, Result};

/// How long a peer may be silent before the kernel asks whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// The time between two such questions, and how many are asked before the connection is given up.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 6;

/// How many clients that gave up in the queue, one after another, are passed over silently.
const PASSED_OVER: u32 = 10;

/// The first pause after an `accept(2)` that failed; it doubles with every further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a lingering close waits for the peer's end of the stream, in all.
const LINGER: Duration = Duration::from_secs(5);

/// A listening or a connected TCP socket, which is closed with `close(2)` when it is dropped.
#[derive(Debug)]
pub struct Socket(Descriptor);

impl Socket {
    /// Creates a TCP socket of the address's family with `socket(2)`, step 1.
    ///
    /// # Errors
    ///
    /// No descriptor is left, or the system does not know the family.
    pub fn new(address: SocketAddr) -> Result<Self> {
        calls::socket(address).map(Self).map_err(Error::of("socket"))
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
    pub fn bind(&self, address: SocketAddr) -> Result<()> {
        if cfg!(not(windows)) {
            calls::set_reuse_address(&self.0).map_err(Error::of("setsockopt"))?;
        }
        calls::bind(&self.0, address).map_err(Error::of("bind"))
    }

    /// Makes it a listening socket with `listen(2)`, a server's step 3. At most `backlog` clients
    /// wait in its queue to be accepted (Linux adds one).
    ///
    /// First sets keepalive, which the accepted sockets inherit: a silent client that vanished is
    /// given up after about two minutes. (While a reply to it is unconfirmed, the kernel tries that
    /// again instead, for about 15 minutes: `tcp_retries2` of `tcp(7)`.)
    ///
    /// # Errors
    ///
    /// The address is in use: another socket has begun to listen on it.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        self.keep_alive();
        calls::listen(&self.0, backlog).map_err(Error::of("listen"))
    }

    /// Returns the address that the socket is bound to, with `getsockname(2)`: the port too that
    /// the kernel chose for port 0.
    ///
    /// # Errors
    ///
    /// The system is out of memory.
    pub fn address(&self) -> Result<SocketAddr> {
        calls::getsockname(&self.0).map_err(Error::of("getsockname"))
    }

    /// Waits for a client with `accept(2)`, a server's step 4, and returns its connected socket
    /// and its address.
    ///
    /// Never fails. A client that gave up in the queue is passed over. Whatever else goes wrong,
    /// such as no descriptor being left or the eleventh such client in a row, is logged, and tried
    /// again after a pause of 5 ms that doubles up to 1 s; meanwhile the clients wait in the queue.
    #[must_use]
    pub fn accept(&self) -> (Self, SocketAddr) {
        use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};

        let mut passed_over = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            match calls::accept(&self.0) {
                Ok((client, peer)) => return (Self(client), peer),
                Err(error)
                    if passed_over < PASSED_OVER
                        && matches!(
                            error.kind(),
                            ConnectionAborted | ConnectionReset | Interrupted
                        ) =>
                {
                    passed_over += 1;
                }
                Err(error) => {
                    warn!("accept: {error}; trying again in {pause:?}");
                    thread::sleep(pause);
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    /// Connects to a server with `connect(2)`, a client's step 2.
    ///
    /// First sets keepalive: a server that vanished without a word is given up after about two
    /// minutes, too.
    ///
    /// # Errors
    ///
    /// Nobody listens there, or the address is out of reach.
    pub fn connect(&self, address: SocketAddr) -> Result<()> {
        self.keep_alive();
        let mut tries = 0;
        let connected = uninterrupted(|| {
            tries += 1;
            calls::connect(&self.0, address)
        });
        // After an interruption the kernel goes on connecting, so that the next call can find the
        // socket connected, and fail for just that (EISCONN).
        if connected.is_err() && tries > 1 && calls::getpeername(&self.0).is_ok() {
            return Ok(());
        }
        connected.map_err(Error::of("connect"))
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
    pub fn recv<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let count = uninterrupted(|| calls::recv(&self.0, buffer).map(<[u8]>::len));
        let count = count.map_err(Error::of("recv"))?;
        Ok(&buffer[..count])
    }

    /// Sends all of the bytes with `send(2)`, which takes as many of them at a time as it has room
    /// for.
    ///
    /// # Errors
    ///
    /// The connection broke: the peer has closed or reset it, or is out of reach.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = uninterrupted(|| calls::send(&self.0, rest)).map_err(Error::of("send"))?;
            rest = &rest[sent..];
        }
        Ok(())
    }

    /// Closes the socket with `close(2)`, the last step.
    pub fn close(self) {
        drop(self);
    }

    /// Closes the socket so that what was sent last arrives, also where the peer sent more than
    /// was read.
    ///
    /// A `close(2)` over unread bytes resets the connection, and a reset can overtake the reply
    /// (RFC 9112, section 9.6; RFC 1122, section 4.2.2.13). So this half-closes with
    /// `shutdown(2)`, reads on until the peer has closed too, for at most 5 seconds, and only then
    /// closes.
    pub fn linger_and_close(self) {
        // An error means that the peer is gone, and so is the reason to wait.
        let _ = calls::shutdown_write(&self.0).and_then(|()| self.read_to_the_end());
        self.close();
    }

    /// Has the kernel ask a silent peer whether it is still there.
    fn keep_alive(&self) {
        // A conversation can do without, so an error is no reason to stop.
        let _ = calls::set_keepalive(&self.0, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES);
    }

    fn read_to_the_end(&self) -> io::Result<()> {
        let deadline = Instant::now() + LINGER;
        let mut buffer = [0; 1024];
        let mut left = LINGER;
        while !left.is_zero() {
            let count = uninterrupted(|| {
                left = deadline.saturating_duration_since(Instant::now());
                // Zero would be no limit. Reads at least once, also where somebody who steps
                // through the calls takes longer.
                calls::set_read_timeout(&self.0, left.max(Duration::from_millis(1)))?;
                calls::recv(&self.0, &mut buffer).map(<[u8]>::len)
            })?;
            if count == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Makes a system call again for as long as a signal interrupts it (EINTR of `signal(7)`), which
/// says nothing about the connection.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
