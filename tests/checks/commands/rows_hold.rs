//! The rows of `cargo compare`: each sees the fault that it is there for. That they hold for the programs, the tables in
//! `docs/comparison.md` show.

use std::fs;

use crate::turn::Turn;
use support::root;
use support::rows::{Failure, Kind, Row, Subject, Verdict, crash, rows_of, try_all, try_out};
use support::run::{Invocation, PROGRAMS, or_skip, python, quoted, strace};

/// Programs with a fault, and the row that sees it.
const FAULTS: &str = "\
short-server | replies otherwise | answers a message with ACK! and closes
short-server | replies with a line break | answers a message with ACK! and closes
short-server | says nothing | prints the original's lines
short-server | sends first | makes the original's calls in their order
short-server | has no threads | answers others while one client is silent
short-server | shares a variable | two clients speak at once: each gets its own
short-server | says in pieces | two clients speak at once: each gets its own
short-server | hurries | a client is silent at first: gets nothing
short-server | keeps all | 150 clients one after another: nothing stays open
short-server | keeps threads | 150 clients one after another: nothing stays open
short-server | ends at 101 | 150 clients one after another: nothing stays open
short-server | serves one | a client leaves: serves the next
short-server | ends with a client | a client leaves without a word: serves the next
short-server | shows tracebacks | a client resets: one line at most, serves the next
short-server | prints tracebacks | a client resets: one line at most, serves the next
short-server | asks who is there | a client half-closes: one ACK!, then the end
short-server | waits for a shorter part | a message of exactly 1,024 bytes: answered
short-server | keeps the rest | a shorter message after a longer one: shown alone
short-server | closes at once | a message of 300,000 bytes: answered, a clean end
short-server | ends and closes | a message of 300,000 bytes: answered, a clean end
short-server | decodes | half a Chinese character at byte 1024: shown
short-server | prints raw | line breaks and escapes in a message: on one line
short-server | decodes | bytes that are not text: answered, none shown raw
short-server | accepts once | descriptors run out: loses nobody who waits
short-server | binds without reuse | starts again at once on the same address
short-server | sends a part | send takes a part of the bytes: sends the rest
short-server | sends elsewhere first, and sends a part | send takes a part of the bytes: sends the rest
short-server | dies of SIGCONT | stopped and continued (Ctrl-Z, fg): goes on
long-server | replies otherwise | answers each message of a connection with ACK!
long-server | says nothing | prints the original's lines
long-server | has threads | a second client waits its turn, then is answered
long-server | hurries | a client is silent at first: gets nothing
long-server | keeps all | 150 clients one after another: nothing stays open
long-server | asks who is there | a client half-closes: one ACK!, then the end
long-server | waits for a shorter part | a message of exactly 1,024 bytes: answered
long-server | keeps the rest | a shorter message after a longer one: shown alone
long-server | serves one | a message of 300,000 bytes: answered, a clean end
long-server | accepts once | descriptors run out: loses nobody who waits
short-client | says otherwise | sends its message, takes the reply and closes
short-client | says more | prints the reply and a line break, nothing else
short-client | sends a file | makes the original's calls in their order
short-client | waits for 4 | a reply in two parts: shows what came first
short-client | ends with 1 | ends with status 0 after the reply
short-client | shows tracebacks | no server: a short error, status not 0
short-client | takes nothing for a reply | the server closes without a reply: the same
short-client | shows tracebacks | the server resets: the same
short-client | prints raw | line breaks and escapes in a reply: on one line
short-client | shows less | a reply of 5,000 bytes: shows the first 4,096
short-client | sends elsewhere first, and sends a part | send takes a part of the bytes: sends the rest
short-client | sends a part | send takes a part of the bytes: sends the rest
long-client | never waits | sends its message after each reply
long-client | says otherwise | sends its message after each reply
long-client | says more | prints each reply and a line break, nothing else
long-client | stops by itself | goes on until it is stopped, for 1,000 rounds
long-client | waits for 4 | a reply in two parts: shows both, goes on
long-client | shows less | a reply of 5,000 bytes: shows all of it
";

fn row_of(program: &str, name: &str) -> &'static Row {
    let row = rows_of(program).into_iter().find(|row| row.name == name);
    row.expect("there is such a row")
}

