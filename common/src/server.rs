//! What a server does before its conversations.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use log::{info, warn};

use crate::address::Address;
use crate::error::{Operation, Result};
use crate::socket::Socket;

/// How long a client may be silent before the kernel asks whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// The first pause after an `accept(2)` that failed, which doubles with every further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Creates a socket with `socket(2)`, binds it to the address with `bind(2)` and listens with
/// `listen(2)`, a server's steps 1 to 3, and logs where. At most `backlog` clients wait in the
/// listening socket's queue (Linux adds one).
///
/// # Errors
///
/// The name is unknown, or the address is in use, not allowed, or not of this machine.
pub fn listen(address: &Address, backlog: i32) -> Result<Socket> {
    let (listener, bound) = address.open(Operation::Listen, |address| {
        let listener = Socket::new(address)?;
        // On Windows the option would let another program take the port.
        if cfg!(not(windows)) {
            listener.set_reuse_address()?;
        }
        // Set once here, for the accepted sockets inherit it. A server can do without.
        let _ = listener.set_keepalive(KEEPALIVE_IDLE);
        listener.bind(address)?;
        listener.listen(backlog)?;
        let bound = listener.local_address()?;
        Ok((listener, bound))
    })?;
    info!("listening on {bound}");
    Ok(listener)
}

/// Waits for a client with `accept(2)`, step 4, and gives its connected socket and its address.
///
/// Never fails. A client that gave up in the queue is passed over. What else can go wrong, such
/// as no descriptor being left, passes: it is logged, and tried again after a pause of 5 ms that
/// doubles up to 1 s, while the clients wait in the queue.
#[must_use]
pub fn accept(listener: &Socket) -> (Socket, SocketAddr) {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};

    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept() {
            Ok(accepted) => return accepted,
            Err(error)
                if matches!(
                    error.kind(),
                    Interrupted | ConnectionAborted | ConnectionReset
                ) => {}
            Err(error) => {
                warn!("accept: {error}; trying again in {pause:?}");
                thread::sleep(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}
