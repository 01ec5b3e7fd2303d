//! The long-connection client: message and reply on one connection, for ever.
//!
//! Terminal 1: `cargo run --bin long-server`
//! Terminal 2: `cargo run --bin long-client`
//! Its Python twin, call for call: `long_client.py`

use std::process::ExitCode;

use common::{Address, Error, Result, close, connect, print, recv, send};

fn main() -> ExitCode {
    common::long_client("long-client", "TCP client connect", talk)
}

fn talk(address: &Address, message: &str, count: u64) -> Result<()> {
    // 1 create the socket, 2 connect to the server
    let client = connect(address)?;
    // 3 talk with the server, without a pause; where no COUNT is given, it is beyond all reach
    let mut buffer = [0; 4096];
    for _ in 0..count {
        send(&client, message.as_bytes())?;
        let reply = recv(&client, &mut buffer)?;
        if reply.is_empty() {
            return Err(Error::no_reply()); // no bytes: the end of the stream
        }
        print(reply)?;
    }
    // 4 close the socket
    close(client);
    Ok(())
}