fn faulty(program: &'static str, fault: &str) -> Option<Subject> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/checks/commands/faulty.py");
    or_skip("Python", python())?;
    let invocation = Invocation::python(path)?.args(&[program, fault]);
    Some(Subject::new(program, invocation))
}

#[test]
fn every_row_sees_the_fault_that_it_is_there_for() {
    if or_skip("strace", strace()).is_none() {
        return;
    }
    let mut tasks = Vec::new();
    for line in FAULTS.lines() {
        let mut words = line.split(" | ");
        let [program, fault, name] = [(); 3].map(|()| words.next().expect("three columns"));
        let Some(subject) = faulty(program, fault) else {
            return;
        };
        tasks.push((row_of(program, name), subject));
    }
    let tasks: Vec<(&Row, &Subject)> = tasks.iter().map(|(row, subject)| (*row, subject)).collect();
    let _turn = Turn::wait_for_rows();
    try_all(&tasks, |verdicts| {
        for (line, verdict) in FAULTS.lines().zip(verdicts) {
            println!("{line} | {}", verdict.expect_err(line));
        }
    });
}

#[test]
fn rows_of_a_program_are_worth_100_points() {
    for program in PROGRAMS {
        let points: u32 = rows_of(program).into_iter().map(|row| row.points).sum();
        assert_eq!(points, 100, "{program}");
    }
}

#[test]
fn every_row_is_explained_in_both_languages_with_its_points() {
    for (page, before, after) in
        [("rows.md", "**", " points.**"), ("rows.zh-CN.md", "（", " 分）。**")]
    {
        let text = fs::read_to_string(root().join("docs").join(page)).expect("the page is there");
        for row in PROGRAMS.iter().flat_map(|program| rows_of(program)) {
            let (_, section) = text.split_once(&format!("\n### {}\n\n", row.name)).expect(row.name);
            let first = section.lines().next().unwrap_or_default();
            assert!(first.contains(&format!("{before}{}{after}", row.points)), "{page}: {first}");
        }
    }
}

#[test]
fn what_a_server_logs_is_not_taken_for_a_complaint_about_a_reset() {
    let row = row_of("short-server", "a client resets: one line at most, serves the next");
    if let Some(server) = faulty("short-server", "logs to stderr") {
        row.check(&server).expect("it holds");
    }
}

#[test]
fn call_of_another_socket_before_is_not_made_to_fail() {
    for program in ["short-server", "short-client"] {
        let row = row_of(program, "send takes a part of the bytes: sends the rest");
        let (Some(subject), Some(_)) =
            (faulty(program, "sends elsewhere first"), or_skip("strace", strace()))
        else {
            return;
        };
        row.check(&subject).expect("it sends the rest");
    }
}

#[test]
fn every_row_holds_for_programs_of_ones_own_without_a_fault() {
    let mut correct = PROGRAMS.map(|program| (program, "none")).to_vec();
    correct.extend(["long-server", "short-client"].map(|program| (program, "duplicates")));
    correct.extend([("long-server", "reads little"), ("short-client", "reads to the end")]);
    let subjects: Vec<Subject> =
        correct.iter().filter_map(|(program, way)| faulty(program, way)).collect();
    if or_skip("strace", strace()).is_none() {
        return;
    }
    let mut tasks: Vec<(&Row, &Subject)> = Vec::new();
    for subject in &subjects {
        let rows = rows_of(subject.program);
        tasks.extend(rows.into_iter().map(|row| (row, subject)));
    }
    let _turn = Turn::wait_for_rows();
    try_all(&tasks, |verdicts| {
        for ((row, subject), verdict) in tasks.iter().zip(verdicts) {
            let program = subject.program;
            assert!(verdict.is_ok(), "{program}: {}: {verdict:?}", row.name);
        }
    });
}

#[test]
fn prompt_of_a_client_that_asks_costs_it_the_row_about_output_only() {
    if or_skip("strace", strace()).is_none() {
        return;
    }
    let _turn = Turn::wait_for_rows();
    for program in ["short-client", "long-client"] {
        let Some(client) = faulty(program, "asks") else {
            return;
        };
        let rows = rows_of(program).into_iter().filter(|row| row.check(&client).is_err());
        let names: Vec<_> = rows.map(|row| row.name).collect();
        assert!(matches!(names[..], [name] if name.contains(", nothing else")), "{names:?}");
    }
}

