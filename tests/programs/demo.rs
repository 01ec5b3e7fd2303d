//! `cargo demo`: both terminals in one.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempPath;

use crate::harness::{
    Finished, LIMIT, Process, Program, own_network, path_of, path_of_alias, path_of_twin, python,
};

/// Prepares the demo where the default address is free.
fn demo<const N: usize>(arguments: [&str; N]) -> Option<Program> {
    let mut command = own_network()?;
    command.arg(path_of_alias("demo")).args(arguments);
    Some(Program::of(command).env("LC_ALL", "C.UTF-8"))
}

/// Prepares the demo with two scripts for the shell in place of Python's.
fn demo_of_scripts(server: &Script, client: &Script) -> Option<Program> {
    Some(demo([server.path(), client.path()])?.env("PYTHON", "sh"))
}

/// Divides a row of the demo into the server's side and the client's, whatever stands between them.
pub(crate) fn sides_of(row: &str) -> [&str; 2] {
    let gaps = [" | ", " ──► ", " ◄── ", " |"];
    let divided = gaps.iter().find_map(|gap| row.split_once(gap));
    let (left, right) = divided.unwrap_or((row.trim_end_matches(" ──►"), ""));
    [left.trim(), right.trim()]
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
            let is_it = |side: &str| side.starts_with(beginning) && side.contains(text);
            let found = shown
                .lines()
                .position(|row| sides_of(row).into_iter().any(is_it));
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
                let [message, reply] = ["[*] Received: ", "| ACK!"].map(|line| shown.find(line));
                assert!(message.is_some() && message < reply, "{shown}");
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
fn demo_shows_why_the_server_cannot_start_also_while_it_draws() {
    let taken = "exec 3< <(exec $0 2>&1) && read -u 3 && exec \"$@\"";
    for arguments in [&[][..], &["--svg", "/dev/null"]] {
        let Some(mut command) = own_network() else {
            return;
        };
        command.args(["bash", "-c", taken]);
        command.args([path_of("long-server"), path_of_alias("demo")]);
        let finished = Program::of(command).args(arguments).run();
        let cause = "error: cannot listen on 127.0.0.1:12345";
        assert!(finished.stdout.contains(cause), "{}", finished.stdout);
        let problem = "error: short-server cannot start\n";
        assert_eq!(
            (finished.status, finished.stderr.as_str()),
            (Some(1), problem)
        );
    }
}

#[test]
fn demo_tells_what_it_waits_for() {
    let client = Script::new("exec sleep 1000");
    let Some(demo) = demo(["short-server", client.path()]) else {
        return;
    };
    let demo = demo.env("PYTHON", "sh").start();
    let note = demo.stderr.line(LIMIT).expect("it is told in time");
    let note = String::from_utf8(note.expect("the demo goes on"));
    let wanted = format!(
        "note: waiting for {} to print or end; Ctrl-C ends the demo\n",
        client.path()
    );
    assert_eq!(note, Ok(wanted));
}

#[test]
fn demo_outlives_no_daemon_and_waits_for_none() {
    let client = Script::new("setsid sh -c 'echo daemon $$; exec sleep 1000' & sleep 0.2");
    let Some(demo) = demo(["short-server", client.path()]) else {
        return;
    };
    let finished = demo.env("PYTHON", "sh").run();
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    let (_, daemon) = finished.stdout.split_once("| daemon ").expect("it prints");
    let daemon = Path::new("/proc").join(daemon.trim());
    assert!(!daemon.exists(), "{} goes on", daemon.display());
}

#[test]
fn demo_tells_what_it_takes() {
    let usage = "usage: cargo demo [--svg FILE] [SERVER CLIENT]";
    let demo = || Program::of(Command::new(path_of_alias("demo")));
    let neither = "is neither short-server nor long-server nor a Python file";
    for (arguments, problem) in [
        (vec!["a"], "it takes a server and a client, or nothing"),
        (vec!["a", "b", "c\n"], r"too many arguments: 'c\n'"),
        (vec!["--svg"], "--svg takes a FILE"),
        (vec!["--sgv", "a"], "unknown option '--sgv'"),
        (vec!["\x1b[31m", "b"], &format!(r"\u{{1b}}[31m {neither}")),
        (
            vec!["short-server", "no_such_file.py"],
            "no_such_file.py is neither short-client nor long-client nor a Python file",
        ),
    ] {
        let expected = Finished::failure(2, &format!("error: {problem}\n{usage}\n"));
        assert_eq!(demo().args(arguments).run(), expected);
    }
    let not_utf8 = [OsStr::from_bytes(b"\xff"), OsStr::new("short-client")];
    let expected = Finished::failure(2, &format!("error: \\xff {neither}\n{usage}\n"));
    assert_eq!(demo().args(not_utf8).run(), expected);

    let help = demo().args(["--help"]).run();
    assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
    assert!(help.stdout.starts_with(usage), "{}", help.stdout);
}

#[test]
fn demo_of_a_program_that_does_not_compile_shows_why() {
    // A demo in a folder of its own builds beside itself, here with a source file exchanged.
    let folder = tempfile::tempdir().expect("a folder can be made");
    let examples = folder.path().join("debug/examples");
    fs::create_dir_all(&examples).expect("a folder can be made");
    let demo = examples.join("demo");
    fs::copy(path_of_alias("demo"), &demo).expect("a program can be copied");
    let edited = folder.path().join("edited.rs");
    fs::write(&edited, "fn main() { edited }").expect("a file can be written");
    let exchange = format!(
        "#!/bin/sh\nfor word do shift; case $word in (short-client/*.rs) word={};; esac\n\
         set -- \"$@\" \"$word\"; done; exec \"$@\"\n",
        edited.display()
    );
    let compiler = folder.path().join("compiler");
    fs::write(&compiler, exchange).expect("a file can be written");
    fs::set_permissions(&compiler, Permissions::from_mode(0o700)).expect("it is ours");

    // Cargo may take longer than anything else that is waited for.
    let mut demo = Command::new(demo);
    let output = demo.env("RUSTC_WORKSPACE_WRAPPER", &compiler).output();
    let output = output.expect("the demo starts");
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
    let shown = String::from_utf8(output.stderr).expect("the compiler writes UTF-8");
    assert!(shown.contains("cannot find value `edited`"), "{shown}");
    assert!(!shown.contains("panicked"), "{shown}");
    let last = "\nerror: the programs do not compile\n";
    assert!(shown.ends_with(last), "{shown}");
}

#[test]
fn demo_shows_the_lines_that_rust_log_asks_for() {
    for (asked, marks) in [
        ("off", vec![]),
        ("warn", vec![]),
        ("nonsense", vec!["[*]"]),
        ("info", vec!["[*]"]),
        ("debug", vec!["[*]", "[.]"]),
        ("trace", vec!["[ ]", "[*]", "[.]"]),
    ] {
        let Some(demo) = demo([]) else { return };
        let finished = demo.env("RUST_LOG", asked).run();
        assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
        let sides = finished.stdout.lines().skip(2).flat_map(sides_of);
        let (logged, plain): (Vec<_>, Vec<_>) = sides
            .filter(|side| !side.is_empty() && !side.starts_with("TCP_KEEP")) // a wrapped row
            .partition(|side| side.starts_with('['));
        let shown: BTreeSet<&str> = logged.iter().map(|side| &side[..3]).collect();
        assert_eq!(
            (shown, plain),
            (marks.into_iter().collect(), vec!["ACK!"]),
            "{asked}"
        );
    }
}

#[test]
fn demo_says_that_it_does_not_step() {
    let Some(demo) = demo([]) else { return };
    let finished = demo.env("STEP", "1").run();
    let note = "note: STEP is ignored, since stepping needs a terminal for each program\n";
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), note));
    assert!(finished.stdout.ends_with("| ACK!\n"), "{}", finished.stdout);
}

