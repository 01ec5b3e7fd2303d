//! `cargo compare`: its command line, its verdict, and what it leaves behind.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Finished, Program, path_of_alias, python, strace};

fn compare() -> Program {
    Program::of(Command::new(path_of_alias("compare")))
}

#[test]
fn compare_names_what_is_wrong_with_its_command_line() {
    let usage = "usage: cargo compare [PROGRAM [COMMAND...]]\n";
    let none = "is none of short-server, short-client, long-server, long-client";
    let missing = "./no-such-file: No such file or directory (os error 2)";
    for (arguments, problem) in [
        (vec!["ftp-server"], format!("ftp-server {none}")),
        (vec!["\u{1b}[31m"], format!("\\u{{1b}}[31m {none}")),
        (
            vec!["long-client", "./no-such-file"],
            format!("cannot start {missing}"),
        ),
    ] {
        let complaint = format!("error: {problem}\n{usage}");
        assert_eq!(
            compare().args(arguments).run(),
            Finished::failure(2, &complaint)
        );
    }
}

#[test]
fn compare_judges_a_program_of_ones_own_in_the_last_column() {
    let (Some(python), Some(_)) = (python(), strace()) else {
        return;
    };
    let faulty = concat!(env!("CARGO_MANIFEST_DIR"), "/programs/faulty.py");
    for (fault, status) in [("none", 0), ("ends with 1", 1)] {
        let compared = compare()
            .args(["short-client"])
            .args([python.get_program()]);
        let finished = compared.args([faulty, "short-client", fault]).run();
        assert_eq!(
            (finished.status, finished.stderr.as_str()),
            (Some(status), "")
        );
        let row = finished
            .stdout
            .lines()
            .find(|line| line.starts_with("ends with status 0"));
        let row = row.expect("the table has this row");
        assert_eq!(row.contains("no: it ended with exit"), status == 1, "{row}");
    }
}

#[test]
fn compare_ends_a_daemon_too() {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let script = "setsid sh -c 'echo $$ >>\"$0\"; exec sleep 1000' \"$0\" & sleep 0.2";
    let compared = compare()
        .args(["short-server", "sh", "-c", script])
        .args([file.path()]);
    assert_eq!(compared.run().status, Some(1));
    let daemons = fs::read_to_string(file.path()).expect("the daemons have written");
    assert!(daemons.lines().count() > 0);
    for daemon in daemons.lines() {
        assert!(!Path::new(&format!("/proc/{daemon}")).exists(), "{daemon}");
    }
}
