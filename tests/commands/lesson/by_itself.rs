//! Drives a session with a learner's own programs: the server goes on until it waits, then the client,
//! and so on.

use std::io;

use support::session::Act;
use support::session::recording::{Frame, Part, Recording, Side, State, Words};

use crate::kernel;
use crate::script::Perform;
use crate::sentence::{self, words};

/// How many steps are recorded.
const MOST: usize = 100;

/// How often the same call may return the same, one time after the other.
const MOST_ALIKE: usize = 5;

/// How often something may happen by itself, one time after the other.
const MOST_BY_ITSELF: usize = 3;

/// How many lines are typed where a program reads its terminal, and what; then its input ends.
const LINES: usize = 3;
const TYPED: &str = "hello";

/// Records these programs, the server and its clients.
pub fn record(programs: Vec<Part>, session: &mut Perform) -> io::Result<Recording> {
    let frames = go_on(Vec::new(), programs.len(), session)?;
    Ok(Recording { programs, frames, numbered: false })
}

/// Lets so many programs go on after these frames, to the end.
pub fn go_on(frames: Vec<Frame>, programs: usize, session: &mut Perform) -> io::Result<Vec<Frame>> {
    let (done, typed) = (frames.len(), vec![0; programs]);
    let is_started_again = programs > 2 || done > 0;
    let mut run = Run { session, frames, typed, is_started_again, by_itself: 0 };
    let end = run.go_on_to_the_end(programs)?;
    let mut frames = run.frames;
    for at in done..frames.len() {
        let (before, rest) = frames.split_at_mut(at);
        rest[0].words = kernel::of_change(&rest[0], before.last());
    }
    let last = frames.last().map(Frame::unchanged).unwrap_or_default();
    let words = [end].into_iter().chain(sentence::of_unclosed(&last));
    frames.push(Frame { words: sentence::joined(words), ..last });
    Ok(frames)
}

struct Run<'a, 'b> {
    session: &'a mut Perform<'b>,
    frames: Vec<Frame>,
    /// How many lines have been typed for each program.
    typed: Vec<usize>,
    is_started_again: bool,
    /// How often something has just happened by itself.
    by_itself: usize,
}

impl Run<'_, '_> {
    /// Lets the programs go on, and says why the recording ends.
    fn go_on_to_the_end(&mut self, programs: usize) -> io::Result<Words> {
        let (mut who, mut waiting) = (0, 0);
        loop {
            if let Some(end) = self.frames.last().and_then(must_end) {
                return Ok(end);
            }
            if self.frames.len() >= MOST {
                return Ok(after_many_steps());
            }
            if repeats(&self.frames) {
                return Ok(only_repeats());
            }
            let lines = self.typed[who];
            if self.go_on(who)? {
                waiting = 0;
                self.by_itself = 0;
                if self.typed[who] == lines {
                    continue;
                }
            } else {
                waiting += 1;
            }
            who = (who + 1) % programs; // also after a line: the others go on in between
            if waiting >= programs {
                if let Some(end) = self.wait()? {
                    return Ok(end);
                }
                (who, waiting) = (0, 0);
            }
        }
    }

    /// Lets a program go one step on, and returns whether it does: not where it waits, or has ended.
    fn go_on(&mut self, who: usize) -> io::Result<bool> {
        let now = self.state(who).clone();
        if now == State::Absent {
            self.start(who)?;
            return Ok(true);
        }
        let Some(act) = self.next(who, &now) else {
            return Ok(false);
        };
        let frame = (self.session)(who, act)?;
        self.frames.push(frame);
        Ok(true)
    }

