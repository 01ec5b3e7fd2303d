//! `cargo compare`: its command line, its verdict, and what it leaves behind.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::NamedTempFile;

use support::run::{
    Finished, LIMIT, Program, listening_socket, or_skip, path_of_alias, poll, proc, python, strace,
};

const FAULTY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/checks/commands/faulty.py");

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

#[test]
fn compare_names_what_is_wrong_with_its_command_line() {
    let usage = "usage: cargo compare [--json] [PROGRAM [COMMAND...]]\n";
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

/// Compares the faulty program, under a shell that finds FILE and ADDRESS in `$0` and `$1`.
fn compare_faulty(program: &str, fault: &str, before: &str, file: &Path) -> Option<Program> {
    or_skip("strace", strace())?;
    let python = or_skip("Python", python())?.into_string().ok()?;
    let script = format!("{before} exec '{python}' '{FAULTY}' {program} '{fault}' \"$1\"");
    Some(compare_script(program, &script, file))
}

#[test]
fn compare_judges_a_program_of_ones_own_in_the_last_column() {
    for (fault, status, count) in [("none", 0, "11 of 11"), ("ends with 1", 1, "10 of 11")] {
        let Some(compared) = compare_faulty("short-client", fault, "", Path::new("")) else {
            return;
        };
        let finished = compared.run();
        assert_eq!((finished.status, finished.stderr.as_str()), (Some(status), ""));
        let row = finished.stdout.lines().find(|line| line.starts_with("ends with status 0"));
        let row = row.expect("the table has this row");
        let expected = "no: expected exit status: 0, got exit status: 1";
        assert_eq!(row.ends_with(expected), status == 1, "{row}");
        assert!(finished.stdout.contains(&format!("\nshort-client: {count} rows hold\n")));
    }
}

#[test]
fn compare_says_once_what_shows_in_every_row() {
    let Some(compared) = compare_faulty("short-client", "says otherwise", "", Path::new("")) else {
        return;
    };
    let stdout = compared.run().stdout;
    let first = "no: expected \"i am TCP client\", got \"hello\"\n";
    assert_eq!(stdout.matches(first).count(), 1, "{stdout}");
    assert_eq!(stdout.matches("not judged: see the first row\n").count(), 9, "{stdout}");
}

#[test]
fn compare_prints_an_object_a_line_for_scripts() {
    if or_skip("strace", strace()).is_none() {
        return;
    }
    let finished = compare().args(["--json", "short-client"]).run();
    assert_eq!(finished.status, Some(0), "{finished:?}");
    let in_rust = r#"","subject":"Rust","verdict":"yes","expected":"","got":""}"#;
    let lines = finished.stdout.lines().filter(|line| line.ends_with(in_rust));
    assert_eq!(lines.count(), 11, "{}", finished.stdout);
    let twin = r#"{"program":"short-client","row":"the server closes without a reply: the same","subject":"Python","verdict":"no","expected":"status not 0","got":"exit status: 0"}"#;
    assert!(finished.stdout.contains(twin) || python().is_none(), "{}", finished.stdout);
}

#[test]
fn compare_judges_nothing_where_the_address_is_built_in() {
    let Some(python) = or_skip("Python", python()) else {
        return;
    };
    let (_listener, address) = listening_socket();
    let port = address.rsplit(':').next().expect("it has a port");
    let server =
        "import socket; s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); s.accept()";
    let taken = format!("import socket; socket.socket().bind(('127.0.0.1', {port}))");
    let client = format!("import socket; socket.socket().connect(('127.0.0.1', {port}))");
    let hint = "with an ADDRESS such as 127.0.0.1:";
    let line = r#"in Python:
    host, port = sys.argv[-1].rsplit(":", 1); port = int(port)"#;
    for (program, script, problem) in [
        ("short-server", server, "it listens on 0.0.0.0:0, not on the ADDRESS it was given"),
        (
            "short-server",
            &taken,
            &format!("it listens on {address} (Address already in use), not on"),
        ),
        ("short-client", &client, &format!("it connects to {address}, not to the ADDRESS")),
        (
            "short-client",
            "import sys; sys.argv[2]",
            "it ends before it connects: traceback: IndexError",
        ),
    ] {
        let finished = compare().args([program]).args([&python]).args(["-c", script]).run();
        assert_eq!((finished.status, finished.stdout.as_str()), (Some(2), ""));
        for text in [problem, hint, line] {
            assert!(finished.stderr.contains(text), "{text}: {}", finished.stderr);
        }
    }
}

#[test]
fn compare_cuts_a_line_of_60_000_escapes() {
    let Some(compared) = compare_faulty("short-client", "screams", "", Path::new("")) else {
        return;
    };
    let stdout = compared.run().stdout;
    assert!(stdout.contains(r"no: \u{1b}"), "{stdout}");
    let longest = stdout.lines().map(str::len).max();
    assert!(longest < Some(200), "{longest:?}");
}

#[test]
fn compare_stops_when_it_cannot_write() {
    let file = NamedTempFile::new().expect("a file can be made");
    let full = File::create("/dev/full").expect("Linux has it");
    let started = "echo started >>\"$0\";";
    let Some(compared) = compare_faulty("short-client", "none", started, file.path()) else {
        return;
    };
    let problem = "cannot write to standard output: No space left on device (os error 28)";
    let failure = Finished::failure(1, &format!("error: {problem}\n"));
    assert_eq!(compared.stdout(full).run(), failure);
    assert!(lines_of(file.path()).len() < 11, "all rows were tried");
}

#[test]
fn compare_lets_the_daemon_of_one_row_live_while_others_end() {
    let daemon = format!("(setsid python3 '{FAULTY}' short-server none \"$1\" &); exec sleep 1000");
    if or_skip("Python", python()).is_none() || or_skip("strace", strace()).is_none() {
        return;
    }
    let mut compared = compare_script("short-server", &daemon, Path::new("")).start();
    compared.end_within(2 * LIMIT); // nineteen rows on a busy machine
    let compared = compared.finish();
    for name in ["a client leaves: serves the next", "descriptors run out: loses nobody"] {
        let mut lines = compared.stdout.lines();
        let row = lines.find(|line| line.starts_with(name)).expect("there is such a row");
        assert!(row.ends_with("  yes"), "{row}");
    }
}

#[test]
fn compare_does_not_pass_what_it_could_not_try() {
    if or_skip("Python", python()).is_none() || or_skip("strace", strace()).is_none() {
        return;
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 24; exec \"$0\" \"$@\""]);
    let compared = compare().args(["short-client"]).under(shell).run();
    let shortage = "error: not every row was tried: this machine lacks descriptors\n";
    assert_eq!((compared.status, compared.stderr.as_str()), (Some(3), shortage));
    assert!(compared.stdout.contains("not tried: this machine lacks descriptors"));
}

