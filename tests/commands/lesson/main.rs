//! Runs the programs step by step, records what really happens, and writes one page that shows it:
//! `cargo lesson [FILE [SERVER CLIENT]]`.

#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod narration;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod own;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod recorder;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod sentence;
#[cfg(target_os = "linux")]
mod source;
#[cfg(target_os = "linux")]
mod started;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod tool;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    tool::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    support::command_line::tell("error: this system cannot record; open docs/lesson.html instead");
    ExitCode::FAILURE
}
