//! Where the Python twins are, and where they listen.

/// Gives the path of the Python twin of one of the four programs, such as `short-server`.
pub fn path_of_twin(program: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    format!("{root}/{program}/{}.py", program.replace('-', "_"))
}

/// Chooses an address of loopback that is free, for a twin, which cannot say what the kernel chose.
pub fn free_address() -> String {
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = reserved.local_addr().expect("it is bound");
    address.to_string()
}
