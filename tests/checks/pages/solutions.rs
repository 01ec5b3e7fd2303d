//! The solutions of the exercises: each fits the programs, builds without a warning, and does what
//! its exercise says.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};
use tempfile::{TempDir, tempdir};

use crate::pages::documents::read;
use crate::turn::Turn;
use support::root;
use support::rows::{Row, Subject, rows_of, try_all};
use support::run::{
    Finished, Invocation, PROGRAMS, Process, Program, Server, or_skip, python, strace,
};

/// The solutions that rows can judge, each with its program.
const JUDGED: [(&str, &str); 5] = [
    ("1-threads", "long-server"),
    ("2-three-clients", "short-server"),
    ("4-time-limit", "long-server"),
    ("7-without-lingering", "short-server"),
    ("8-own-client", "short-client"),
];

/// The rows that do not hold for them: those that their exercises name.
const NOT_HELD: &str = "\
1-threads | a second client waits its turn, then is answered
2-three-clients | answers others while one client is silent
2-three-clients | two clients speak at once: each gets its own
2-three-clients | descriptors run out: loses nobody who waits
2-three-clients | 150 clients one after another: nothing stays open
7-without-lingering | a message of 300,000 bytes: answered, a clean end
";

#[test]
fn solutions_change_the_rows_that_their_exercises_name() {
    if or_skip("Python", python()).is_none() || or_skip("strace", strace()).is_none() {
        return;
    }
    let mut folders = Vec::new();
    let mut subjects = Vec::new();
    for (name, program) in JUDGED {
        let Some(folder) = solution(name, &[program]) else {
            return;
        };
        let invocation = match name {
            "8-own-client" => Invocation::python(folder.path().join("my_client.py")),
            _ => Some(Invocation { command: vec![path_in(&folder, program).into()] }),
        };
        subjects.push((name, Subject::new(program, invocation.expect("there is Python"))));
        folders.push(folder);
    }
    let mut tasks: Vec<(&str, &Row, &Subject)> = Vec::new();
    for (name, subject) in &subjects {
        tasks.extend(rows_of(subject.program).into_iter().map(|row| (*name, row, subject)));
    }
    let tried: Vec<(&Row, &Subject)> =
        tasks.iter().map(|(_, row, subject)| (*row, *subject)).collect();
    let _turn = Turn::wait_for_rows();
    let not_held: Vec<String> = try_all(&tried, |verdicts| {
        let judged = tasks.iter().zip(verdicts);
        let not_held = judged.filter(|(_, verdict)| verdict.is_err());
        not_held.map(|((name, row, _), _)| format!("{name} | {}", row.name)).collect()
    });
    assert_eq!(not_held, NOT_HELD.lines().collect::<Vec<_>>());
}

#[test]
fn solutions_of_other_protocols_hold_their_checks_and_the_programs_do_not() {
    let Some(python) = or_skip("Python", python()) else {
        return;
    };
    let check = |exercise: &str, folder: &Path| {
        let mut check = Command::new(&python);
        check.arg(root().join("docs/check.py")).arg(exercise).arg(folder);
        Program::of(check).start()
    };
    let programs = support::run::programs().expect("they compile");
    let failing = ["3", "5", "6"].map(|exercise| check(exercise, programs)); // most of the time they wait
    for (name, programs, result) in [
        ("3-echo", &["short-server"][..], "exercise 3: 4 of 4"),
        ("5-lengths", &["long-server", "long-client"], "exercise 5: 10 of 10"),
        ("6-lines", &["long-server", "long-client"], "exercise 6: 10 of 10"),
    ] {
        let Some(folder) = solution(name, programs) else {
            return;
        };
        let checked = check(&name[..1], &folder.path().join("built")).finish();
        assert_eq!(checked.stdout.lines().last(), Some(result), "{}", checked.stdout);
        assert_eq!(checked.status, Some(0));
    }
    assert_eq!(failing.map(|check| check.finish().status), [Some(1); 3]);
}

