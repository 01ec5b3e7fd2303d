//! Runs the programs as whole processes, the way a learner does, with a time limit on every wait.

// Only the tests and tools of this workspace use it: plain names say enough, and panics end a test.
#![allow(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc)]
#![allow(clippy::must_use_candidate, clippy::return_self_not_must_use)]

mod cargo;
pub mod frame;
mod output;
mod peer;
mod process;
mod server;
pub mod strays;
mod terminal;
mod tool;

pub use cargo::{path_of, path_of_alias, programs};
pub use output::Output;
pub use peer::{Peer, came, late, poll};
pub use process::{Finished, LIMIT, Process, Program};
pub use server::{PAIRS, Server, address_where_nobody_listens, free_address, listening_socket};
pub use tool::{
    LEAVE_THREE_FILES_OPEN, browser, ends_with_us, ipv6, own_network, own_network_if_found,
    path_of_twin, python, python_if_found, strace, strace_if_found, unshare,
};
