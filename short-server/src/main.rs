//! The short-connection server: one message, one `ACK!`, and the connection ends.
//!
//! Terminal 1: `cargo run --bin short-server`
//! Terminal 2: `cargo run --bin short-client`
//! Its Python twin, call for call: `short_server.py`

use std::process::ExitCode;

use common::{Address, Result, Socket, accept, linger_and_close, listen, printable};
use common::{recv, send, start_thread};
use log::info;

fn main() -> ExitCode {
    common::server("short-server", serve)
}

fn serve(address: &Address, backlog: i32) -> Result<()> {
    // 1 create the socket, 2 bind it to an IP address and a port, 3 listen for clients
    let listener = listen(address, backlog)?;
    loop {
        // 4 accept a client, however long it takes: a second socket, for this client alone
        let (client, peer) = accept(&listener);
        info!("Accepted connection from: {peer}");
        // Only a thread of its own waits for this client: it calls talk(client)
        start_thread(peer, || talk(client));
    }
    // 6 close the listening socket: never reached, for the end of the program closes it
}

fn talk(client: Socket) -> Result<()> {
    // 5 talk with the client; one that leaves at once counts as an empty message, as in Python
    let mut buffer = [0; 1024];
    let message = recv(&client, &mut buffer)?;
    info!("Received: {}", printable(message));
    send(&client, b"ACK!")?;
    // 6 close the client's socket, but not over a reply that is still under way
    linger_and_close(client);
    Ok(())
}