#[test]
fn solution_4_drops_a_silent_client() {
    let Some(folder) = solution("4-time-limit", &["long-server"]) else {
        return;
    };
    let server = server(&folder, "long-server");
    let _silent = server.client();
    let peer = server.accepted();
    server
        .process
        .expect(&format!("[!] {peer}: recv: Resource temporarily unavailable (os error 11)"));
    server.send_once("long-client", "hello");
}

#[test]
fn receive_line_of_the_page_is_that_of_solution_6() {
    let patch = read("docs/solutions/6-lines.patch");
    let added: Vec<&str> = patch.lines().filter_map(|line| line.strip_prefix('+')).collect();
    assert!(added.join("\n").contains(&block_of_experiments("rust")));
}

#[test]
fn receive_line_of_the_page_works_in_python_too() {
    let Some(python) = or_skip("Python", python()) else {
        return;
    };
    let use_of_it = r#"
import socket

client, server = socket.socketpair()
client.sendall(b"one\ntwo\n" + b"x" * 3000 + b"\nthr")
client.close()
buffer = bytearray()
for line in [b"one\n", b"two\n", b"x" * 3000 + b"\n", b"thr", b""]:
    print(receive_line(server, buffer) == line)
"#;
    let mut script = Command::new(python);
    script.args(["-c", &(block_of_experiments("python") + use_of_it)]);
    assert_eq!(Program::of(script).run(), Finished::success(&"True\n".repeat(5)));
}

/// Returns the code in this language on the page of experiments.
fn block_of_experiments(language: &str) -> String {
    let page = read("docs/experiments.md");
    let (_, block) = page.split_once(&format!("```{language}\n")).expect("there is one");
    block.split_once("```").expect("it ends").0.to_owned()
}

/// Builds programs with a solution in a copy of the workspace, and returns its folder.
fn solution(name: &str, programs: &[&str]) -> Option<TempDir> {
    or_skip("git", Command::new("git").arg("--version").output().ok())?;
    // All build in one place, so that what they share is built once; and one after another from
    // the copy on, since cargo builds again what is newer than its last build.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("solutions");
    fs::create_dir_all(&target).expect("a folder can be made");
    let place = File::open(&target).expect("it is there");
    flock(&place, FlockOperation::LockExclusive).expect("it can be locked");

    let folder = tempdir().expect("a folder can be made");
    let mut copy = Command::new("cp");
    copy.args(["-r", "Cargo.toml", "Cargo.lock", ".cargo", "common", "tests"]).args(PROGRAMS);
    succeed(copy.arg(folder.path()).current_dir(root()));
    let patch = root().join(format!("docs/solutions/{name}.patch")).canonicalize();
    let mut git = Command::new("git");
    git.arg("apply").arg(patch.expect("there is a solution")).current_dir(&folder);
    succeed(git.env("GIT_CEILING_DIRECTORIES", folder.path().parent()?));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--locked", "--target-dir"]).arg(&target);
    for program in programs {
        cargo.args(["--bin", program]);
    }
    cargo.env("RUSTFLAGS", "-Dwarnings").env("CARGO_PROFILE_DEV_DEBUG", "0");
    succeed(cargo.env("CARGO_INCREMENTAL", "0").current_dir(&folder));
    fs::create_dir(folder.path().join("built")).expect("a folder can be made");
    for program in programs {
        let built = target.join("debug").join(program);
        fs::copy(built, path_in(&folder, program)).expect("it is built");
    }
    Some(folder)
}

fn server(folder: &TempDir, name: &str) -> Server {
    Server::from_process(start(folder, name, &["127.0.0.1:0"]))
}

/// Returns where a program of a solution is.
fn path_in(folder: &TempDir, program: &str) -> PathBuf {
    folder.path().join("built").join(program)
}

#[track_caller]
fn succeed(command: &mut Command) {
    let status = command.status().expect("it can be started");
    assert!(status.success(), "{command:?} fails");
}

fn start(folder: &TempDir, program: &str, arguments: &[&str]) -> Process {
    Program::of(Command::new(path_in(folder, program))).args(arguments).start()
}
