//! The tests of the four programs: whole processes, real sockets, exact bytes.

#[path = "../harness/mod.rs"]
mod harness;

mod bytes;
mod command_line;
mod crowd;
mod demo;
mod differences;
mod documents;
mod injected_errors;
mod narration;
mod output;
mod pairs;
mod stepping;
mod survival;
mod twins;
