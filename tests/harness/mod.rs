//! Runs the programs as whole processes, the way a learner does, with a time limit on every wait.

mod build;
mod client;
mod process;
mod server;

pub use build::path_of;
pub use client::{Client, exchange};
pub use process::{Finished, LIMIT, Process, Program, tool};
pub use server::Server;
