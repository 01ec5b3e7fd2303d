//! A learner's own pair: the server goes on until it waits, then the client, and so on.

use std::fs;
use std::io;

use crate::recorder::Recorder;
use crate::sentence::{self, words};
use crate::started::Started;
use crate::terminal::Terminal;
use support::session::recording::{Recording, Words};

/// How many steps are recorded.
const MOST: usize = 60;

/// What is typed where a program reads its terminal.
const TYPED: &str = "hello";

/// So many that a client can connect again and again.
const PORTS: u16 = 100;

const ADDRESS: &str = "127.0.0.1:12345";

/// Returns what is started for one of the four programs, or for a Python file.
fn started(name: &str, server: bool) -> Started {
    match name {
        "long-client" => return Started::of_lesson("long-client 127.0.0.1:12345 hello 2", server),
        "short-server" | "long-server" | "short-client" => return Started::of_lesson(name, server),
        _ => {}
    }
    // A program that looks at its arguments is given the address.
    let source = fs::read_to_string(name).unwrap_or_default();
    Started::of_learner(name, if source.contains("argv") { ADDRESS } else { "" }, server)
}

/// Records it in a network namespace of its own.
pub fn record(server: &str, client: &str) -> io::Result<Recording> {
    let programs = vec![started(server, true), started(client, false)];
    let mut recorder = Recorder::new(programs, PORTS)?;
    recorder.start(0)?;
    let mut frame = recorder.look(Some(0), Some("start"), &[])?;
    frame.words = sentence::of_frame(&frame, &recorder.terminals);
    recorder.add(frame);
    let (mut who, mut waiting) = (0, 0);
    while waiting < 2 && recorder.frames() < MOST && recorder.comes_to_rest {
        let Some(call) = go_on(&mut recorder, who)? else {
            (who, waiting) = (1 - who, waiting + 1);
            continue;
        };
        let mut frame = recorder.look(Some(who), Some(&call), &[])?;
        frame.words = sentence::of_frame(&frame, &recorder.terminals);
        recorder.add(frame);
        waiting = 0;
    }
    let mut last = recorder.look(None, None, &[])?;
    last.words = end(&recorder);
    recorder.add(last);
    Ok(recorder.recording())
}

/// Lets a program go one step on, and returns the call that it made; `None` where it waits, or has
/// ended.
fn go_on(recorder: &mut Recorder, who: usize) -> io::Result<Option<String>> {
    if recorder.terminals[who].has_ended() {
        return Ok(None);
    }
    let is_new = !recorder.terminals[who].is_running();
    if is_new {
        recorder.start(who)?;
    }
    let terminal = &recorder.terminals[who];
    if let Some(call) = terminal.question() {
        recorder.enter(who, "")?;
        return Ok(Some(call));
    }
    if terminal.reads() {
        recorder.enter(who, TYPED)?;
        return Ok(Some("input".to_owned()));
    }
    Ok(is_new.then(|| "start".to_owned()))
}

/// Says why the recording ends.
fn end(recorder: &Recorder) -> Words {
    let [server, client] = [&recorder.terminals[0], &recorder.terminals[1]];
    if server.has_ended() && client.has_ended() {
        return words("Both programs have ended.", "两个程序都已结束。");
    }
    if recorder.frames() >= MOST {
        return words(
            "After 60 steps the recording ends here. The programs would go on.",
            "已有 60 步，记录到此为止。程序还会继续运行。",
        );
    }
    if !recorder.comes_to_rest {
        return words(
            "A program runs on and on without such a call, so the recording ends here.",
            "有程序一直在运行，却没有再进行这类调用，记录到此为止。",
        );
    }
    match [server, client].map(Terminal::is_blocked) {
        [true, true] => words(
            "Each program waits for the other: nothing more happens.",
            "两个程序互相等待，不会再有任何进展。",
        ),
        [true, false] if client.has_ended() => words(
            "The client has ended, and the server still waits.",
            "客户端已经结束，服务器还在等待。",
        ),
        [false, true] if server.has_ended() => words(
            "The server has ended, and the client still waits.",
            "服务器已经结束，客户端还在等待。",
        ),
        _ => words(
            "No more of these calls are made, so the recording ends here.",
            "程序没有再进行这类调用，记录到此为止。",
        ),
    }
}