#[test]
fn compare_does_not_count_the_time_in_which_it_was_stopped() {
    let file = NamedTempFile::new().expect("a file can be made");
    let started = "echo started >>\"$0\";";
    let Some(compared) = compare_faulty("short-client", "none", started, file.path()) else {
        return;
    };
    let compared = compared.start();
    poll(LIMIT, || (lines_of(file.path()).len() >= 5).then_some(())).expect("it runs them");
    compared.signal(Signal::STOP);
    thread::sleep(Duration::from_secs(7)); // longer than any row waits
    compared.signal(Signal::CONT);
    let finished = compared.finish();
    assert_eq!(finished.status, Some(0), "{finished:?}");
}

#[test]
#[ignore = "a minute passes: cargo test -- --ignored"]
fn compare_does_not_pass_a_program_that_is_too_slow() {
    let Some(compared) = compare_faulty("short-server", "is slow", "", Path::new("")) else {
        return;
    };
    let mut compared = compared.start();
    // The program's minute, its trial before, and what is under way at its end.
    let ended = compared.end_within(Duration::from_secs(80));
    assert_eq!(ended.and_then(|status| status.code()), Some(1));
    let stdout = compared.finish().stdout;
    assert!(stdout.contains("not tried: too slow\n"), "{stdout}");
}

#[test]
fn compare_ends_a_daemon_too() {
    let file = NamedTempFile::new().expect("a file can be made");
    let script = "setsid sh -c 'echo $$ >>\"$0\"; sleep 1000' \"$0\" & sleep 0.2";
    assert_eq!(compare_script("short-server", script, file.path()).run().status, Some(2));
    assert!(!lines_of(file.path()).is_empty());
    assert_eq!(proc::count_with(&file.path().display().to_string()), 0);
}