#[test]
fn demo_obeys_no_control_character_of_a_program() {
    let client = Script::new(r"printf '\033[31m\377 a\\b\n'; printf 'c\\d\r\n'");
    let Some(demo) = demo(["short-server", client.path()]) else {
        return;
    };
    let shown = demo.env("PYTHON", "sh").run().stdout;
    assert!(shown.contains(r"| \u{1b}[31m\xff a\\b"), "{shown}");
    assert!(shown.ends_with("| c\\d\n"), "{shown}");
}

/// A server that listens, as far as the demo can see.
fn server_that(commands: &str) -> Script {
    Script::new(&format!(
        "echo '[*] listening on 127.0.0.1:12345'; {commands}"
    ))
}

#[test]
fn demo_stops_a_client_after_its_third_line() {
    let client = Script::new("echo 1; echo 2; echo 3; exec sleep 1000");
    let server = server_that("exec sleep 1000");
    let Some(demo) = demo_of_scripts(&server, &client) else {
        return;
    };
    let finished = demo.run();
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    assert!(finished.stdout.ends_with("| 3\n"), "{}", finished.stdout);
}

#[test]
fn demo_shows_all_of_a_clients_exception() {
    let client = Script::new("printf 'Traceback (most recent call last):\n2\n3\n4\n'; exit 1");
    let server = server_that("exec sleep 1000");
    let Some(demo) = demo_of_scripts(&server, &client) else {
        return;
    };
    let finished = demo.run();
    assert_eq!(finished.status, Some(1));
    assert!(finished.stdout.ends_with("| 4\n"), "{}", finished.stdout);
}

