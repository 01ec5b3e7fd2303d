//! The lesson: real runs of the programs, step by step, on a page; and the texts of the project beside
//! it. `cargo lesson --help` says what it does.

mod by_itself;
mod kernel;
mod live;
mod page;
mod record;
mod scenario;
mod script;
mod sentence;
mod texts;
mod tool;

use std::process::ExitCode;

fn main() -> ExitCode {
    tool::main()
}
