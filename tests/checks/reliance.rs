//! What the tests themselves rely on.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use support::run::{Program, free_address};
use support::session::once;

#[test]
fn address_that_is_free_stays_free_while_other_programs_start() {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    Program::of(Command::new("true")).run();
                }
            });
        }
        // With SO_REUSEADDR, as the programs do.
        let bind = |_| TcpListener::bind(free_address().expect("a port is free"));
        let taken = (0..5000).map(bind).filter(Result::is_err).count();
        is_done.store(true, Ordering::Relaxed);
        assert_eq!(taken, 0);
    });
}

#[test]
fn what_stands_more_than_once_is_written_once_and_read_back() {
    let socket = json!({ "state": "ESTABLISHED", "fd": 4 });
    let frame = json!({ "sockets": [socket, { "state": "ESTABLISHED", "fd": 3 }], "en": "one" });
    let other = json!({ "sockets": [socket], "en": "one" });
    let whole = json!([[frame, frame], [other]]);
    let written = once::serialize(&whole, serde_json::value::Serializer).expect("it is written");
    let once = json!([
        "ESTABLISHED",
        { "state": [0], "fd": 4 },
        { "sockets": [[1], { "state": [0], "fd": 3 }], "en": "one" },
    ]);
    let rest = json!([[[2], [2]], [{ "sockets": [[1]], "en": "one" }]]);
    assert_eq!(written, json!([once, rest]));
    assert_eq!(once::deserialize::<Value, _>(written).expect("it is read"), whole);
}
