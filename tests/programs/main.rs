//! The tests of the four programs: whole processes, real sockets, exact bytes.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../rows/mod.rs"]
mod rows;

mod bytes;
mod command_line;
mod compare;
mod crowd;
mod demo;
mod differences;
mod documents;
mod injected_errors;
mod narration;
mod output;
mod pairs;
mod rows_hold;
mod stepping;
mod survival;