#[test]
fn demo_of_a_server_that_prints_without_end_stays_small_and_ends() {
    let much = "exec yes \"$(printf '%4000d' 0)\"";
    let client = Script::new("exec sleep 1000");
    let server = server_that(much);
    let Some(demo) = demo_of_scripts(&server, &client) else {
        return;
    };
    let nowhere = fs::File::create("/dev/null").expect("it takes everything");
    let demo = demo.stdout(nowhere).start();
    let begun = Instant::now();
    while figure(&demo, "io", "rchar:") < 10_000_000 {
        assert!(begun.elapsed() < LIMIT, "it reads nothing");
        thread::yield_now();
    }
    let kilobytes = figure(&demo, "status", "VmHWM:");
    assert!(kilobytes < 20_000, "{kilobytes} KB");
    demo.interrupt();
    let interrupted = Instant::now();
    assert_eq!(demo.finish().status, Some(130));
    assert!(interrupted.elapsed() < Duration::from_secs(2));

    // A client that leaves ends it as well.
    let client = Script::new("echo here");
    let Some(demo) = demo_of_scripts(&server, &client) else {
        return;
    };
    let nowhere = fs::File::create("/dev/null").expect("it takes everything");
    assert_eq!(demo.stdout(nowhere).run().status, Some(0));
}

/// Reads a figure from a file that the kernel keeps of a process.
fn figure(process: &Process, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/{file}", process.id()));
    let text = text.expect("the process runs");
    let mut words = text.split_whitespace().skip_while(|word| *word != name);
    let figure = words.nth(1).unwrap_or("0"); // not there before the program is
    figure.parse().expect("it is a number")
}

#[test]
fn demo_ends_though_other_clients_go_on() {
    let knock = path_of("short-client");
    let knock = knock.display();
    let client = Script::new(&format!(
        "(while {knock}; do :; done) >/dev/null 2>&1 & exec {knock}"
    ));
    let Some(demo) = demo(["short-server", client.path()]) else {
        return;
    };
    assert_eq!(demo.env("PYTHON", "sh").run().status, Some(0));
}

#[test]
fn demo_orders_what_programs_without_narration_print() {
    // Each comes later than its effect.
    let server = server_that(
        "sleep 0.05; echo '[*] Received: hi'; sleep 0.05; echo '[*] Sended: ACK!'; exec sleep 1000",
    );
    let client = Script::new("echo ACK!; sleep 1");
    let Some(demo) = demo_of_scripts(&server, &client) else {
        return;
    };
    let shown = demo.run().stdout;
    let lines = ["Received: hi", "Sended: ACK!", "| ACK!"].map(|line| shown.find(line));
    assert!(lines.is_sorted() && lines[0].is_some(), "{shown}");
}

#[test]
fn demo_shows_no_server_ahead_of_its_client() {
    let server = server_that("while echo '[*] Received: hi'; do echo '[*] Sended: ACK!'; done");
    let client = Script::new("sleep 0.2; printf 'ACK!\nACK!\nACK!\n'; exec sleep 1000");
    let Some(demo) = demo_of_scripts(&server, &client) else {
        return;
    };
    let shown = demo.run().stdout;
    let rows: Vec<String> = shown
        .lines()
        .skip(3)
        .map(|row| sides_of(row).concat())
        .collect();
    let round = ["[*] Received: hi", "[*] Sended: ACK!", "ACK!"];
    assert_eq!(rows, round.repeat(3), "{shown}");
}

#[test]
fn demo_shows_three_rounds_in_order_whatever_the_pairing() {
    if python().is_none() {
        return;
    }
    let python = path_of_twin("long-client");
    for (client, level) in ["long-client", &python].into_iter().zip(["info", "debug"]) {
        for _ in 0..5 {
            let Some(demo) = demo(["long-server", client]) else {
                return;
            };
            let shown = demo.env("RUST_LOG", level).run().stdout;
            let story: String = shown
                .lines()
                .flat_map(sides_of)
                .filter_map(|side| match side {
                    "ACK!" => Some('a'),
                    "[*] Sended: ACK!" => Some('S'),
                    "[*] Received: TCP client connect" => Some('R'),
                    _ => None,
                })
                .collect();
            assert_eq!(story, "RSaRSaRSa", "{shown}");
        }
    }
}

