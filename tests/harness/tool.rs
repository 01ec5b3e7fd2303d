//! Commands of the system that some tests need.

use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Traces system calls and makes them fail on purpose.
pub fn strace() -> Option<Command> {
    tool("strace", &["-o", "/dev/null", "true"])
}

/// Runs the twins, a line at a time where they print into a pipe.
pub fn python() -> Option<Command> {
    let mut command = tool("python3", &["--version"])?;
    command.env("PYTHONUNBUFFERED", "1");
    Some(command)
}

/// Gives a program a file system of its own, in which a file can be replaced.
pub fn unshare() -> Option<Command> {
    tool("unshare", &["--map-root-user", "--mount", "true"])
}

/// Gives a network of its own to a command that is added as arguments, so that every port is free.
/// The command runs in place of this one.
pub fn own_network() -> Option<Command> {
    let bring_up = "ip link set lo up && exec \"$0\" \"$@\"";
    let mut command = tool(
        "unshare",
        &["--map-root-user", "--net", "sh", "-c", bring_up, "true"],
    )?;
    command.args(["--map-root-user", "--net", "sh", "-c", bring_up]);
    Some(command)
}

/// Gives a command if a trial of it succeeds. Otherwise says that the test is skipped, or fails
/// where `CI` is set.
fn tool(name: &str, trial: &[&str]) -> Option<Command> {
    let mut command = Command::new(name);
    command
        .args(trial)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if command.status().is_ok_and(|status| status.success()) {
        return Some(Command::new(name));
    }
    assert!(
        env::var_os("CI").is_none(),
        "{name} is missing or not allowed"
    );
    // Past the test harness, which hides what a test prints unless it fails.
    let _ = writeln!(io::stderr(), "skipped: {name} is missing or not allowed");
    None
}
