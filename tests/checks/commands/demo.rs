//! `cargo demo`: both terminals in one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use tempfile::TempPath;

use support::run::{
    Finished, LIMIT, Program, or_skip, own_network, path_of, path_of_alias, path_of_twin, proc,
    python, unshare,
};

const SHORT: [&str; 2] = ["short-server", "short-client"];
const LONG: [&str; 2] = ["long-server", "long-client"];

/// Prepares the demo where the default address is free.
fn demo<const N: usize>(arguments: [&str; N]) -> Option<Program> {
    let mut command = own_network()?;
    command.arg(path_of_alias("demo")).args(arguments);
    Some(Program::of(command).env("LC_ALL", "C.UTF-8"))
}

/// Prepares the demo of two Python files that only start a script for the shell, and returns it with the files. The
/// server says that it listens, and then does what the script says.
fn scripts(server: &str, client: &str) -> Option<(Program, [TempPath; 2])> {
    or_skip("Python", python())?;
    let server = format!("echo '[*] listening on 127.0.0.1:12345'; {server}");
    let files = [&server, client].map(|commands| {
        let script = format!("unset STEP; {commands}");
        python_file(&format!("import os; os.execlp('sh', 'sh', '-c', {script:?}, __file__)"))
    });
    let [server, client] = files.each_ref().map(|file| file.to_str().expect("it is UTF-8"));
    Some((demo([server, client])?, files))
}

fn python_file(source: &str) -> TempPath {
    let file = tempfile::Builder::new().suffix(".py").tempfile();
    let mut file = file.expect("a file can be made");
    writeln!(file, "{source}").expect("the file can be written");
    file.into_temp_path()
}

/// Runs the demo of a silent server and of a client's script, and returns what it shows.
fn shown_of(client: &str) -> Option<String> {
    let (demo, _files) = scripts("exec sleep 1000", client)?;
    Some(shown(demo))
}

/// Runs a demo that goes well, and returns what it shows.
#[track_caller]
fn shown(demo: Program) -> String {
    let finished = demo.run();
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    finished.stdout
}

/// Divides a row of the demo into the server's side and the client's, whatever stands between them.
fn sides_of(row: &str) -> [&str; 2] {
    let gaps = [" | ", " ──► ", " ◄── ", " |"];
    let divided = gaps.iter().find_map(|gap| row.split_once(gap));
    let (left, right) = divided.unwrap_or_else(|| (row.trim_end_matches(" ──►"), ""));
    [left.trim(), right.trim()]
}

#[test]
fn demo_shows_both_sides_of_the_short_pair() {
    let Some(demo) = demo([]) else { return };
    let expected = "\
short-server                                     | short-client
-------------------------------------------------+-------------------------------------------------
[*] listening on 127.0.0.1:12345                 |
[*] Accepted connection from: 127.0.0.1:*****    |
[*] Received: i am TCP client                    |
                                                 | ACK!
";
    assert_eq!(without_ports(&shown(demo)), expected);
}

#[test]
fn demo_shows_causes_before_effects() {
    for pair in [SHORT, LONG] {
        let Some(demo) = demo(pair) else { return };
        let shown = shown(demo.env("RUST_LOG", "debug"));
        let place = |call| shown.find(call).unwrap_or_else(|| panic!("no {call} in\n{shown}"));
        let calls = [
            "connect(3, 127.0.0.1:12345) = 0",
            "accept(3) = 4 from",
            "recv(4, 1024) = 1",
            "send(4, \"ACK!\") = 4",
            "recv(3, 4096) = 4 \"ACK!\"",
            "recv(4, 1024) = 0",
        ];
        assert!(calls.map(place).is_sorted(), "{shown}");
        assert!(place("send(3, \"") < place("recv(4, 1024) = 1"), "{shown}");
    }
}

