//! `cargo compare`: its command line, its verdict, and what it leaves behind.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tempfile::{NamedTempFile, tempdir};

use harness::{
    Finished, LIMIT, Program, listening_socket, or_skip, path_of_alias, poll, python, strace,
};

const FAULTY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/faulty.py");

fn compare() -> Program {
    Program::of(Command::new(path_of_alias("compare")))
}

/// Compares what a shell does; the script finds FILE and ADDRESS in `$0` and `$1`.
fn compare_script(program: &str, script: &str, file: &Path) -> Program {
    let compared = compare().args([program, "sh", "-c", script]);
    compared.args([file])
}

fn lines_of(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("the file is there");
    text.lines().map(str::to_owned).collect()
}

fn runs(process: &str) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

#[test]
fn compare_names_what_is_wrong_with_its_command_line() {
    let usage = "usage: cargo compare [PROGRAM [COMMAND...]]\n";
    let none = "is none of short-server, short-client, long-server, long-client";
    let missing = "No such file or directory (os error 2)";
    for (arguments, problem) in [
        (vec!["ftp-server"], format!("ftp-server {none}")),
        (vec!["\u{1b}[31m"], format!("\\u{{1b}}[31m {none}")),
        (vec!["long-client", "./no-such-file"], format!("cannot start ./no-such-file: {missing}")),
        (
            vec!["long-client", "python3 my_client.py"],
            format!(
                "cannot start python3 my_client.py: {missing}\n\
                 hint: leave out the quotes, so that each word is an argument of its own"
            ),
        ),
        (
            vec!["long-client", "Cargo.toml"],
            format!(
                "cannot start Cargo.toml: {missing}\n\
                 hint: put its interpreter in front, such as python3 Cargo.toml"
            ),
        ),
        (
            vec!["long-client", FAULTY],
            format!(
                "cannot start {FAULTY}: Permission denied (os error 13)\n\
                 hint: put its interpreter in front, such as python3 {FAULTY}"
            ),
        ),
    ] {
        let complaint = format!("error: {problem}\n{usage}");
        assert_eq!(compare().args(arguments).run(), Finished::failure(2, &complaint));
    }
}

#[test]
fn compare_explains_itself_after_the_name_of_a_program_too() {
    let help = compare().args(["--help"]).run();
    assert!(help.stdout.starts_with("usage: "), "{help:?}");
    assert_eq!(compare().args(["short-server", "--help"]).run(), help);
}

#[test]
fn compare_judges_a_program_of_ones_own_in_the_last_column() {
    let (Some(python), Some(_)) = (or_skip("Python", python()), or_skip("strace", strace())) else {
        return;
    };
    for (fault, status) in [("none", 0), ("ends with 1", 1)] {
        let compared = compare().args(["short-client"]).args([&python]);
        let finished = compared.args([FAULTY, "short-client", fault]).run();
        assert_eq!((finished.status, finished.stderr.as_str()), (Some(status), ""));
        let row = finished.stdout.lines().find(|line| line.starts_with("ends with status 0"));
        let row = row.expect("the table has this row");
        assert_eq!(row.contains("no: it ended with exit"), status == 1, "{row}");
    }
}

#[test]
fn compare_shows_a_programs_last_line_whole_where_there_is_no_terminal() {
    let reason = "a reason, and one that is longer than any column of a narrow table can be";
    let script = format!("echo '{reason}' >&2; exit 3");
    let compared = compare_script("short-client", &script, Path::new("")).run();
    let cell = format!("no: {reason} (exit status: 3)\n");
    assert!(compared.stdout.contains(&cell), "{}", compared.stdout);
}

#[test]
fn compare_cuts_a_line_of_60_000_escapes() {
    let script = "head -c 60000 /dev/zero | tr '\\0' '\\33' >&2";
    let compared = compare_script("short-client", script, Path::new("")).run();
    assert!(compared.stdout.contains(r"no: \u{1b}"), "{}", compared.stdout);
    let longest = compared.stdout.lines().map(str::len).max();
    assert!(longest < Some(200), "{longest:?}");
}

