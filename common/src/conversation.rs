//! What both sides do in a conversation.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use crate::error::{Error, Operation, Result};
use crate::socket::Socket;

/// How long a lingering close waits for the peer's end of the stream, in all.
const LINGER: Duration = Duration::from_secs(5);

/// Waits for bytes from the peer with `recv(2)` and gives those that came: at least one byte, at
/// most the size of the buffer, and none at the end of the stream.
///
/// A stream has no messages: what the peer sent at once can come in parts, and two of its sends
/// together.
///
/// # Errors
///
/// The connection broke: the peer has reset it, or is out of reach.
pub fn recv<'b>(socket: &Socket, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    loop {
        match socket.recv(buffer) {
            Ok(count) => return Ok(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::new(Operation::Recv, error)),
        }
    }
}

/// Sends all of the bytes with `send(2)`, which takes as many of them at a time as it has room for.
///
/// # Errors
///
/// The connection broke: the peer has closed or reset it, or is out of reach.
pub fn send(socket: &Socket, bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match socket.send(rest) {
            Ok(0) => return Err(Error::new(Operation::Send, ErrorKind::WriteZero.into())),
            Ok(sent) => rest = &rest[sent..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::new(Operation::Send, error)),
        }
    }
    Ok(())
}

/// Closes the socket with `close(2)`.
pub fn close(socket: Socket) {
    drop(socket);
}

/// Closes the socket so that what was sent last arrives, also where the peer sent more than was
/// read.
///
/// A `close(2)` over unread bytes resets the connection, and a reset can overtake the reply
/// (RFC 9112, section 9.6; RFC 1122, section 4.2.2.13). So this half-closes with `shutdown(2)`,
/// reads on until the peer has closed too, for at most 5 seconds, and only then closes.
pub fn linger_and_close(socket: Socket) {
    // An error means that the peer is gone, and so is the reason to wait.
    let _ = socket
        .shutdown_write()
        .and_then(|()| read_to_the_end(&socket));
    close(socket);
}

fn read_to_the_end(socket: &Socket) -> io::Result<()> {
    let deadline = Instant::now() + LINGER;
    let mut buffer = [0; 1024];
    loop {
        // Read at least once, also where a debugger or a reader of the narration takes time.
        let left = deadline.saturating_duration_since(Instant::now());
        socket.set_read_timeout(left.max(Duration::from_millis(1)))?;
        match socket.recv(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(_) | Err(_) if left.is_zero() => return Ok(()),
            Ok(_) | Err(_) => {}
        }
    }
}
