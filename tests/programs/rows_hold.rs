//! The rows of `cargo compare`: which hold for the programs, and which for their Python twins.
#![cfg(target_os = "linux")]

use std::sync::Mutex;
use std::thread;

use crate::harness::{python, strace};
use crate::rows::{Instead, PROGRAMS, Row, Subject, rows_of};

/// Tries all rows, a few at a time, and returns those that do not hold, with what happened instead.
fn broken(subject: &Subject) -> Vec<(&'static str, String)> {
    let rows: &[Row] = rows_of(subject.program);
    let next = Mutex::new(rows.iter().enumerate());
    let broken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let task = next.lock().expect("no row panics").next();
                    let Some((number, row)) = task else { break };
                    if let Err(instead) = (row.check)(subject) {
                        let what = what_happened(instead);
                        broken
                            .lock()
                            .expect("no row panics")
                            .push((number, row.name, what));
                    }
                }
            });
        }
    });
    let mut broken = broken.into_inner().expect("no row panics");
    broken.sort();
    broken
        .into_iter()
        .map(|(_, name, what)| (name, what))
        .collect()
}

fn what_happened(instead: Instead) -> String {
    match instead {
        Instead::Happened(what) | Instead::Lost(what) => what,
        Instead::NotTried(why) => format!("not tried: {why}"),
    }
}

#[test]
fn every_row_holds_for_the_programs() {
    if strace().is_none() {
        return;
    }
    for program in PROGRAMS {
        assert_eq!(broken(&Subject::rust(program)), [], "{program}");
    }
}

#[test]
fn rows_that_the_twins_break_are_these() {
    if python().is_none() || strace().is_none() {
        return;
    }
    let of_short_server = [
        "a client resets: one line at most, serves the next",
        "a message of 300,000 bytes: ACK!, then a clean end",
        "half a Chinese character at byte 1024: shown",
        "line breaks and escapes in a message: on one line",
        "bytes that are no text: answered, none shown raw",
        "descriptors run out: loses nobody who waits",
        "starts again at once on the same address",
        "send takes a part of the bytes: sends the rest",
    ];
    let of_long_server = [
        "a second client waits its turn, then is answered",
        "a client leaves: serves the next",
        "a client leaves without a word: serves the next",
        "a client resets: one line at most, serves the next",
        "a client half-closes: one ACK!, then the end",
        "a message of 300,000 bytes: ACK!s, then a clean end",
        "half a Chinese character at byte 1024: shown",
        "line breaks and escapes in a message: on one line",
        "bytes that are no text: answered, none shown raw",
        "descriptors run out: loses nobody who waits",
        "starts again at once on the same address",
        "send takes a part of the bytes: sends the rest",
    ];
    let of_clients = [
        "no server: a short error, status not 0",
        "the server closes without a reply: the same",
        "the server resets: the same",
        "line breaks and escapes in a reply: on one line",
        "send takes a part of the bytes: sends the rest",
    ];
    for (program, expected) in [
        ("short-server", of_short_server.as_slice()),
        ("short-client", &of_clients),
        ("long-server", &of_long_server),
        ("long-client", &of_clients),
    ] {
        let twin = Subject::twin(program).expect("Python is there");
        let broken: Vec<_> = broken(&twin).into_iter().map(|(name, _)| name).collect();
        assert_eq!(broken, expected, "{program}");
    }
}