#[test]
fn compare_tells_of_a_server_that_ignores_its_address() {
    let Some(python) = or_skip("Python", python()) else {
        return;
    };
    let (listener, _) = listening_socket();
    let address = listener.local_addr().expect("it is bound");
    let script = format!("import socket; socket.socket().bind(('127.0.0.1', {}))", address.port());
    let compared = compare().args(["short-server"]).args([&python]);
    let stdout = compared.args(["-c", &script]).run().stdout;
    let cell = "no: it does not listen on ADDRESS, its last argument: OSError: [Errno 98]";
    assert!(stdout.contains(cell), "{stdout}");
}

#[test]
fn compare_stops_when_it_cannot_write() {
    let file = NamedTempFile::new().expect("a file can be made");
    let full = File::create("/dev/full").expect("Linux has it");
    let compared = compare_script("short-client", "echo started >>\"$0\"", file.path());
    let problem = "cannot write to standard output: No space left on device (os error 28)";
    let failure = Finished::failure(1, &format!("error: {problem}\n"));
    assert_eq!(compared.stdout(full).run(), failure);
    assert!(lines_of(file.path()).len() < 11, "all rows were tried");
}

#[test]
fn compare_lets_the_daemon_of_one_row_live_while_others_end() {
    let (Some(_), Some(_)) = (or_skip("Python", python()), or_skip("strace", strace())) else {
        return;
    };
    let daemon = format!("(setsid python3 '{FAULTY}' short-server none \"$1\" &); exec sleep 1000");
    let compared = compare_script("short-server", &daemon, Path::new("")).run();
    for name in ["a client leaves: serves the next", "descriptors run out: loses nobody"] {
        let mut lines = compared.stdout.lines();
        let row = lines.find(|line| line.starts_with(name)).expect("there is such a row");
        assert!(row.ends_with("  yes"), "{row}");
    }
}

#[test]
fn compare_blames_no_program_for_its_own_lack_of_descriptors() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 24; exec \"$0\" \"$@\""]);
    let compared = compare().args(["short-server"]).under(shell).run();
    assert_eq!((compared.status, compared.stderr.as_str()), (Some(0), ""));
    assert!(compared.stdout.contains("not tried: this machine is short of descriptors"));
}

#[test]
fn compare_ends_a_daemon_too() {
    let file = NamedTempFile::new().expect("a file can be made");
    let script = "setsid sh -c 'echo $$ >>\"$0\"; exec sleep 1000' \"$0\" & sleep 0.2";
    let compared = compare_script("short-server", script, file.path());
    assert_eq!(compared.run().status, Some(1));
    let daemons = lines_of(file.path());
    assert!(!daemons.is_empty());
    assert!(!daemons.iter().any(|daemon| runs(daemon)), "{daemons:?}");
}

#[test]
fn compare_leaves_nothing_behind_when_it_is_killed() {
    let script = "echo $$ >>\"$0\"; exec sleep 1000";
    let with_a_daemon = format!("setsid sh -c '{script}' \"$0\" & exec sleep 1000");
    for (signal, script) in
        [(Signal::INT, &*with_a_daemon), (Signal::QUIT, script), (Signal::KILL, script)]
    {
        let file = NamedTempFile::new().expect("a file can be made");
        let folder = tempdir().expect("a folder can be made");
        let compared = compare_script("short-server", script, file.path());
        // Whoever started the tests may ignore Ctrl-\, and programs inherit that.
        let mut not_ignored = Command::new("env");
        not_ignored.arg("--default-signal=QUIT");
        let compared = compared.under(not_ignored).env("TMPDIR", folder.path()).start();
        // The trial, and then the first three rows: the third one is traced.
        poll(LIMIT, || (lines_of(file.path()).len() >= 4).then_some(())).expect("it runs them");
        compared.signal(signal);
        compared.finish();
        let ended =
            poll(LIMIT, || (!lines_of(file.path()).iter().any(|id| runs(id))).then_some(()));
        assert!(ended.is_some(), "{signal:?} leaves programs behind");
        let mut left = fs::read_dir(folder.path()).expect("it is there");
        assert!(left.next().is_none(), "{signal:?} leaves files behind");
    }
}
