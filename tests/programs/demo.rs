//! `cargo demo`: both terminals in one.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempPath;

use crate::harness::{Finished, Program, build, own_network, path_of_twin, python};

/// Starts the demo where the default address is free.
fn demo<const N: usize>(arguments: [&str; N]) -> Option<Program> {
    let mut command = own_network()?;
    command.arg(path_of_demo()).args(arguments);
    Some(Program::of(command))
}

pub(crate) fn path_of_demo() -> &'static PathBuf {
    static DEMO: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = build(&["--package", "tests", "--example", "demo"]);
        folder.expect("the demo compiles").join("examples/demo")
    });
    &DEMO
}

#[test]
fn demo_shows_both_sides_of_the_short_pair() {
    let Some(demo) = demo([]) else { return };
    let finished = demo.run();
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    let rule = "-".repeat(48);
    let rows = [
        ("short-server", "short-client"),
        (&rule, &rule),
        ("[*] listening on 127.0.0.1:12345", ""),
        ("[*] Accepted connection from: 127.0.0.1:*****", ""),
        ("[*] Received: i am TCP client", ""),
        ("", "ACK!"),
    ];
    let rows = rows.map(|(left, right)| {
        let gap = if left == rule { "-+-" } else { " | " };
        format!("{left:<48}{gap}{right}").trim_end().to_owned() + "\n"
    });
    assert_eq!(without_ports(&finished.stdout), rows.concat());
}

#[test]
fn demo_shows_causes_before_effects() {
    for (server, client) in [
        ("short-server", "short-client"),
        ("long-server", "long-client"),
    ] {
        let Some(demo) = demo([server, client]) else {
            return;
        };
        let shown = demo.env("RUST_LOG", "debug").run().stdout;
        let row = |beginning: &str, text: &str| {
            let found = shown.lines().position(|row| {
                row.split(" | ")
                    .any(|side| side.starts_with(beginning) && side.contains(text))
            });
            found.unwrap_or_else(|| panic!("no {beginning}…{text} in\n{shown}"))
        };
        let connected = row("[.] connect(3", " = 0");
        let accepted = row("[.] accept(3", " from ");
        let asked = row("[.] send(3", "TCP client");
        let question = row("[.] recv(4", "TCP client");
        let answered = row("[.] send(4", "ACK!");
        let answer = row("[.] recv(3", "ACK!");
        let left = row("[.] close(3)", "");
        let end_of_stream = row("[.] recv(4, 1024) = 0", "");
        let story = [
            connected,
            accepted,
            question,
            answered,
            answer,
            left,
            end_of_stream,
        ];
        assert!(story.is_sorted() && asked < question, "{shown}");
    }
}

#[test]
fn demo_ends_a_long_conversation_after_three_replies() {
    let Some(demo) = demo(["long-server", "long-client"]) else {
        return;
    };
    let finished = demo.run();
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    assert_eq!(finished.stdout.matches("Sended: ACK!").count(), 3);
    assert_eq!(
        finished
            .stdout
            .lines()
            .filter(|row| row.ends_with("| ACK!"))
            .count(),
        3
    );
    let last = finished.stdout.lines().last().expect("something is shown");
    assert!(last.starts_with("[*] Closed connection from: "), "{last}");
}

#[test]
fn demo_runs_every_pairing_of_both_languages() {
    if python().is_none() {
        return;
    }
    for kind in ["short", "long"] {
        let [servers, clients] = ["server", "client"].map(|role| {
            let program = format!("{kind}-{role}");
            [path_of_twin(&program), program]
        });
        for server in &servers {
            for client in &clients {
                let Some(demo) = demo([server, client]) else {
                    return;
                };
                let finished = demo.run();
                assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
                let replies = if kind == "long" { 3 } else { 1 };
                let shown = finished.stdout;
                assert_eq!(
                    shown.lines().filter(|row| row.ends_with("| ACK!")).count(),
                    replies
                );
                let message = shown
                    .find("[*] Received: ")
                    .expect("the server shows the message");
                assert!(
                    message < shown.find("| ACK!").expect("the client shows a reply"),
                    "{shown}"
                );
            }
        }
    }
}

#[test]
fn demo_wraps_what_is_wider_than_a_column() {
    let client = Script::new("echo 0123456789 | sed 's/.*/&&&&&& &/'");
    let Some(demo) = demo(["short-server", client.path()]) else {
        return;
    };
    let shown = demo.env("PYTHON", "sh").run().stdout;
    let digits = "0123456789".repeat(6);
    let (first, second) = digits.split_at(44);
    let wrapped = format!("{:48} | {first}\n{:48} |     {second} 0123456789\n", "", "");
    assert!(shown.ends_with(&wrapped), "{shown}");
}

#[test]
fn demo_tells_when_the_server_cannot_start() {
    // The client of the outer demo is another demo, which finds the port taken.
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let inner = format!(
        "{} >{} 2>&1",
        path_of_demo().display(),
        file.path().display()
    );
    let another = Script::new(&inner);
    let Some(demo) = demo(["long-server", another.path()]) else {
        return;
    };
    assert_eq!(demo.env("PYTHON", "sh").run().status, Some(1));
    let shown = fs::read_to_string(file.path()).expect("the inner demo has written");
    assert!(
        shown.contains("cannot listen on 127.0.0.1:12345"),
        "{shown}"
    );
    assert!(
        shown.ends_with("error: short-server cannot start\n"),
        "{shown}"
    );
}

#[test]
fn demo_tells_what_it_takes() {
    let usage = "usage: cargo demo [SERVER CLIENT]\n";
    for (arguments, problem) in [
        (
            vec!["short-server"],
            "it takes a server and a client, or nothing",
        ),
        (
            vec!["short-client", "short-client"],
            "short-client is neither short-server nor long-server nor a Python file",
        ),
        (
            vec!["short-server", "no_such_file.py"],
            "no_such_file.py is neither short-client nor long-client nor a Python file",
        ),
    ] {
        let finished = Program::of(Command::new(path_of_demo()))
            .args(arguments)
            .run();
        assert_eq!(
            finished,
            Finished::failure(2, &format!("error: {problem}\n{usage}"))
        );
    }
}

#[test]
fn interrupted_demo_leaves_no_process_behind() {
    let client = Script::new("echo here; exec sleep 1000");
    let Some(demo) = demo(["short-server", client.path()]) else {
        return;
    };
    let mut demo = demo.env("PYTHON", "sh").start();
    while !demo.line().ends_with("| here") {}
    let children = children_of(demo.id());
    assert_eq!(children.len(), 2);

    demo.interrupt();
    assert_eq!(demo.finish().status, Some(130));
    for child in children {
        assert!(!Path::new(&format!("/proc/{child}")).exists());
    }
}

fn children_of(process: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    children
        .collect::<String>()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// A file that the demo takes for a Python file, and `PYTHON=sh` runs.
struct Script(TempPath);

impl Script {
    fn new(commands: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".py").tempfile();
        let mut file = file.expect("a file can be made");
        writeln!(file, "{commands}").expect("the file can be written");
        Self(file.into_temp_path())
    }

    fn path(&self) -> &str {
        self.0
            .to_str()
            .expect("the folder for temporary files has a UTF-8 name")
    }
}

/// Replaces each port after `127.0.0.1:` that is not one of the documentation's, from 12340 on,
/// by as many characters as a port of the kernel's choice has.
pub(crate) fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |masked, part| {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        let port = if part.starts_with("1234") {
            &part[..part.len() - rest.len()]
        } else {
            "*****"
        };
        masked + "127.0.0.1:" + port + rest
    })
}
