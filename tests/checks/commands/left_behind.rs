//! What the commands leave behind when they are killed: nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tempfile::{TempDir, tempdir};

use support::run::{LIMIT, Program, or_skip, path_of_alias, poll, proc, python};

/// Says that it listens, starts a daemon with neither its session nor its variables, and waits.
const SERVER: &str = r#"
import os, subprocess, time
print("[*] listening on 127.0.0.1:12345", flush=True)
daemon = "touch \"$0\"; sleep 1000"
subprocess.Popen(["/bin/sh", "-c", daemon, os.path.abspath("started")], env={}, start_new_session=True)
time.sleep(1000)
"#;

/// Prepares one of the commands in a folder with the server.
fn command(name: &str, arguments: &[&str]) -> (Program, TempDir) {
    let folder = tempdir().expect("a folder can be made");
    fs::write(folder.path().join("server.py"), SERVER).expect("it can be written");
    let files = folder.path().join("files");
    fs::create_dir(&files).expect("it can be made");
    let command = Program::of(Command::new(path_of_alias(name))).args(arguments);
    (command.in_folder(folder.path()).env("TMPDIR", files), folder)
}

/// Waits until a file tells that the daemon runs.
fn wait_for(file: &Path) {
    poll(LIMIT, || file.exists().then_some(())).expect("the daemon is started");
}

#[test]
fn no_command_leaves_a_daemon_behind_however_it_ends() {
    let Some(python) = or_skip("Python", python()).and_then(|python| python.into_string().ok())
    else {
        return;
    };
    for (name, arguments) in [
        ("demo", ["server.py", "server.py", ""]),
        ("compare", ["short-server", &python, "server.py"]),
        ("lesson", ["own.html", "server.py", "short-client"]),
    ] {
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let arguments: Vec<&str> =
                arguments.into_iter().filter(|word| !word.is_empty()).collect();
            let (command, folder) = command(name, &arguments);
            let command = command.start();
            wait_for(&folder.path().join("started"));
            let left = || proc::count_with(&folder.path().display().to_string());
            assert_ne!(left(), 0, "{name}");
            command.signal_alone(signal);
            command.finish();
            assert!(poll(LIMIT, || (left() == 0).then_some(())).is_some(), "{name}, {signal:?}");
            let mut files = fs::read_dir(folder.path().join("files")).expect("it is there");
            assert!(files.next().is_none(), "{name}, {signal:?}");
        }
    }
}

#[test]
fn guard_ends_what_a_killed_command_has_started_where_it_gets_no_namespace() {
    let Some(python) = or_skip("Python", python()) else {
        return;
    };
    let (command, folder) = command("demo", &[]);
    symlink("/bin/sh", folder.path().join("sh")).expect("it can be made");
    let server = folder.path().join("server.py");
    fs::write(&server, SERVER.replace("/bin/sh", "true")).expect("it can be written");
    // No unshare is found.
    let command = command.args([&server, &server]).env("PATH", folder.path()).env("PYTHON", python);
    let command = command.start();
    assert!(command.line().contains("server.py"));
    let runs = || proc::count_with(&server.display().to_string());
    poll(LIMIT, || (runs() == 3).then_some(())).expect("the demo and both programs run");
    command.signal_alone(Signal::KILL);
    command.finish();
    poll(LIMIT, || (runs() == 0).then_some(())).expect("they are ended");
}