#[test]
fn demo_draws_an_arrow_where_something_goes_to_the_other_side() {
    for (pair, expected) in [
        (
            ["short-server", "short-client"],
            "connect send | send shutdown | close",
        ),
        (
            ["long-server", "long-client"],
            "connect send | send | send | send | send | send | close | close",
        ),
    ] {
        for (locale, [to_client, to_server]) in
            [("C.UTF-8", [" ──►", " ◄── "]), ("C", [" -->", " <-- "])]
        {
            let Some(demo) = demo(pair) else { return };
            // LC_ALL goes before the others.
            let demo = demo.env("LC_ALL", locale).env("LANG", "C.UTF-8");
            let shown = demo.env("RUST_LOG", "debug").run().stdout;
            let mut story = String::new();
            let mut last = to_server;
            for row in shown.lines() {
                let (arrow, call) = match (row.strip_suffix(to_client), row.split_once(to_server)) {
                    (Some(call), _) => (to_client, call),
                    (None, Some((_, call))) => (to_server, call),
                    (None, None) => continue,
                };
                if arrow != last {
                    story += "| ";
                }
                last = arrow;
                let call = call
                    .strip_prefix("[.] ")
                    .and_then(|call| call.split_once('('));
                story = story + call.expect("an arrow stands beside a call").0 + " ";
            }
            assert_eq!(story.trim_end(), expected, "{shown}");
        }
    }
}

#[test]
fn demo_keeps_the_bar_in_a_narrow_terminal() {
    for (width, has_arrows) in [(80, false), (99, false), (100, true), (160, true)] {
        let Some(mut command) = own_network() else {
            return;
        };
        let demo = path_of_alias("demo");
        let demo = demo.display();
        let typed = format!("stty rows 30 cols {width}; RUST_LOG=debug LC_ALL=C exec {demo}");
        command.args(["script", "--quiet", "--command", &typed, "/dev/null"]);
        let shown = Program::of(command).run().stdout;
        assert_eq!(shown.contains(" <-- "), has_arrows, "{shown}");
        assert!(shown.lines().all(|row| row.len() <= width), "{shown}");
        assert!(shown.contains("ACK!"), "{shown}");
    }
}

#[test]
fn pictures_are_those_of_a_run() {
    for (file, pair) in [
        ("short.svg", ["short-server", "short-client"]),
        ("long.svg", ["long-server", "long-client"]),
    ] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let drawn = folder.path().join(file);
        let [server, client] = pair;
        let Some(demo) = demo([
            "--svg",
            drawn.to_str().expect("it is UTF-8"),
            server,
            client,
        ]) else {
            return;
        };
        assert_eq!(demo.run().status, Some(0));
        let drawn = fs::read_to_string(drawn).expect("the demo has drawn it");
        let kept = format!("{}/../docs/{file}", env!("CARGO_MANIFEST_DIR"));
        let kept = fs::read_to_string(kept).expect("it is there");
        assert_eq!(
            without_ports(&drawn),
            without_ports(&kept),
            "cargo demo --svg docs/{file} {server} {client}"
        );
        assert!(drawn.len() < 20_000);
    }
}

#[test]
fn demo_tells_where_it_cannot_draw() {
    let Some(demo) = demo(["--svg", "/no/such/folder.svg"]) else {
        return;
    };
    let problem = "cannot write /no/such/folder.svg: No such file or directory (os error 2)";
    let finished = demo.run();
    assert_eq!(
        (finished.status, finished.stderr),
        (Some(1), format!("error: {problem}\n"))
    );
}

#[test]
fn interrupted_demo_leaves_no_process_behind() {
    for signal in [Signal::INT, Signal::KILL] {
        let client = Script::new("echo here; exec sleep 1000");
        let Some(demo) = demo(["short-server", client.path()]) else {
            return;
        };
        let mut demo = demo.env("PYTHON", "sh").start();
        while !demo.line().ends_with("| here") {}
        let children = children_of(demo.id());
        assert_eq!(children.len(), 2);

        demo.signal(signal);
        let status = (signal == Signal::INT).then_some(130);
        assert_eq!(demo.finish().status, status);
        let begun = Instant::now();
        for child in children {
            // The kernel ends them a moment later.
            while Path::new(&format!("/proc/{child}")).exists() {
                assert!(begun.elapsed() < LIMIT, "{child} goes on");
                thread::yield_now();
            }
        }
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
