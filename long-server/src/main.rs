//! The long-connection server: message and `ACK!` until the client leaves, one client at a time.
//!
//! Terminal 1: `cargo run --bin long-server`
//! Terminal 2: `cargo run --bin long-client`
//! Its Python twin, call for call: `long_server.py`

use std::net::SocketAddr;
use std::process::ExitCode;

use common::{Result, Socket, printable};
use log::{info, warn};

fn main() -> ExitCode {
    common::server("long-server", serve)
}

fn serve(address: SocketAddr, backlog: i32) -> Result<()> {
    let listener = Socket::tcp_for(address)?; // 1 create the socket
    listener.bind(address)?; // 2 bind it to an IP address and a port
    listener.listen(backlog)?; // 3 listen for clients
    info!("listening on {}", listener.address()?);
    loop {
        let (client, peer) = listener.accept(); // 4 accept a client: a new socket, for it alone
        info!("Accepted connection from: {peer}");
        match handle_client(client) {
            Ok(()) => info!("Closed connection from: {peer}"),
            Err(error) => warn!("{peer}: {error}"),
        }
    } // 6 close the listening socket: never reached, the end of the program closes it
}

fn handle_client(client: Socket) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let message = client.recv(&mut buffer)?; // 5 talk with the client
        if message.is_empty() {
            break; // no bytes: the end of the stream, the client sends no more
        }
        info!("Received: {}", printable(message));
        client.send(b"ACK!")?;
        info!("Sended: ACK!");
    }
    client.close(); // 6 close the client's socket: the listening socket stays open
    Ok(())
}
