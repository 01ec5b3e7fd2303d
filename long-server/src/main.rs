//! The long-connection server: message and `ACK!` until the client leaves, one client at a time.
//!
//! Terminal 1: `cargo run --bin long-server`
//! Terminal 2: `cargo run --bin long-client`
//! Its Python twin, call for call: `long_server.py`

use std::process::ExitCode;

use common::{Address, Result, Socket, accept, close, listen, printable, recv, send};
use log::{info, warn};

fn main() -> ExitCode {
    common::server("long-server", serve)
}

fn serve(address: &Address, backlog: i32) -> Result<()> {
    // 1 create the socket, 2 bind it to an IP address and a port, 3 listen for clients
    let listener = listen(address, backlog)?;
    loop {
        // 4 accept a client, however long it takes: a second socket, for this client alone
        let (client, peer) = accept(&listener);
        info!("Accepted connection from: {peer}");
        let talked = talk(&client);
        // 6 close the client's socket; the listening socket stays open for the next client
        close(client);
        match talked {
            Ok(()) => info!("Closed connection from: {peer}"),
            Err(error) => warn!("{peer}: {error}"),
        }
    }
}

fn talk(client: &Socket) -> Result<()> {
    // 5 talk with the client
    let mut buffer = [0; 1024];
    loop {
        let message = recv(client, &mut buffer)?;
        if message.is_empty() {
            return Ok(()); // no bytes: the end of the stream, the client sends no more
        }
        info!("Received: {}", printable(message));
        send(client, b"ACK!")?;
        info!("Sended: ACK!");
    }
}
