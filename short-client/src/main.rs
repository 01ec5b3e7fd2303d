//! The short-connection client: one message, one reply, and the connection ends.
//!
//! Terminal 1: `cargo run --bin short-server`
//! Terminal 2: `cargo run --bin short-client`
//! Its Python twin, call for call: `short_client.py`

use std::net::SocketAddr;
use std::process::ExitCode;

use common::{Error, Result, Socket, print};

fn main() -> ExitCode {
    common::short_client("i am TCP client", talk)
}

fn talk(address: SocketAddr, message: &str) -> Result<()> {
    let client = Socket::tcp_for(address)?; // 1 create the socket
    client.connect(address)?; // 2 connect to the server
    client.send(message.as_bytes())?; // 3 talk with the server
    let mut buffer = [0; 4096];
    let reply = client.recv(&mut buffer)?;
    if reply.is_empty() {
        return Err(Error::no_reply()); // no bytes: the end of the stream
    }
    print(reply)?;
    client.close(); // 4 close the socket
    Ok(())
}
