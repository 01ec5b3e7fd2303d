//! A client of the tests, which fail where it does.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::LIMIT;
use super::peer::Peer;

/// A connected client, or a server that one of the client programs talks with.
pub struct Client(Peer);

impl Client {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self(Peer::connect(address, LIMIT).expect("the server is reached"))
    }

    /// Connects with a small receive buffer, so that a server whose replies are not read has to wait.
    pub fn connect_with_little_room(address: SocketAddr) -> Self {
        let socket = new_socket(address);
        socket.set_recv_buffer_size(4096).expect("the kernel takes any size");
        socket.connect_timeout(&address.into(), LIMIT).expect("the server is reached");
        Self::of(socket)
    }

    /// Begins to connect, and does not wait until that is done: the first `send` does.
    pub fn start_to_connect(address: SocketAddr) -> Self {
        let socket = new_socket(address);
        socket.set_nonblocking(true).expect("a socket can be told not to block");
        let _ = socket.connect(&address.into()); // says that it is in progress
        Self::of(socket)
    }

    /// Takes the other side: waits for one of the client programs.
    #[track_caller]
    pub fn accept(listener: &TcpListener) -> Self {
        Self(Peer::accept(listener, LIMIT).expect("the client comes"))
    }

    fn of(socket: Socket) -> Self {
        Self(Peer::of(socket.into(), LIMIT).expect("a socket can be told how long to wait"))
    }

    /// Returns this end's address, as the server prints it.
    pub fn name(&self) -> String {
        self.0.name().expect("a connected socket has an address")
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes).expect("the server takes it");
    }

    /// Sends what may find nobody there any more.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.send(bytes)
    }

    /// Sends without reading any reply, until the server takes nothing more for a while.
    pub fn send_until_nothing_moves(&mut self) {
        self.0.send_until_nothing_moves().expect("the time is not zero");
    }

    /// Half-closes: the server sees the end of the stream.
    #[track_caller]
    pub fn send_no_more(&mut self) {
        self.0.send_no_more().expect("the connection is open");
    }

    /// Reads exactly this reply.
    #[track_caller]
    pub fn expect(&mut self, reply: &str) {
        self.0.expect(reply).expect("the server replies");
    }

    /// Waits until something comes, and reads it.
    #[track_caller]
    pub fn receive(&mut self) -> Vec<u8> {
        self.0.receive().expect("the other side sends")
    }

    /// Reads to the end of the stream; a reset or a flood is an error.
    pub fn read_to_end(&mut self) -> io::Result<String> {
        self.0.rest().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns whether nothing comes for so long.
    pub fn hears_nothing_for(&mut self, time: Duration) -> bool {
        self.0.hears_nothing_for(time)
    }

    /// Closes with a reset instead of an end of stream.
    pub fn reset(mut self) {
        self.0.reset().expect("a socket can be told to reset");
    }
}

fn new_socket(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
    socket.expect("a descriptor is left")
}

/// Sends this, half-closes, and returns all that comes until the server's end of stream; a reset on
/// the way is an error.
pub fn exchange(address: SocketAddr, message: &[u8]) -> io::Result<String> {
    let mut client = Client::connect(address);
    client.try_send(message)?;
    client.0.send_no_more()?;
    client.read_to_end()
}
