//! What a client does before its conversation.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crate::address::Address;
use crate::error::{Operation, Result};
use crate::socket::Socket;

/// Creates a socket with `socket(2)` and connects it to the server with `connect(2)`, a client's
/// steps 1 and 2. Of a name's several addresses, each is tried in turn.
///
/// # Errors
///
/// The name is unknown, or no server listens at any of its addresses.
pub fn connect(address: &Address) -> Result<Socket> {
    address.open(Operation::Connect, |address| {
        let socket = Socket::new(address)?;
        connect_uninterrupted(&socket, address)?;
        Ok(socket)
    })
}

/// Connects also where a signal interrupts `connect(2)`: the kernel goes on connecting, so the
/// second call can find the socket connected, and fail of just that (EISCONN).
fn connect_uninterrupted(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let mut connected = socket.connect(address);
    while matches!(&connected, Err(error) if error.kind() == ErrorKind::Interrupted) {
        connected = socket.connect(address);
        if connected.is_err() && socket.peer_address().is_ok() {
            return Ok(());
        }
    }
    connected
}
