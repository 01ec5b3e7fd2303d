//! Runs the programs as whole processes, the way a learner does, with a time limit on every wait.

mod cargo;
mod guard;
mod invocation;
pub mod narrated;
mod output;
mod peer;
pub mod proc;
mod process;
mod program;
mod server;
pub mod sockets;
mod system;
mod terminal;
mod unexpected;
mod wait;

pub use cargo::{build_programs, path_of, path_of_alias, programs};
pub use guard::contained;
pub use invocation::{Edition, Invocation, PAIRS, PROGRAMS, path_of_twin};
pub use output::{Output, PROMPT_END};
pub use peer::Peer;
pub use process::{Finished, Process};
pub use program::Program;
pub use server::{
    Server, address_where_nobody_listens, free_address, listening_on, listening_socket,
};
pub use system::{
    LEAVE_THREE_FILES_OPEN, NO_PYTHON, browser, ipv6, or_skip, own_machine_if_found, own_network,
    own_network_if_found, python, strace, unshare,
};
pub use unexpected::{Unexpected, quoted, words};
pub use wait::{LIMIT, late, poll};
