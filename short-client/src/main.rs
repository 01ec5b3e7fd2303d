//! The short-connection client: one message, one reply, and the connection ends.
//!
//! Terminal 1: `cargo run --bin short-server`
//! Terminal 2: `cargo run --bin short-client`
//! Its Python twin, call for call: `short_client.py`

use std::process::ExitCode;

use common::{Address, Error, Result, close, connect, print, recv, send};

fn main() -> ExitCode {
    common::short_client("short-client", "i am TCP client", talk)
}

fn talk(address: &Address, message: &str) -> Result<()> {
    // 1 create the socket, 2 connect to the server
    let client = connect(address)?;
    // 3 talk with the server
    send(&client, message.as_bytes())?;
    let mut buffer = [0; 4096];
    let reply = recv(&client, &mut buffer)?;
    if reply.is_empty() {
        return Err(Error::no_reply()); // no bytes: the end of the stream
    }
    print(reply)?;
    // 4 close the socket
    close(client);
    Ok(())
}