    /// Starts a program, and lets it make its first call, as one step.
    fn start(&mut self, who: usize) -> io::Result<()> {
        let mut frame = (self.session)(who, Act::Start)?;
        let is_first = self.frames.is_empty();
        if let Some(act) = self.next(who, &frame.sides[who].state).filter(|_| !is_first) {
            let next = (self.session)(who, act)?;
            (frame.who, frame.call) = (next.who, next.call.clone());
            frame.add(next);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn next(&mut self, who: usize, now: &State) -> Option<Act> {
        match now {
            State::Asks(_) => Some(Act::Enter),
            State::Waits(what) if what == "its terminal" && self.typed[who] <= LINES => {
                self.typed[who] += 1;
                let is_over = self.typed[who] > LINES;
                Some(if is_over { Act::EndInput } else { Act::Type(TYPED.to_owned()) })
            }
            _ => None,
        }
    }

    fn state(&self, who: usize) -> &State {
        self.frames.last().map_or(&State::Absent, |frame| &frame.sides[who].state)
    }

    /// Goes on where all programs wait, or have ended; or says why the recording ends.
    fn wait(&mut self) -> io::Result<Option<Words>> {
        let frame = self.frames.last().expect("the server has been started");
        let clients = &frame.sides[1..];
        let server_waits = frame.sides[0].state.is_running();
        if server_waits && !self.is_started_again && clients.iter().all(has_ended) {
            self.is_started_again = true;
            self.typed[1] = 0;
            self.start(1)?;
            return Ok(None);
        }
        if frame.sides.iter().any(may_go_on) || frame.sockets.iter().any(|it| it.tx.is_some()) {
            let next = (self.session)(0, Act::Wait)?;
            let is_news =
                next.sides.iter().any(|side| !side.new.is_empty() || !side.did.is_empty())
                    || !next.segments.is_empty();
            self.by_itself += 1;
            if is_news && self.by_itself <= MOST_BY_ITSELF {
                self.frames.push(next);
                return Ok(None);
            }
            return Ok(Some(if is_news { only_repeats() } else { after_a_while() }));
        }
        Ok(Some(end(&frame.sides)))
    }
}

fn has_ended(side: &Side) -> bool {
    matches!(side.state, State::Ended(_))
}

/// Returns whether a thread of a program waits for a limited time only.
fn may_go_on(side: &Side) -> bool {
    let is_limited = |state: &State| match state {
        State::Waits(what) => {
            what.starts_with("sleep")
                || what.contains(", at most ")
                || what.ends_with("a limited time")
        }
        _ => false,
    };
    is_limited(&side.state) || side.threads.iter().any(|thread| is_limited(&thread.state))
}

/// Returns whether the last frames show the same call again and again, and nothing else.
fn repeats(frames: &[Frame]) -> bool {
    let call = |frame: &Frame| {
        let who = frame.who?;
        let [did] = &frame.sides[who].did[..] else {
            return None;
        };
        Some((who, did.1.clone(), did.2.clone())).filter(|_| frame.segments.is_empty())
    };
    let last = frames.last().and_then(call);
    last.is_some()
        && frames.iter().rev().take(MOST_ALIKE).filter(|it| call(it) == last).count() == MOST_ALIKE
}

/// Says why a recording must end with this frame, if it must.
fn must_end(frame: &Frame) -> Option<Words> {
    if let Some(who) = frame.sides.iter().position(|side| side.forked) {
        let Words { en, zh } = sentence::subject(who, frame.sides.len());
        return Some(words(
            format!(
                "{en} has started another process. Both print in one terminal, and nothing says whose line is whose, so the recording ends here."
            ),
            format!(
                "{zh}启动了另一个进程。两个进程在同一个终端里输出，分不清哪一行是谁的，记录到此为止。"
            ),
        ));
    }
    frame.restless.then(|| {
        words(
            "A program runs on and on without such a call, so the recording ends here.",
            "有程序一直在运行，却没有再进行这类调用，记录到此为止。",
        )
    })
}

fn after_many_steps() -> Words {
    words(
        format!("After {MOST} steps the recording ends here. The programs would go on."),
        format!("已有 {MOST} 步，记录到此为止。程序还会继续运行。"),
    )
}

fn only_repeats() -> Words {
    words(
        "From here on the same happens again and again, so the recording ends.",
        "从这里起，同样的事情反复发生，记录到此为止。",
    )
}

fn after_a_while() -> Words {
    words(
        "For ten seconds nothing has happened, so the recording ends here.",
        "十秒之内什么也没有发生，记录到此为止。",
    )
}

/// Says how it ends where nobody can go on.
fn end(sides: &[Side]) -> Words {
    let waits = |side: &Side| matches!(side.state, State::Waits(_));
    let (server, clients) = (&sides[0], &sides[1..]);
    let all_ended = clients.iter().all(has_ended);
    let several = clients.len() > 1;
    match (has_ended(server), all_ended) {
        (true, true) if several => words("All programs have ended.", "所有程序都已结束。"),
        (true, true) => words("Both programs have ended.", "两个程序都已结束。"),
        (false, true) if waits(server) && several => words(
            "All clients have ended, and the server still waits.",
            "所有客户端都已结束，服务器还在等待。",
        ),
        (false, true) if waits(server) => words(
            "The client has ended, and the server still waits.",
            "客户端已经结束，服务器还在等待。",
        ),
        (true, false) if waits(&clients[0]) && !several => words(
            "The server has ended, and the client still waits.",
            "服务器已经结束，客户端还在等待。",
        ),
        (true, false) if clients.iter().all(|it| has_ended(it) || waits(it)) => words(
            "The server has ended, and a client still waits.",
            "服务器已经结束，还有客户端在等待。",
        ),
        _ if sides.iter().all(|it| has_ended(it) || waits(it)) => words(
            "Each program waits for the other: nothing more happens.",
            "程序互相等待，不会再有任何进展。",
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
        let part = |server| Part { name: "a".to_owned(), source: "own/a".to_owned(), server };
        let recording = record(vec![part(true), part(false)], &mut session);
        let recording = recording.expect("it is recorded");
        assert!(answers.next().is_none(), "all has been done");
        recording
    }

    #[test]
    fn each_program_goes_on_until_it_waits_or_a_line_has_been_typed() {
        let recording = record_pair(vec![
            (0, Act::Start, asks("accept(3)"), State::Absent),
            (0, Act::Enter, waits("accept(3)"), State::Absent),
            (1, Act::Start, waits("accept(3)"), asks("connect(3, 127.0.0.1:12345)")),
            (1, Act::Enter, asks("close(4)"), waits("its terminal")),
            (1, Act::Type("hello".to_owned()), asks("close(4)"), waits("its terminal")),
            (0, Act::Enter, ended(), waits("its terminal")),
            (1, Act::Type("hello".to_owned()), ended(), waits("its terminal")),
            (1, Act::Type("hello".to_owned()), ended(), waits("its terminal")),
            (1, Act::EndInput, ended(), ended()),
        ]);
        let last = recording.frames.last().expect("it has steps");
        assert_eq!(last.words.en, "Both programs have ended.");
        assert_eq!(recording.frames.len(), 9); // the client's start and its first call are one
    }
}
