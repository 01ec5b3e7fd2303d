//! `cargo compare`: its command line, its verdict, and what it leaves behind.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use support::run::{
    Finished, LIMIT, Program, listening_socket, or_skip, path_of_alias, poll, python, strace,
    unshare,
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
    let usage =
        "usage: cargo compare [--json] [--points] [--first] [--row ROW] [PROGRAM [COMMAND...]]\n";
    let none = "is none of short-server, short-client, long-server, long-client";
    let missing = "No such file or directory (os error 2)";
    for (arguments, problem) in [
        (vec!["ftp-server"], format!("ftp-server {none}")),
        (vec!["--row"], "--row needs a ROW".to_owned()),
        (vec!["--row", "3"], "--row needs a PROGRAM".to_owned()),
        (vec!["--row", "12", "short-client"], "short-client has no row 12".to_owned()),
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
        let row = finished.stdout.lines().find(|line| line.contains("ends with status 0"));
        let row = row.expect("the table has this row");
        let expected = "no: expected exit status: 0, got exit status: 1";
        assert_eq!(row.ends_with(expected), status == 1, "{row}");
        assert!(finished.stdout.contains(&format!("\nshort-client: {count} rows hold\n")));
    }
}

#[test]
fn compare_says_the_cause_in_one_row_and_leads_to_it() {
    let Some(compared) = compare_faulty("short-client", "says anew", "", Path::new("")) else {
        return;
    };
    let stdout = compared.run().stdout;
    assert_eq!(stdout.matches("no: expected \"i am TCP client\", got ").count(), 1, "{stdout}");
    assert_eq!(stdout.matches("  see 1\n").count(), 9, "{stdout}");
    assert!(stdout.contains("\nBegin with row 1: expected \"i am TCP client\", got "), "{stdout}");
    assert!(stdout.ends_with("docs/rows.md#sends-its-message-takes-the-reply-and-closes\n"));
}

#[test]
fn compare_judges_with_the_programs_own_words_and_marks_it() {
    let (Some(python), Some(_)) = (or_skip("Python", python()), or_skip("strace", strace())) else {
        return;
    };
    for (row, cell) in [("1", r#"  no: expected "ACK!", got "ACK!\n""#), ("3", "  yes*")] {
        let compared = compare().args(["--row", row, "short-server"]).args([&python]);
        let stdout =
            compared.args([FAULTY, "short-server", "replies with a line break"]).run().stdout;
        let marked = format!("{cell}\n* with its own words, \"ACK!\\n\"\n");
        assert!(stdout.contains(&marked), "{stdout}");
    }
}

#[test]
fn compare_ends_at_the_first_no_or_tries_one_row() {
    if or_skip("strace", strace()).is_none() || or_skip("Python", python()).is_none() {
        return;
    }
    for (arguments, last) in [
        (["--first", "--points"], "\nshort-client: 4 of 5 rows hold, 65 of 75 points\n"),
        (["--row", "no server: a short error, status not 0"], "\nshort-client: 0 of 1 rows hold\n"),
        (["--row", "4"], "\nshort-client: 1 of 1 rows hold\n"),
    ] {
        let own = ["short-client", "python3", "short-client/short_client.py"];
        let compared = compare().args(arguments).args(own).in_folder(support::root());
        let stdout = compared.run().stdout;
        assert!(stdout.contains(last), "{stdout}");
    }
}

/// Runs with `--json`, and returns the object, its status among it.
fn object_of(compared: Program) -> Value {
    let finished = compared.run();
    assert_eq!((finished.stderr.as_str(), finished.stdout.matches('\n').count()), ("", 1));
    let object: Value = serde_json::from_str(&finished.stdout).expect("it is an object");
    assert_eq!(object["status"].as_i64(), finished.status.map(i64::from));
    object
}

#[test]
fn compare_prints_one_object_for_scripts_whatever_happens() {
    if or_skip("strace", strace()).is_none() {
        return;
    }
    let object = object_of(compare().args(["--json", "short-client"]));
    let table = &object["tables"][0];
    assert_eq!((table["hold"].as_i64(), table["points"].as_i64()), (Some(11), Some(100)));
    let twin = json!({"row": 6, "name": "the server closes without a reply: the same", "points": 5,
        "subject": "Python", "verdict": "no", "expected": "status not 0", "got": "exit status: 0"});
    let cells = table["cells"].as_array().expect("it has cells");
    assert!(cells.contains(&twin) || python().is_none(), "{table}");
    let object = object_of(compare().args(["--json", "short-server", "true"]));
    let why = "true is not judged: it ends before it listens: exit status: 0";
    assert!(object["why"].as_str().is_some_and(|text| text.starts_with(why)), "{object}");
    let object = object_of(compare().args(["--points", "--json", "ftp-server"]));
    assert_eq!(object["status"], 2);
}

#[test]
fn program_cannot_forge_a_verdict_by_what_it_prints() {
    let Some(compared) = compare_faulty("short-client", "forges", "", Path::new("")) else {
        return;
    };
    let stdout = compared.run().stdout;
    let lines = stdout.lines().filter(|line| line.starts_with("short-client: "));
    assert_eq!(lines.collect::<Vec<_>>(), ["short-client: 1 of 11 rows hold, 9 not judged"]);
    assert!(!stdout.contains("rows hold\\r\\u{1b}[2K  "), "{stdout}");
    assert!(stdout.contains("rows hold\\r\\u{1b}[2K yes\n"), "{stdout}");
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
    import sys; host, port = sys.argv[-1].rsplit(":", 1); port = int(port)"#;
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
fn compare_names_what_keeps_a_server_from_being_judged() {
    let (Some(python), Some(_)) = (or_skip("Python", python()), or_skip("strace", strace())) else {
        return;
    };
    let bind = "import socket, sys; host, port = sys.argv[-1].split(':'); s = socket.socket()\n\
                s.bind((host, int(port)))\n";
    let swapped = bind.replace("int(port)", "socket.htons(int(port))") + "s.listen(); s.accept()";
    let swapped_in_vain = swapped.replace("((host", "(('192.0.2.1'");
    let daemon = "import os\nif os.fork():\n    os.wait()\nos.setsid()\n".to_owned()
        + bind
        + "s.listen()\nwhile True:\n    s.accept()";
    for (script, problem) in [
        ("import sys; print(".to_owned(), "it ends before it listens: SyntaxError: "),
        ("sys.argv".to_owned(), "it ends before it listens: traceback: NameError: "),
        (swapped, "swapped\nhint: htons(port) "),
        (swapped_in_vain, "address): the two bytes of the port"),
        (bind.to_owned() + "s.listen; s.accept()", "and does not call listen: traceback: OSError"),
        (daemon, "it listens in a process that has left its session"),
    ] {
        let judged = compare().args(["short-server"]).args([&python]).args(["-c", &script]);
        let finished = judged.run();
        assert_eq!(finished.status, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(problem), "{problem}: {}", finished.stderr);
        assert!(!finished.stderr.contains("cargo compare starts it anew"), "{}", finished.stderr);
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
    assert!(longest < Some(300), "{longest:?}");
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
fn compare_does_not_blame_a_program_for_the_machine() {
    if or_skip("unshare", unshare()).is_none() {
        return;
    }
    let mut alone = Command::new("unshare"); // where no loopback interface is up
    alone.args(["--map-root-user", "--net"]);
    let finished = compare().args(["short-server"]).under(alone).run();
    assert_eq!(finished.status, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("lacks a loopback interface that works"), "{finished:?}");
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
