//! Drives a session with a learner's own pair: the server goes on until it waits, then the client,
//! and so on.

use std::io;

use support::session::Act;
use support::session::recording::{Frame, Part, Recording, Side, State, When, Words};

use crate::script::Session;
use crate::sentence::{self, words};

/// How many steps are recorded.
const MOST: usize = 60;

/// What is typed where a program reads its terminal.
const TYPED: &str = "hello";

/// Records these two programs.
pub fn record(programs: Vec<Part>, session: &mut Session) -> io::Result<Recording> {
    let mut frames = vec![session(0, Act::Start)?];
    let (mut who, mut waiting) = (0, 0);
    while waiting < 2 && frames.len() < MOST && !frames.iter().any(|frame| frame.restless) {
        let now = frames.last().map_or(&State::Absent, |frame| &frame.sides[who].state);
        if let Some(frame) = go_on(who, now, session)? {
            frames.push(frame);
            waiting = 0;
        } else {
            (who, waiting) = (1 - who, waiting + 1);
        }
    }
    for frame in &mut frames {
        frame.words = sentence::of_frame(frame);
    }
    let last = frames.last().map(Frame::unchanged).unwrap_or_default();
    frames.push(Frame { words: end(&frames), ..last });
    Ok(Recording { programs, frames, numbered: false })
}

/// Lets a program go one step on; `None` where it waits, or has ended.
fn go_on(who: usize, now: &State, session: &mut Session) -> io::Result<Option<Frame>> {
    let mut frame = None;
    let mut now = now.clone();
    if now == State::Absent {
        let started = session(who, Act::Start)?;
        now = started.sides[who].state.clone();
        frame = Some(started);
    }
    let next = match &now {
        State::Asks(_) => Act::Enter,
        State::Waits(what) if what == "its terminal" => Act::Type(TYPED.to_owned()),
        _ => return Ok(frame),
    };
    let next = session(who, next)?;
    Ok(Some(match frame {
        Some(mut frame) => {
            (frame.who, frame.call) = (next.who, next.call.clone());
            frame.add(next);
            frame
        }
        None => next,
    }))
}

fn is_blocked(side: &Side) -> bool {
    side.at.iter().any(|at| at.1 == When::Blocked)
}

/// Says why the recording ends.
fn end(frames: &[Frame]) -> Words {
    let sides = frames.last().map_or(&[][..], |frame| &frame.sides);
    let has_ended = |who: usize| matches!(sides[who].state, State::Ended(_));
    if has_ended(0) && has_ended(1) {
        return words("Both programs have ended.", "两个程序都已结束。");
    }
    if frames.len() >= MOST {
        return words(
            "After 60 steps the recording ends here. The programs would go on.",
            "已有 60 步，记录到此为止。程序还会继续运行。",
        );
    }
    if frames.iter().any(|frame| frame.restless) {
        return words(
            "A program runs on and on without such a call, so the recording ends here.",
            "有程序一直在运行，却没有再进行这类调用，记录到此为止。",
        );
    }
    match [0, 1].map(|who| is_blocked(&sides[who])) {
        [true, true] => words(
            "Each program waits for the other: nothing more happens.",
            "两个程序互相等待，不会再有任何进展。",
        ),
        [true, false] if has_ended(1) => words(
            "The client has ended, and the server still waits.",
            "客户端已经结束，服务器还在等待。",
        ),
        [false, true] if has_ended(0) => words(
            "The server has ended, and the client still waits.",
            "服务器已经结束，客户端还在等待。",
        ),
        _ => words(
            "No more of these calls are made, so the recording ends here.",
            "程序没有再进行这类调用，记录到此为止。",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(call: &str) -> State {
        State::Asks(call.to_owned())
    }

    fn waits(what: &str) -> State {
        State::Waits(what.to_owned())
    }

    fn ended() -> State {
        State::Ended("status 0".to_owned())
    }

    /// Records a pair that answers each of these acts with these states of the server and the client.
    fn record_pair(answers: Vec<(usize, Act, State, State)>) -> Recording {
        let mut answers = answers.into_iter();
        let mut session = |who, act| {
            let (expected, its_act, server, client) = answers.next().expect("nothing more is done");
            assert_eq!((who, act), (expected, its_act));
            let sides = [server, client].map(|state| Side { state, ..Side::default() });
            Ok(Frame { who: Some(who), sides: sides.into(), ..Frame::default() })
        };
        let recording = record(Vec::new(), &mut session).expect("it is recorded");
        assert!(answers.next().is_none(), "all has been done");
        recording
    }

    #[test]
    fn each_program_goes_on_until_it_waits() {
        let recording = record_pair(vec![
            (0, Act::Start, asks("accept(3)"), State::Absent),
            (0, Act::Enter, waits("accept(3)"), State::Absent),
            (1, Act::Start, waits("accept(3)"), asks("connect(3, 127.0.0.1:12345)")),
            (1, Act::Enter, asks("close(4)"), waits("its terminal")),
            (1, Act::Type("hello".to_owned()), asks("close(4)"), ended()),
            (0, Act::Enter, ended(), ended()),
        ]);
        let last = recording.frames.last().expect("it has steps");
        assert_eq!(last.words.en, "Both programs have ended.");
        assert_eq!(recording.frames.len(), 6); // the client's start and its first call are one
    }
}
