//! What the system has to have for some tests and tools: commands, and IPv6.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What is said where no Python is found.
pub const NO_PYTHON: &str = "no Python 3 is found (PYTHON can name one)";

/// Returns the Python 3 interpreter: what `PYTHON` names, or what is found.
pub fn python() -> Option<OsString> {
    static PYTHON: LazyLock<Option<OsString>> = LazyLock::new(|| {
        let named = env::var_os("PYTHON").filter(|name| !name.is_empty());
        named.or_else(|| ["python3", "python", "py -3"].into_iter().find_map(interpreter))
    });
    PYTHON.clone()
}

/// Returns the interpreter itself, for the command can be a script that looks for it.
fn interpreter(command: &str) -> Option<OsString> {
    // Python 2 takes this for a mistake.
    let question = "import sys; print(sys.executable, end='')";
    let mut words = command.split(' ');
    let mut asked = Command::new(words.next()?);
    let answer = asked.args(words).args(["-c", question]).output().ok()?;
    let path = String::from_utf8(answer.stdout).ok()?;
    (answer.status.success() && !path.is_empty()).then(|| path.into())
}

/// Returns the command that traces system calls and makes them fail on purpose, where it may.
pub fn strace() -> Option<Command> {
    static WORKS: LazyLock<bool> =
        LazyLock::new(|| works("strace", &["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]));
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "signal=none"]);
    WORKS.then_some(command)
}

/// Returns the command that gives another one processes of its own, where it may. All of them, daemons too, end with the
/// command, and with the thread that starts it.
pub fn own_processes() -> Option<Command> {
    // The shell stays, as the first process: the keys of the terminal do not reach that one.
    let shell = ["sh", "-c", "\"$0\" \"$@\"; exit $?"];
    let unshare = ["--pdeathsig", "KILL", "unshare"];
    // Root needs no users of its own, and can then start a program as another user.
    let users: [&[&str]; 2] = [&[], &["--map-root-user"]];
    let words = users.map(|users| [&unshare, users, &OWN_PROCESSES, &shell].concat());
    words.iter().find_map(|words| if_it_works("setpriv", words))
}

const OWN_PROCESSES: [&str; 4] = ["--pid", "--fork", "--kill-child", "--mount-proc"];

/// Returns the command that starts a program in a session of its own.
pub fn setsid() -> Option<Command> {
    static WORKS: LazyLock<bool> = LazyLock::new(|| works("setsid", &["true"]));
    WORKS.then(|| Command::new("setsid"))
}

/// Gives a program a file system of its own, in which a file can be replaced.
pub fn unshare() -> Option<Command> {
    or_skip("unshare", if_it_works("unshare", &["--map-root-user", "--mount"]))
}

/// Gives a network of its own to a command that is added as arguments, so that every port is free.
/// The command runs in place of this one.
pub fn own_network() -> Option<Command> {
    or_skip("unshare or ip", own_network_if_found())
}

/// Returns the command that gives a network of its own to another one, where it may.
pub fn own_network_if_found() -> Option<Command> {
    if_it_works("unshare", &["--map-root-user", "--net", "sh", "-c", &bring_up()])
}

/// Returns the command that gives a network and processes of its own to another one, where it may: it is the first of
/// them, and they end with it.
pub fn own_machine_if_found() -> Option<Command> {
    let words = ["--map-root-user", "--net"];
    if_it_works("unshare", &[&words[..], &OWN_PROCESSES, &["sh", "-c", &bring_up()]].concat())
}

fn bring_up() -> String {
    format!("{LEAVE_THREE_FILES_OPEN}; ip link set lo up && exec \"$0\" \"$@\"")
}

/// Has a shell close what `make` for example may have left open, so that the first socket is 3.
pub const LEAVE_THREE_FILES_OPEN: &str = "exec 3<&- 4<&-";

/// Returns a command that takes another one as its last arguments, where it works.
fn if_it_works(name: &str, words: &[&str]) -> Option<Command> {
    let mut command = Command::new(name);
    command.args(words);
    works(name, &[words, &["true"]].concat()).then_some(command)
}

/// Shows pages, with `--headless`.
pub fn browser() -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| works(name, &["--version"]));
    or_skip("chromium", found.map(Command::new))
}

/// Lets programs talk over IPv6.
pub fn ipv6() -> Option<()> {
    or_skip("IPv6", TcpListener::bind("[::1]:0").ok().map(drop))
}

fn works(name: &str, trial: &[&str]) -> bool {
    let mut command = Command::new(name);
    command.args(trial).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Says that the test is skipped where something is not found. On Linux it fails instead where `CI`
/// is set.
pub fn or_skip<T>(name: &str, found: Option<T>) -> Option<T> {
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