#[test]
fn demo_draws_an_arrow_where_something_goes_to_the_other_side() {
    let short = "<connect <send >send >shutdown <close";
    let long = "<connect <send >send <send >send <send >send <shutdown >close";
    for (pair, locale, [to_client, to_server], expected) in
        [(SHORT, "C.UTF-8", [" ──►", " ◄── "], short), (LONG, "C", [" -->", " <-- "], long)]
    {
        let Some(demo) = demo(pair) else { return };
        // LC_ALL goes before the others.
        let demo = demo.env("LC_ALL", locale).env("LANG", "C.UTF-8");
        let shown = shown(demo.env("RUST_LOG", "debug"));
        let arrows = shown.lines().filter_map(|row| {
            let call = row.split_once("[.] ")?.1.split('(').next()?;
            let to_client = row.ends_with(to_client).then(|| format!(">{call}"));
            to_client.or_else(|| row.contains(to_server).then(|| format!("<{call}")))
        });
        assert_eq!(arrows.collect::<Vec<_>>().join(" "), expected, "{shown}");
    }
}

#[test]
fn demo_shows_every_pairing_of_both_languages_in_order() {
    if or_skip("Python", python()).is_none() {
        return;
    }
    let programs = |pair: [&str; 2]| pair.map(|name| [name.to_owned(), path_of_twin(name)]);
    for (pair, expected) in [(SHORT, "Ra"), (LONG, "RSaRSaRSa")] {
        let [servers, clients] = programs(pair);
        for (server, client) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let Some(demo) = demo([&servers[server], &clients[client]]) else {
                return;
            };
            let shown = shown(demo);
            let sides = shown.lines().flat_map(sides_of);
            let order = sides.filter_map(|side| match side {
                "ACK!" => Some('a'),
                "[*] Sended: ACK!" => Some('S'),
                _ => side.starts_with("[*] Received: ").then_some('R'),
            });
            // The long server's twin replies to the end of the stream too.
            let order: String = order.collect();
            assert_eq!(order.trim_end_matches('S'), expected, "{shown}");
        }
    }
}

#[test]
fn demo_wraps_what_is_wider_than_a_column() {
    let client = "echo 0123456789 | sed 's/.*/&&&&&& &/'";
    let Some(shown) = shown_of(client) else { return };
    let digits = "0123456789".repeat(6);
    let (first, second) = digits.split_at(44);
    let wrapped = format!("{:48} | {first}\n{:48} |     {second} 0123456789\n", "", "");
    assert!(shown.ends_with(&wrapped), "{shown}");
}

#[test]
fn demo_shows_why_the_server_cannot_start() {
    let Some(mut command) = own_network() else { return };
    let taken = "exec 3< <(exec \"$0\" 2>&1) && read -u 3 && exec \"$@\"";
    command.args(["bash", "-c", taken]).args([path_of("long-server"), path_of_alias("demo")]);
    let finished = Program::of(command).run();
    let cause = "error: cannot listen on 127.0.0.1:12345";
    assert!(finished.stdout.contains(cause), "{}", finished.stdout);
    // The server's own hint names another address, which the demo cannot take.
    assert!(!finished.stdout.contains("hint:"), "{}", finished.stdout);
    let hint = "hint: stop other servers, since the demo takes 127.0.0.1:12345; \
                if one has just ended, wait a minute";
    assert_eq!(finished.stderr, format!("error: short-server cannot start\n{hint}\n"));
    assert_eq!(finished.status, Some(1));
}

#[test]
fn demo_tells_what_it_waits_for() {
    let sleep = "exec sleep 1000";
    let Some((demo, files)) = scripts(sleep, sleep) else {
        return;
    };
    let note = demo.start().stderr.line(LIMIT).expect("it is told in time");
    let note = String::from_utf8(note.expect("the demo goes on"));
    let client = files[1].display();
    let expected = format!("note: waiting for {client} to print or end; Ctrl-C ends the demo\n");
    assert_eq!(note, Ok(expected));
}

#[test]
fn demo_waits_for_no_daemon_and_ends_it() {
    let Some((demo, files)) =
        scripts("exec sleep 1000", "setsid sh -c 'sleep 1000; :' \"$0\" & echo daemon")
    else {
        return;
    };
    assert!(shown(demo).ends_with("| daemon\n"));
    assert_eq!(proc::count_with(&files[1].display().to_string()), 0);
}

