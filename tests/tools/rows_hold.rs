//! The rows of `cargo compare`: each holds for its programs, and sees the fault that it is there for.
#![cfg(target_os = "linux")]

use harness::{PROGRAMS, or_skip, python, strace};
use rows::{Row, Subject, rows_of, try_all};

#[track_caller]
fn assert_all_rows_hold(subjects: &[Subject]) {
    let mut tasks: Vec<(&Row, &Subject)> = Vec::new();
    for subject in subjects {
        let rows = rows_of(subject.program);
        tasks.extend(rows.into_iter().map(|row| (row, subject)));
    }
    try_all(&tasks, |verdicts| {
        for ((row, subject), verdict) in tasks.iter().zip(verdicts) {
            let program = subject.program;
            assert!(verdict.is_ok(), "{program}: {}: {verdict:?}", row.name);
        }
    });
}

#[test]
fn every_row_holds_for_the_programs() {
    if or_skip("strace", strace()).is_some() {
        assert_all_rows_hold(&PROGRAMS.map(Subject::rust));
    }
}

/// Programs with a fault, and the row that sees it.
const FAULTS: &str = "\
short-server | replies otherwise | answers a message with ACK! and closes
short-server | says nothing | prints the original's lines
short-server | sends first | makes the original's calls in their order
short-server | has no threads | answers others while one client is silent
short-server | serves one | a client leaves: serves the next
short-server | ends with a client | a client leaves without a word: serves the next
short-server | shows tracebacks | a client resets: one line at most, serves the next
short-server | prints tracebacks | a client resets: one line at most, serves the next
short-server | asks who is there | a client half-closes: one ACK!, then the end
short-server | closes at once | a message of 300,000 bytes: answered, a clean end
short-server | copies bytes | half a Chinese character at byte 1024: shown
short-server | prints raw | line breaks and escapes in a message: on one line
short-server | decodes | bytes that are not text: answered, none shown raw
short-server | accepts once | descriptors run out: loses nobody who waits
short-server | binds without reuse | starts again at once on the same address
short-server | sends a part | send takes a part of the bytes: sends the rest
short-server | dies of SIGCONT | stopped and continued (Ctrl-Z, fg): goes on
long-server | replies otherwise | answers each message of a connection with ACK!
long-server | says nothing | prints the original's lines
long-server | has threads | a second client waits its turn, then is answered
long-server | asks who is there | a client half-closes: one ACK!, then the end
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
short-client | reads less | a reply of 5,000 bytes: shows the first 4,096
short-client | sends a part | send takes a part of the bytes: sends the rest
long-client | says otherwise | sends its message after each reply
long-client | says more | prints each reply and a line break, nothing else
long-client | stops by itself | goes on until it is stopped, for 1,000 rounds
long-client | waits for 4 | a reply in two parts: shows both, goes on
long-client | reads less | a reply of 5,000 bytes: shows all of it
";

fn row_of(program: &str, name: &str) -> &'static Row {
    let row = rows_of(program).into_iter().find(|row| row.name == name);
    row.expect("there is such a row")
}

fn faulty(program: &'static str, fault: &str) -> Option<Subject> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/faulty.py");
    let interpreter = or_skip("Python", python())?;
    let words = [path, program, fault].map(Into::into);
    let command = [interpreter].into_iter().chain(words).collect();
    Some(Subject { program, command })
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
    try_all(&tasks, |verdicts| {
        for (line, verdict) in FAULTS.lines().zip(verdicts) {
            println!("{line} | {}", verdict.expect_err(line));
        }
    });
}

#[test]
fn what_a_server_logs_is_not_taken_for_a_complaint_about_a_reset() {
    let row = row_of("short-server", "a client resets: one line at most, serves the next");
    if let Some(server) = faulty("short-server", "logs to stderr") {
        row.check(&server).expect("it holds");
    }
}

#[test]
fn fault_in_a_call_of_another_socket_is_not_judged() {
    for program in ["short-server", "short-client"] {
        let row = row_of(program, "send takes a part of the bytes: sends the rest");
        let (Some(subject), Some(_)) =
            (faulty(program, "sends elsewhere first"), or_skip("strace", strace()))
        else {
            return;
        };
        let verdict = row.check(&subject);
        let verdict = verdict.expect_err("its first send is another socket's").to_string();
        assert_eq!(verdict, "not tried: it makes this call elsewhere first");
    }
}

#[test]
fn every_row_holds_for_a_program_of_ones_own_without_a_fault() {
    let subjects: Vec<Subject> = PROGRAMS.iter().filter_map(|name| faulty(name, "none")).collect();
    if or_skip("strace", strace()).is_some() {
        assert_all_rows_hold(&subjects);
    }
}
