//! What some tests need of the system: commands, and IPv6.

use std::env;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Returns the path of the Python twin of one of the four programs, such as `short-server`.
pub fn path_of_twin(program: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    format!("{root}/{program}/{}.py", program.replace('-', "_"))
}

/// Runs the twins.
pub fn python() -> Option<Command> {
    found_or_skipped("python3", python_if_found())
}

/// Finds the interpreter itself, for `python3` can be a script that looks for it.
pub fn python_if_found() -> Option<Command> {
    static PYTHON: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let asked =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        let answer = String::from_utf8(asked.ok()?.stdout).ok()?;
        Some(PathBuf::from(answer.trim())).filter(|path| path.is_file())
    });
    PYTHON.as_ref().map(Command::new)
}

/// Traces system calls and makes them fail on purpose.
pub fn strace() -> Option<Command> {
    found_or_skipped("strace", strace_if_found())
}

/// Finds strace, where it may trace.
pub fn strace_if_found() -> Option<Command> {
    static WORKS: LazyLock<bool> =
        LazyLock::new(|| works("strace", &["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]));
    WORKS.then(|| Command::new("strace"))
}

/// Gives a program a file system of its own, in which a file can be replaced.
pub fn unshare() -> Option<Command> {
    found_or_skipped("unshare", unshare_if_found(&["--map-root-user", "--mount"]))
}

/// Ends a program with the thread that starts it, where the system has this. Nobody else can do so
/// when this process is killed.
pub fn ends_with_us() -> Option<Command> {
    const OPTIONS: [&str; 2] = ["--pdeathsig", "KILL"];
    static WORKS: LazyLock<bool> =
        LazyLock::new(|| works("setpriv", &[OPTIONS[0], OPTIONS[1], "true"]));
    let mut command = Command::new("setpriv");
    command.args(OPTIONS);
    WORKS.then_some(command)
}

/// Gives a network of its own to a command that is added as arguments, so that every port is free.
/// The command runs in place of this one.
pub fn own_network() -> Option<Command> {
    found_or_skipped("unshare or ip", own_network_if_found())
}

/// Finds what gives a network of its own to a command.
pub fn own_network_if_found() -> Option<Command> {
    let bring_up = format!("{LEAVE_THREE_FILES_OPEN}; ip link set lo up && exec \"$0\" \"$@\"");
    unshare_if_found(&["--map-root-user", "--net", "sh", "-c", &bring_up])
}

/// Has a shell close what `make` for example may have left open, so that the first socket is 3.
pub const LEAVE_THREE_FILES_OPEN: &str = "exec 3<&- 4<&-";

fn unshare_if_found(options: &[&str]) -> Option<Command> {
    let mut command = Command::new("unshare");
    command.args(options);
    works("unshare", &[options, &["true"]].concat()).then_some(command)
}

/// Shows pages, with `--headless`.
pub fn browser() -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| works(name, &["--version"]));
    found_or_skipped("chromium", found.map(Command::new))
}

/// Lets programs talk over IPv6.
pub fn ipv6() -> Option<()> {
    found_or_skipped("IPv6", TcpListener::bind("[::1]:0").ok().map(drop))
}

fn works(name: &str, trial: &[&str]) -> bool {
    let mut command = Command::new(name);
    command.args(trial).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Says that the test is skipped where something is not found. On Linux it fails instead where `CI`
/// is set.
fn found_or_skipped<T>(name: &str, found: Option<T>) -> Option<T> {
    if found.is_none() {
        assert!(
            env::var_os("CI").is_none() || cfg!(not(target_os = "linux")),
            "{name} is missing or not allowed"
        );
        // Past the test harness, which hides what a test prints unless it fails.
        let _ = writeln!(io::stderr(), "skipped: {name} is missing or not allowed");
    }
    found
}