#[test]
fn demo_names_what_is_wrong_with_its_command_line() {
    let usage = "usage: cargo demo [SERVER CLIENT]";
    let demo = || Program::of(Command::new(path_of_alias("demo")));
    let neither = "is neither short-server nor long-server nor a Python file";
    for (arguments, problem) in [
        (vec![b"a" as &[u8]], "it takes a server and a client, or nothing"),
        (vec![b"a", b"b", b"c\n"], r"too many arguments: 'c\n'"),
        (vec![b"--svg", b"a"], "unknown option '--svg'"),
        (vec![b"\x1b[31m", b"b"], &format!(r"\u{{1b}}[31m {neither}")),
        (vec![b"\xff", b"short-client"], &format!(r"\xff {neither}")),
        (
            vec![b"short-server", b"no_such_file.py"],
            "there is no file no_such_file.py in this folder",
        ),
    ] {
        let arguments = arguments.into_iter().map(OsStr::from_bytes);
        let expected = Finished::failure(2, &format!("error: {problem}\n{usage}\n"));
        assert_eq!(demo().args(arguments).run(), expected);
    }
    let help = shown(demo().args(["--help"]));
    assert!(help.starts_with(usage), "{help}");
}

#[test]
fn demo_shows_why_the_programs_do_not_compile() {
    // In place of cargo, a program that says on standard error what is wrong with its arguments.
    let demo = Program::of(Command::new(path_of_alias("demo"))).env("CARGO", "cat");
    let finished = demo.run();
    assert_eq!((finished.status, finished.stdout.as_str()), (Some(1), ""));
    let told = finished.stderr;
    assert!(told.starts_with("cat: "), "{told}");
    let last = "\nerror: cargo cannot build the programs\n";
    assert!(told.ends_with(last), "{told}");
}

#[test]
fn demo_says_how_to_name_the_python_that_it_does_not_find() {
    let demo = Program::of(Command::new(path_of_alias("demo"))).env("PATH", "").env("PYTHON", "");
    let finished = demo.args([path_of_twin("short-server"), path_of_twin("short-client")]).run();
    let problem = "error: no Python 3 is found (PYTHON can name one)\n";
    assert_eq!(finished, Finished::failure(1, problem));
}

#[test]
fn demo_without_proc_says_what_is_missing() {
    let Some(mut command) = unshare() else { return };
    command.args(["sh", "-c", "mount -t tmpfs tmpfs /proc && exec \"$0\""]);
    let finished = Program::of(command).args([path_of_alias("demo")]).run();
    let problem = "error: the programs are not found: ";
    assert!(finished.stderr.starts_with(problem), "{}", finished.stderr);
    assert_eq!((finished.status, finished.stdout.as_str()), (Some(1), ""));
}

#[test]
fn demo_gives_its_programs_a_session_of_their_own() {
    // See proc_pid_stat(5): a leader's session has its number.
    let client = "read -r _ _ _ _ _ session _ </proc/$$/stat && echo $((session - $$))";
    let Some(shown) = shown_of(client) else { return };
    assert!(shown.ends_with(" | 0\n"), "{shown}");
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
        let shown = shown(demo.env("RUST_LOG", asked));
        let sides = shown.lines().skip(2).flat_map(sides_of);
        let (logged, plain): (Vec<_>, Vec<_>) = sides
            .filter(|side| side.starts_with('[') || !side.contains([',', ')'])) // a wrapped row
            .filter(|side| !side.is_empty())
            .partition(|side| side.starts_with('['));
        let found: BTreeSet<&str> = logged.iter().map(|side| &side[..3]).collect();
        let expected = marks.into_iter().collect();
        assert_eq!((found, plain), (expected, vec!["ACK!"]), "{asked}");
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
    let client = r"printf '\033[31m\377 a\\b\n'; printf 'c\\d\r\n'";
    let Some(shown) = shown_of(client) else { return };
    assert!(shown.contains(r"| \u{1b}[31m\xff a\\b"), "{shown}");
    assert!(shown.ends_with("| c\\d\n"), "{shown}");
}

#[test]
fn demo_stops_a_client_after_its_third_reply_or_hundredth_line() {
    for (client, status, last) in [
        ("seq 3; printf 'ACK!\nACK!\nACK!\n'; exec sleep 1000", Some(0), "| ACK!\n"),
        ("seq 4; exit 1", Some(1), "| 4\n"),
        ("exec seq 1000", Some(0), "| 100\n"),
    ] {
        let Some((demo, _files)) = scripts("exec sleep 1000", client) else {
            return;
        };
        let finished = demo.run();
        assert_eq!(finished.status, status);
        assert!(finished.stdout.ends_with(last), "{}", finished.stdout);
    }
}

