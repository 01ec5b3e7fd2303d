//! The short-connection server: one message, one `ACK!`, and the connection ends.
//!
//! Terminal 1: `cargo run --bin short-server`
//! Terminal 2: `cargo run --bin short-client`
//! Its Python twin, call for call: `short_server.py`

use std::net::SocketAddr;
use std::process::ExitCode;

use common::{Result, Socket, printable, start_thread};
use log::info;

fn main() -> ExitCode {
    common::server("short-server", serve)
}

fn serve(address: SocketAddr, backlog: i32) -> Result<()> {
    let listener = Socket::tcp_for(address)?; // 1 create the socket
    listener.bind(address)?; // 2 bind it to an IP address and a port
    listener.listen(backlog)?; // 3 listen for clients
    info!("listening on {}", listener.address()?);
    loop {
        let (client, peer) = listener.accept(); // 4 accept a client: a new socket, for it alone
        info!("Accepted connection from: {peer}");
        start_thread(peer, || handle_client(client));
    } // 6 close the listening socket: never reached, the end of the program closes it
}

fn handle_client(client: Socket) -> Result<()> {
    let mut buffer = [0; 1024];
    let message = client.recv(&mut buffer)?; // 5 talk with the client
    info!("Received: {}", printable(message)); // empty if the client just left, as in Python
    client.send(b"ACK!")?;
    client.linger_and_close(); // 6 close the client's socket, once the reply has arrived
    Ok(())
}
