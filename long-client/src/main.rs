//! The long-connection client: message and reply on one connection, forever.
//!
//! Terminal 1: `cargo run --bin long-server`
//! Terminal 2: `cargo run --bin long-client`
//! Its Python twin, call for call: `long_client.py`

use std::net::SocketAddr;
use std::process::ExitCode;

use common::{Error, Result, Socket, print};

fn main() -> ExitCode {
    common::long_client("TCP client connect", talk)
}

fn talk(address: SocketAddr, message: &str, count: u64) -> Result<()> {
    let client = Socket::tcp_for(address)?; // 1 create the socket
    client.connect(address)?; // 2 connect to the server
    let mut buffer = [0; 4096];
    // Forever, unless COUNT says how often.
    for _ in 0..count {
        client.send(message.as_bytes())?; // 3 talk with the server
        let reply = client.recv(&mut buffer)?;
        if reply.is_empty() {
            return Err(Error::no_reply()); // no bytes: the end of the stream
        }
        print(reply)?;
    }
    client.linger_and_close(); // 4 close the socket, once all replies have arrived
    Ok(())
}