#[test]
fn demo_of_a_server_that_prints_without_end_stays_small_and_ends() {
    let server = "exec yes \"$(printf '%4000d' 0)\"";
    let Some((demo, files)) = scripts(server, "exec sleep 1000") else {
        return;
    };
    let mut in_little_memory = Command::new("prlimit");
    in_little_memory.arg("--data=30000000");
    let nowhere = fs::File::create("/dev/null").expect("it takes everything");
    let demo = demo.under(in_little_memory).stdout(nowhere);
    let problem = format!("error: {} has printed 1000 lines\n", files[0].display());
    assert_eq!(demo.run(), Finished::failure(1, &problem));
}

#[test]
fn demo_loses_no_line_whose_cause_it_does_not_see() {
    // The server receives one message in pieces; the client leaves before all of them are shown.
    let pieces = "sleep 0.2; seq 9 | sed 's/^/[*] Received: /'; exec sleep 1000";
    let Some((demo, _files)) = scripts(pieces, "sleep 0.1; echo ACK!") else {
        return;
    };
    let shown = shown(demo);
    let sides: String = shown.lines().skip(3).map(|row| sides_of(row).concat()).collect();
    assert_eq!(sides.matches("[*] Received: ").count(), 9, "{shown}");
    assert_eq!(sides.matches("ACK!").count(), 1, "{shown}");
}

#[test]
fn demo_ends_though_other_clients_go_on() {
    let [server, knock] = SHORT.map(|name| format!("'{}'", path_of(name).display()));
    let others = format!("(while kill -0 $$; do {knock}; done) >/dev/null 2>&1");
    let client = format!("{others} & until {knock}; do :; done 2>/dev/null");
    let Some((demo, _files)) = scripts(&format!("exec {server}"), &client) else {
        return;
    };
    shown(demo);
}

#[test]
fn demo_ends_the_input_of_a_client_that_asks() {
    let connect = "import socket; s = socket.create_connection(('127.0.0.1', 12345));";
    let client = python_file(&format!("{connect} s.send(input('message? ').encode())"));
    let Some(demo) = demo(["short-server", client.to_str().expect("it is UTF-8")]) else {
        return;
    };
    let finished = demo.env("RUST_LOG", "debug").run();
    let failure = format!("error: {} ended with exit status: 1\n", client.display());
    assert_eq!((finished.status, finished.stderr), (Some(1), failure));
    let place = |text| finished.stdout.find(text).expect(text);
    assert!(place("message? Traceback") < place("EOFError"), "{}", finished.stdout);
    // It goes on without being let make its calls, and yet comes first.
    assert!(place("◄── [.] close(3)") < place("recv(4, 1024) = 0"), "{}", finished.stdout);
}

#[test]
fn demo_keeps_the_bar_in_a_narrow_terminal() {
    for (width, has_arrows) in [(80, false), (99, false), (100, true), (160, true)] {
        let Some(mut command) = own_network() else {
            return;
        };
        let resize = format!("stty rows 30 cols {width} <&1 && exec \"$0\"");
        command.args(["sh", "-c", &resize]).arg(path_of_alias("demo"));
        let demo = Program::of(command).env("RUST_LOG", "debug").env("LC_ALL", "C");
        let shown = shown(demo.in_a_terminal());
        assert_eq!(shown.contains(" <-- "), has_arrows, "{shown}");
        assert!(shown.lines().all(|row| row.len() <= width), "{shown}");
        assert!(shown.contains("ACK!"), "{shown}");
    }
}

/// Replaces each port after `127.0.0.1:` that is not one of the documentation's, from 12340 on,
/// by as many characters as a port of the kernel's choice has.
pub(crate) fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |masked, part| {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        let port = part.strip_suffix(rest);
        let port = port.filter(|port| port.starts_with("1234"));
        masked + "127.0.0.1:" + port.unwrap_or("*****") + rest
    })
}
