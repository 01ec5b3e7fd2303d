//! The other side of a connection, which can do what the programs never do. Every wait is limited.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::run::{LIMIT, Unexpected, late, poll, quoted, words};

/// More bytes than any program sends on purpose.
const FLOOD: usize = 20_000;

/// One side of a connection, in place of a program.
pub struct Peer {
    /// `None` when this side has closed it.
    stream: Option<TcpStream>,
    limit: Duration,
}

impl Peer {
    /// Wraps a connection; every wait on it ends after `limit`.
    pub fn of(stream: TcpStream, limit: Duration) -> io::Result<Self> {
        // Where listening sockets do not block, accepted ones do not either on some systems.
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(limit))?;
        let stream = Some(stream);
        Ok(Self { stream, limit })
    }

    /// Connects to a server.
    pub fn connect(address: SocketAddr, limit: Duration) -> io::Result<Self> {
        Self::of(TcpStream::connect_timeout(&address, limit)?, limit)
    }

    /// Waits for a client.
    pub fn accept(listener: &TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let accepted = poll(LIMIT, || listener.accept().ok());
        Self::of(accepted.ok_or_else(|| late("no client", LIMIT))?.0, LIMIT)
    }

    /// Sets the limit of every wait from now on.
    pub fn limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Returns its socket, if it is open.
    pub fn stream(&self) -> io::Result<&TcpStream> {
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Returns this end's address, as the server prints it.
    pub fn name(&self) -> io::Result<String> {
        Ok(self.stream()?.local_addr()?.to_string())
    }

    pub fn send(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream()?.write_all(bytes.as_ref())
    }

    /// Sends without reading any reply, until the other side takes nothing more for a while.
    pub fn send_until_nothing_moves(&self) -> io::Result<()> {
        let a_while = Some(Duration::from_millis(300));
        self.stream()?.set_write_timeout(a_while)?;
        let begun = Instant::now();
        while self.send([b'x'; 4096]).is_ok() {
            if begun.elapsed() > self.limit {
                return Err(late("the other side takes more and more", self.limit));
            }
        }
        Ok(())
    }

    /// Half-closes: the other side sees the end of the stream.
    pub fn send_no_more(&self) -> io::Result<()> {
        self.stream()?.shutdown(Shutdown::Write)
    }

    /// Reads exactly these bytes.
    ///
    /// # Errors
    ///
    /// What came instead, an [`Unexpected`].
    pub fn expect(&self, expected: impl AsRef<[u8]>) -> io::Result<()> {
        let expected = expected.as_ref();
        let instead = |kind, got| Err(Unexpected::error(kind, quoted(expected), got));
        let (begun, mut got) = (Instant::now(), Vec::new());
        while got.len() < expected.len() {
            let mut bytes = vec![0; expected.len() - got.len()];
            match self.read_some(&mut bytes, begun, self.limit) {
                Ok(0) => return instead(ErrorKind::UnexpectedEof, then(&got, END)),
                Ok(count) => got.extend(&bytes[..count]),
                Err(error) => return instead(error.kind(), then(&got, &words(&error))),
            }
            if !expected.starts_with(&got) {
                self.gather(&mut got);
                return instead(ErrorKind::InvalidData, quoted(&got));
            }
        }
        Ok(())
    }

    /// Takes what else has come, to show more than the beginning.
    fn gather(&self, got: &mut Vec<u8>) {
        let mut bytes = [0; 100];
        let more = self.read_some(&mut bytes, Instant::now(), Duration::from_millis(20));
        got.extend(&bytes[..more.unwrap_or_default()]);
    }

    /// Reads the end of the stream.
    ///
    /// # Errors
    ///
    /// What came instead, an [`Unexpected`].
    pub fn expect_end(&self) -> io::Result<()> {
        let mut bytes = [0; 100];
        let (kind, got) = match self.read_some(&mut bytes, Instant::now(), self.limit) {
            Ok(0) => return Ok(()),
            Ok(count) => (ErrorKind::InvalidData, quoted(&bytes[..count])),
            Err(error) => (error.kind(), words(&error)),
        };
        Err(Unexpected::error(kind, END, got))
    }

    /// Reads what comes next.
    pub fn receive(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 4096];
        let count = self.read_some(&mut bytes, Instant::now(), self.limit)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Reads to the end of the stream; a flood, like a reset, is an error.
    pub fn rest(&self) -> io::Result<Vec<u8>> {
        self.rest_up_to(FLOOD)
    }

    /// Reads to the end of the stream; more bytes than these are an error.
    pub fn rest_up_to(&self, most: usize) -> io::Result<Vec<u8>> {
        let (mut rest, mut buffer, begun) = (Vec::new(), [0; 4096], Instant::now());
        loop {
            // Who sends much on a busy machine may need longer in all.
            let limit = self.limit.min((4 * self.limit).saturating_sub(begun.elapsed()));
            match self.read_some(&mut buffer, Instant::now(), limit) {
                Ok(0) => return Ok(rest),
                Ok(count) => rest.extend_from_slice(&buffer[..count]),
                Err(error) => {
                    let got = then(&rest, &words(&error));
                    return Err(Unexpected::error(error.kind(), END, got));
                }
            }
            if rest.len() > most {
                let got = quoted(&rest) + " and more without end";
                return Err(Unexpected::error(ErrorKind::InvalidData, END, got));
            }
        }
    }

    /// Returns whether nothing comes for this time, not even the end of the stream.
    pub fn hears_nothing_for(&self, time: Duration) -> bool {
        let heard = self.read_some(&mut [0; 1], Instant::now(), time);
        heard.is_err_and(|error| error.kind() == ErrorKind::TimedOut)
    }

    /// Reads once. The time limit counts from when the wait began, however often it is woken.
    fn read_some(&self, bytes: &mut [u8], begun: Instant, limit: Duration) -> io::Result<usize> {
        use ErrorKind::{Interrupted, TimedOut, WouldBlock};

        loop {
            // Reads at least once: it may have been stopped (Ctrl-Z) while the bytes came.
            let left = limit.saturating_sub(begun.elapsed());
            // Where it fails, both directions are shut (macOS), and reading does not wait.
            let _ = self.stream()?.set_read_timeout(Some(left.max(Duration::from_millis(1))));
            match self.stream()?.read(bytes) {
                Err(error) if matches!(error.kind(), Interrupted | WouldBlock | TimedOut) => {
                    if left.is_zero() {
                        return Err(late("nothing", limit));
                    }
                }
                result => return result,
            }
        }
    }

    /// Leaves: the other side sees the end of the stream.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// Leaves with a reset instead of an end of stream.
    pub fn reset(&mut self) -> io::Result<()> {
        SockRef::from(self.stream()?).set_linger(Some(Duration::ZERO))?;
        self.close();
        Ok(())
    }
}

const END: &str = "the end";

/// Says what came, and what then ended the wait.
fn then(got: &[u8], end: &str) -> String {
    if got.is_empty() { end.to_owned() } else { format!("{}, then {end}", quoted(got)) }
}
