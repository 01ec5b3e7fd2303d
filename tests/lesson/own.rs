//! A learner's own pair: the server goes on until it waits, then the client, and so on.

use std::fs;
use std::io;

use crate::recorder::Recorder;
use crate::recording::{Recording, Words};
use crate::sentence::{self, words};
use crate::terminal::{Started, Terminal};

/// How many steps are recorded.
const MOST: usize = 60;

/// What is typed where a program reads its terminal.
const TYPED: &str = "hello";

/// So many that a client can connect again and again.
const PORTS: u16 = 100;

const ADDRESS: &str = "127.0.0.1:12345";

/// Returns what is started for one of the four programs, or for a Python file.
fn started(name: &str, server: bool) -> Started {
    if name.strip_suffix(".py").is_none() {
        let arguments = if name == "long-client" { " 127.0.0.1:12345 hello 2" } else { "" };
        return Started::of_lesson(&format!("{name}{arguments}"), server);
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
    while waiting < 2 && recorder.frames() < MOST {
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
    let ended: Vec<bool> = recorder.terminals.iter().map(Terminal::has_ended).collect();
    match ended[..] {
        [true, true] => words("Both programs have ended.", "两个程序都已结束。"),
        _ if recorder.frames() >= MOST => words(
            "The recording ends here, after 60 steps. The programs would go on.",
            "记录到此为止，共 60 步。程序还会继续运行。",
        ),
        [true, false] => words(
            "The server has ended, and the client waits for what does not come.",
            "服务器已经结束，客户端还在等待，但等不到了。",
        ),
        [false, true] => words(
            "The client has ended, and the server waits for the next one.",
            "客户端已经结束，服务器还在等待。",
        ),
        _ => words(
            "Each program waits for the other: nothing more happens.",
            "两个程序互相等待，不会再有任何进展。",
        ),
    }
}