#[test]
fn crash_is_named_in_the_words_of_its_language() {
    for (text, said) in [
        (
            "Exception in thread Thread-1:\nTraceback (most recent call last):\n  File \"s.py\"\n\
             TypeError: a bytes-like object is required\n",
            "traceback: TypeError: a bytes-like object is required",
        ),
        (
            "thread 'main' panicked at src/main.rs:9:5:\ncalled `Result::unwrap()` on an `Err`\n\
             note: run with `RUST_BACKTRACE=1`\n",
            "panic: called `Result::unwrap()` on an `Err`",
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1\n",
            "panic: runtime error: index out of range",
        ),
        (
            "Exception in thread \"main\" java.net.ConnectException: Connection refused\n\tat java.base\n",
            "stack trace: Exception in thread \"main\" java.net.ConnectException: Connection refused",
        ),
        (
            "node:events:496\n      throw er;\n      ^\n\nError: connect ECONNREFUSED\n    at TCP (node:net)\n",
            "stack trace: Error: connect ECONNREFUSED",
        ),
    ] {
        assert_eq!(crash(text).as_deref(), Some(said));
    }
    for text in ["error: cannot connect at all\n", "Traceback (most recent call last):\n  File", ""]
    {
        assert_eq!(crash(text), None);
    }
}

#[test]
fn other_words_than_the_originals_cost_the_first_row_only() {
    let _turn = Turn::wait_for_rows();
    for (program, fault, says) in [
        ("short-server", "replies with a line break", "ACK!\n"),
        ("long-server", "replies with a line break", "ACK!\n"),
        ("short-client", "says otherwise", "hello"),
        ("long-client", "says otherwise", "hello"),
    ] {
        let (Some(subject), Some(_)) = (faulty(program, fault), or_skip("strace", strace())) else {
            return;
        };
        let subject = try_out(subject).expect("it is judged");
        assert_eq!(subject.says.as_deref(), Some(says.as_bytes()), "{program}");
        let rows = rows_of(program).into_iter().take(5);
        let tasks: Vec<(&Row, &Subject)> = rows.map(|row| (row, &subject)).collect();
        let verdicts: Vec<Verdict> = try_all(&tasks, |verdicts| verdicts.collect());
        let holds: Vec<bool> = verdicts.iter().map(Result::is_ok).collect();
        assert!(!holds[0] && holds[1..].iter().all(|holds| *holds), "{program}: {verdicts:?}");
    }
    for (program, fault) in [("short-server", "replies anew"), ("short-client", "says anew")] {
        let subject = faulty(program, fault).expect("there is Python");
        assert_eq!(try_out(subject).expect("it is judged").says, None, "{program}");
    }
}

#[test]
fn same_words_or_the_same_crash_are_the_same_fault() {
    let no = |expected: &str, got: &str, kind| {
        let (expected, got) = (expected.to_owned(), got.to_owned());
        Failure::No { expected, got, kind }
    };
    let waits = no("\"ACK!\"", "nothing in 5 s", Kind::Unexpected);
    let waits_elsewhere = no("the end", "nothing in 5 s", Kind::Unexpected);
    let crashes = no("the end", "traceback: TypeError", Kind::Crash);
    let crashes_elsewhere = no("\"ACK!\" for the next client", "traceback: TypeError", Kind::Crash);
    assert!(waits.is_same_as(&waits, false) && crashes_elsewhere.is_same_as(&crashes, false));
    assert!(!waits_elsewhere.is_same_as(&waits, false) && waits_elsewhere.is_same_as(&waits, true));
    assert!(!crashes_elsewhere.is_same_as(&waits, false));
    assert!(crashes_elsewhere.is_same_as(&waits, true));
}

#[test]
fn bytes_that_are_not_text_are_quoted_as_pairs_of_digits() {
    assert_eq!(quoted("中文 ACK!\n".as_bytes()), "\"中文 ACK!\\n\"");
    assert_eq!(quoted(b"ACK!\0"), "\"ACK!\\0\"");
    assert_eq!(quoted(b"\0\0\x0b\xb8ab"), "00 00 0b b8 61 62");
    assert_eq!(quoted(&[0xff; 20]), "ff ".repeat(16) + "...");
    assert_eq!(quoted(b""), "nothing");
}
