//! The place of a server: one that the tests play themselves, and one that nobody fills.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// Listens on a port that the kernel chooses, and gives the address too.
pub fn listening_socket() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    (listener, address)
}

/// Reserves an address with a socket that is bound but does not listen.
pub fn address_where_nobody_listens() -> (String, Socket) {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("TCP is there");
    socket
        .bind(&any_port.into())
        .expect("loopback has free ports");
    let bound = socket.local_addr().expect("it is bound").as_socket();
    (bound.expect("it is an IP address").to_string(), socket)
}
