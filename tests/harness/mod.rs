//! Runs the programs as whole processes, the way a learner does, with a time limit on every wait.

// Most of the tests need Linux, and elsewhere much of this has no user.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod build;
mod client;
mod listener;
mod ports;
mod process;
mod server;
mod tool;
mod twin;
mod twin_path;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub use client::{Client, exchange};
pub use listener::{address_where_nobody_listens, listening_socket};
pub use ports::without_ports;
pub use process::{Finished, LIMIT, Process, Program};
pub use server::{Holdings, PAIRS, Server};
pub use tool::{own_network, python, strace, unshare};
pub use twin::Edition;
pub use twin_path::path_of_twin;

/// Returns the path of one of the workspace's programs, which is built first if it has to be.
pub fn path_of(program: &str) -> &'static Path {
    build::path_of(program).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Has cargo build programs, and returns their names and paths.
pub fn build(which: &[&str]) -> HashMap<String, PathBuf> {
    build::build(which).unwrap_or_else(|problem| panic!("{problem}"))
}
