//! A client of the tests' own, which can do what the programs never do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::LIMIT;

/// More bytes than any server sends on purpose.
const FLOOD: u64 = 1_000_000;

/// Is a connected client; every wait of it is limited.
pub struct Client(TcpStream);

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect_timeout(&address, LIMIT).expect("the server is reached"))
    }

    /// Connects with a small receive buffer, so that a server whose replies are not read has to wait.
    pub fn connect_with_little_room(address: SocketAddr) -> Self {
        let socket = new_socket(address);
        socket
            .set_recv_buffer_size(4096)
            .expect("the kernel takes any size");
        socket
            .connect_timeout(&address.into(), LIMIT)
            .expect("the server is reached");
        Self::of(socket.into())
    }

    /// Begins to connect, and does not wait until that is done: the first `send` does.
    pub fn start_to_connect(address: SocketAddr) -> Self {
        let socket = new_socket(address);
        socket
            .set_nonblocking(true)
            .expect("a socket can be told not to block");
        let _ = socket.connect(&address.into()); // says that it is in progress
        socket
            .set_nonblocking(false)
            .expect("a socket can be told to block");
        Self::of(socket.into())
    }

    /// Takes the other side: waits for one of the client programs.
    pub fn accept(listener: &TcpListener) -> Self {
        Self::of(listener.accept().expect("the client comes").0)
    }

    fn of(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(LIMIT))
            .expect("the limit is not zero");
        stream
            .set_write_timeout(Some(LIMIT))
            .expect("the limit is not zero");
        Self(stream)
    }

    /// Gives this end's address, as the server prints it.
    pub fn name(&self) -> String {
        self.0
            .local_addr()
            .expect("a connected socket has an address")
            .to_string()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0
            .write_all(bytes.as_ref())
            .expect("the server takes it");
    }

    /// Sends what may find nobody there any more.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    /// Sends without reading any reply, until the server takes nothing more for a while.
    pub fn send_until_nothing_moves(&mut self) {
        let a_while = Some(Duration::from_millis(300));
        self.0
            .set_write_timeout(a_while)
            .expect("the time is not zero");
        while self.try_send([b'x'; 4096]).is_ok() {}
    }

    /// Half-closes: the server sees the end of the stream.
    pub fn send_no_more(&self) {
        self.0
            .shutdown(Shutdown::Write)
            .expect("the connection is open");
    }

    /// Reads exactly this reply.
    #[track_caller]
    pub fn expect(&mut self, reply: &str) {
        let mut bytes = vec![0; reply.len()];
        self.0.read_exact(&mut bytes).expect("the server replies");
        assert_eq!(String::from_utf8_lossy(&bytes), reply);
    }

    /// Waits until something comes, and reads it.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let count = self.read_some(&mut bytes).expect("the other side sends");
        bytes.truncate(count);
        bytes
    }

    /// Reads to the end of the stream, or to a flood; a reset is an error.
    pub fn read_to_end(&mut self) -> io::Result<String> {
        let mut rest = String::new();
        (&self.0).take(FLOOD).read_to_string(&mut rest)?;
        Ok(rest)
    }

    /// Says whether nothing comes for so long.
    pub fn hears_nothing_for(&mut self, time: Duration) -> bool {
        self.0
            .set_read_timeout(Some(time))
            .expect("the time is not zero");
        let heard = self.read_some(&mut [0; 1]);
        self.0
            .set_read_timeout(Some(LIMIT))
            .expect("the limit is not zero");
        heard.is_err_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            )
        })
    }

    /// Reads once. A read with a time limit is interrupted whenever a child of the tests ends.
    fn read_some(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Closes with a reset instead of an end of stream.
    pub fn reset(self) {
        let at_once = Some(Duration::ZERO);
        SockRef::from(&self.0)
            .set_linger(at_once)
            .expect("a socket can be told to reset");
    }
}

fn new_socket(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
    socket.expect("a descriptor is left")
}

/// Sends this, half-closes, and gives all that comes until the server's end of stream; a reset on
/// the way is an error.
pub fn exchange(address: SocketAddr, message: &[u8]) -> io::Result<String> {
    let mut client = Client::connect(address);
    client.try_send(message)?;
    client.0.shutdown(Shutdown::Write)?;
    client.read_to_end()
}
