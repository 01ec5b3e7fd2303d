//! Drives a session as a scenario is written, with the programs as they are.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use support::command_line::tell;
use support::session::Act;
use support::session::ask::Question;
use support::session::recording::{Frame, Part, Recording, Segment, State, Words, name_of};

use crate::scenario::{ANSWERED, ASKS, CTRL_C, Event, KILL, STARTS, SYN_AGAIN, Scenario, Step};
use crate::{by_itself, kernel, sentence};

/// How many calls are let through that a scenario does not have.
const MOST_EXTRA: usize = 10;

/// How many things may happen by themselves before the one that is waited for.
const MOST_WAITS: usize = 20;

/// How long to wait for it, before the scenario is begun again.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How often a scenario is begun again. Which thread of a server asks first is left to chance.
const TRIES: usize = 6;

/// Does something to a program, and returns what there is to see then.
pub type Perform<'a> = dyn FnMut(usize, Act) -> io::Result<Frame> + 'a;

struct Script<'a> {
    session: &'a mut Perform<'a>,
    /// All that is still to happen, the next one last.
    events: Vec<&'a Event>,
    /// The steps that are done, and what the next one shows so far.
    frames: Vec<Frame>,
    step: Frame,
    /// The SYNs that have been sent again. When that happens is left to the clock, so they are shown
    /// only where the scenario has it.
    repeated: Vec<Segment>,
    /// Whether nothing is sent again before the scenario says so.
    is_on_the_wire: bool,
    extra: usize,
    /// The program that has acted last in this step, and its call.
    acted: Option<(usize, String)>,
    /// Whether the programs have made the very calls that the scenario has: only then its sentences
    /// hold.
    is_as_written: bool,
    /// A program that is not the project's any more, until that has been said.
    changed: Option<&'a str>,
}

/// Runs the first steps of a scenario, and returns whether all went as it is written, too. Where one of
/// the programs has been changed and does something else, it goes on by itself.
pub fn record<'a>(
    scenario: &'a Scenario,
    edition: &str,
    count: usize,
    changed: Option<&'a str>,
    session: &'a mut Perform<'a>,
) -> io::Result<(Recording, bool)> {
    let programs: Vec<Part> =
        scenario.programs(edition).into_iter().map(|launch| launch.part).collect();
    let mut steps = scenario.steps(edition);
    steps.truncate(count);
    let events = steps.iter().flat_map(|(_, step)| &step.events).rev().collect();
    let mut script = Script {
        step: session(0, Act::Look)?,
        session,
        events,
        frames: Vec::new(),
        repeated: Vec::new(),
        is_on_the_wire: scenario.is_on_the_wire(),
        extra: 0,
        acted: None,
        is_as_written: true,
        changed,
    };
    for (_, step) in &steps {
        if script.make(step, changed.is_some())?.is_none() {
            script.is_as_written = false;
            if changed.is_some() {
                let frames = mem::take(&mut script.frames);
                let done = frames.len();
                script.frames = by_itself::go_on(frames, programs.len(), script.session)?;
                if let Some(name) = script.changed.take() {
                    let frame = &mut script.frames[done];
                    frame.words = sentence::joined([sentence::changed(name), frame.words.clone()]);
                }
            }
            break;
        }
    }
    if script.is_as_written {
        ask(steps.iter().map(|(question, _)| *question), &mut script.frames);
    }
    Ok((Recording { programs, frames: script.frames, numbered: false }, script.is_as_written))
}

/// Tries until all goes as the scenario is written, or has not often enough. Returns what the last try
/// has come to, and whether it went so.
pub fn again_until_as_written<T>(
    mut record: impl FnMut() -> io::Result<(T, bool)>,
) -> io::Result<(T, bool)> {
    let mut tries = 1;
    loop {
        let (recorded, is_as_written) = record()?;
        if is_as_written || tries == TRIES {
            return Ok((recorded, is_as_written));
        }
        tries += 1;
    }
}

/// Adds to each frame what is asked before it. A question that the recording leaves open is left out.
fn ask<'a>(questions: impl Iterator<Item = Option<&'a Question>>, frames: &mut [Frame]) {
    for (number, question) in questions.enumerate().skip(1) {
        let (before, frames) = frames.split_at_mut(number);
        let [frame, ..] = frames else {
            break;
        };
        let asked = question.zip(before.last()).map(|(it, before)| it.between(before, frame));
        frame.ask = asked.and_then(|asked| asked.map_err(|problem| tell(&problem)).ok());
    }
}

impl Script<'_> {
    /// Makes a step, and adds its frame. Returns `None` where a program does something else, so that
    /// the recording ends.
    fn make(&mut self, step: &Step, is_changed: bool) -> io::Result<Option<()>> {
        let mut problem = None;
        for event in &step.events {
            problem = self.make_happen(event)?;
            if problem.is_some() {
                break;
            }
            self.events.pop();
        }
        let is_begun = problem.is_none() || self.acted.is_some();
        let problem = problem.or_else(|| self.look_ahead());
        self.show_repeated(step);
        let acted = self.acted.take().filter(|_| !self.frames.is_empty());
        (self.step.who, self.step.call) = acted.unzip();
        let goes_on = problem.is_none().then_some(());
        self.is_as_written &= problem.is_none();
        let problem = problem.filter(|_| !is_changed);
        if goes_on.is_none() && problem.is_none() && !is_begun {
            return Ok(None); // nothing has happened in it
        }
        self.step.unexpected = problem.is_some();
        let words = problem.or_else(|| self.is_as_written.then(|| step.words.clone()));
        self.finish_step(words);
        Ok(goes_on)
    }

    /// Adds the step's frame, with these words or general ones.
    fn finish_step(&mut self, words: Option<Words>) {
        let next = self.step.unchanged();
        let mut frame = mem::replace(&mut self.step, next);
        let general = || match self.frames.last() {
            Some(before) => kernel::of_change(&frame, Some(before)),
            None => sentence::so_far(),
        };
        let note = if self.is_as_written { None } else { self.changed.take() };
        frame.words = match (words, note.map(sentence::changed)) {
            (words, None) => words.unwrap_or_else(general),
            (words, Some(note)) => sentence::joined([note, words.unwrap_or_else(general)]),
        };
        self.frames.push(frame);
    }

    /// Leaves in a step of what is sent again no more than the scenario has there.
    fn show_repeated(&mut self, step: &Step) {
        if self.is_on_the_wire {
            return;
        }
        let (repeated, others): (Vec<_>, Vec<_>) =
            mem::take(&mut self.step.segments).into_iter().partition(|segment| segment.5.again);
        // When a full queue is asked whether it takes more is left to the clock, too.
        let others = others.into_iter().filter(|segment| !(segment.5.probe || segment.5.answer));
        self.repeated.extend(repeated);
        let waits = step.events.iter().filter(|event| [SYN_AGAIN, ANSWERED].contains(&event.what));
        for who in waits.map(|event| event.who) {
            let last = self.repeated.iter().rfind(|segment| segment.0 == who);
            self.step.segments.extend(last.cloned());
            self.repeated.retain(|segment| segment.0 != who);
        }
        self.step.segments.extend(others);
    }

    fn was_sent_again(&self, who: usize) -> bool {
        let mut segments = self.repeated.iter().chain(&self.step.segments);
        segments.any(|segment| segment.5.again && segment.0 == who)
    }

    fn state(&self, who: usize) -> &State {
        &self.step.sides[who].state
    }

    fn has_threads(&self, who: usize) -> bool {
        !self.step.sides[who].threads.is_empty()
    }

    /// Does something to a program, and adds to the step what there is to see then.
    fn act(&mut self, who: usize, act: Act) -> io::Result<()> {
        let frame = (self.session)(who, act)?;
        self.step.add(frame);
        Ok(())
    }

    fn wait_until(&mut self, is_so: impl Fn(&Self) -> bool) -> io::Result<()> {
        let begun = Instant::now();
        for _ in 0..MOST_WAITS {
            if is_so(self) {
                return Ok(());
            }
            if begun.elapsed() > LONGEST_WAIT {
                break;
            }
            self.act(0, Act::Wait)?;
        }
        self.step.restless = true;
        Ok(())
    }

    /// Does one thing, and returns what is said where something else happens.
    fn make_happen(&mut self, event: &Event) -> io::Result<Option<Words>> {
        let who = event.who;
        if let Some((who, act)) = event.on_the_wire() {
            return self.make_happen_on_the_wire(event, who, act);
        }
        if let Some(call) = event.call() {
            if !self.state(who).is_running() {
                self.act(who, Act::Start)?;
            }
            self.let_other_threads_go_on(who, call)?;
            let asked = self.state(who).asks();
            if asked.map(name_of) != Some(name_of(call)) {
                return Ok(Some(sentence::unexpected(event, &self.step)));
            }
            self.is_as_written &= asked == Some(call);
        }
        // What the kernel does by itself, no program has done.
        let called = match event.what {
            CTRL_C => Some("kill"),
            call if call == KILL || event.call() == Some(call) => Some(name_of(call)),
            _ => None,
        };
        // What a program still calls when Ctrl-C ends it belongs to that.
        let is_killed = self.acted.as_ref().is_some_and(|(_, call)| call == "kill");
        if let Some(call) = called.filter(|_| !is_killed) {
            self.acted = Some((who, call.to_owned()));
        }
        match event.what {
            STARTS => self.act(who, Act::Start)?,
            CTRL_C => self.act(who, Act::Interrupt)?,
            KILL => self.act(who, Act::Kill)?,
            SYN_AGAIN => self.wait_until(|script| script.was_sent_again(who))?,
            ANSWERED => {
                if !self.wait_for_answer(who)? {
                    return Ok(Some(sentence::unexpected(event, &self.step)));
                }
            }
            what if what.starts_with(ASKS) => {}
            _ => self.act(who, Act::Enter)?,
        }
        Ok(self.step.restless.then(|| sentence::no_rest(event, &self.step)))
    }

    /// Has a segment be lost, held, let go, or sent again.
    fn make_happen_on_the_wire(
        &mut self,
        event: &Event,
        who: usize,
        act: Act,
    ) -> io::Result<Option<Words>> {
        let again = |script: &Self| {
            let segments = script.step.segments.iter();
            segments.filter(|it| it.0 == who && (it.5.again || it.5.probe)).count()
        };
        let (is_repeat, before) = (act == Act::Repeat, again(self));
        if self.is_on_the_wire {
            self.act(who, act)?;
        } else {
            // What comes before the probe carries what little there is room for.
            self.wait_until(|script| again(script) > before)?;
        }
        if is_repeat && again(self) == before {
            return Ok(Some(sentence::nothing_again(event, &self.step)));
        }
        Ok(self.step.restless.then(|| sentence::no_rest(event, &self.step)))
    }

    /// Waits until a client's SYN is answered, and returns whether it is not another client's: where there is room
    /// for one alone, that is left to chance.
    fn wait_for_answer(&mut self, who: usize) -> io::Result<bool> {
        let asks = |script: &Self, who: usize| script.state(who).asks().is_some();
        let clients = 1..self.step.sides.len();
        let waiting: Vec<usize> = clients.filter(|client| !asks(self, *client)).collect();
        self.wait_until(|script| {
            asks(script, who) || waiting.iter().any(|client| asks(script, *client))
        })?;
        Ok(asks(self, who) || self.step.restless)
    }

    /// Lets a program make calls that are not expected, each a step of its own, where another thread
    /// may ask for the expected one next.
    fn let_other_threads_go_on(&mut self, who: usize, expected: &str) -> io::Result<()> {
        while self.has_threads(who) && self.extra < MOST_EXTRA {
            let asked = self.state(who).asks().filter(|asked| name_of(asked) != name_of(expected));
            let Some(call) = asked.map(|asked| name_of(asked).to_owned()) else {
                break;
            };
            self.extra += 1;
            self.is_as_written = false;
            self.act(who, Act::Enter)?;
            if !self.frames.is_empty() {
                (self.step.who, self.step.call) = (Some(who), Some(call));
                self.finish_step(None);
            }
        }
        Ok(())
    }

    /// Returns what is said where a program asks for another call than its next one: that would belie
    /// the step's sentence.
    fn look_ahead(&mut self) -> Option<Words> {
        self.is_as_written &= !self.step.sides.iter().any(|side| side.mixed);
        for who in 0..self.step.sides.len() {
            let next =
                self.events.iter().rfind(|event| event.who == who && event.on_the_wire().is_none());
            let Some((next, asked)) = next.zip(self.state(who).asks()) else {
                continue;
            };
            let is_expected = match next.call() {
                Some(call) => name_of(call) == name_of(asked),
                None => [CTRL_C, KILL].contains(&next.what),
            };
            if !is_expected && self.has_threads(who) {
                self.is_as_written = false;
            } else if !is_expected {
                return Some(sentence::unexpected(next, &self.step));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use support::session::recording::{Extra, Side};

    use super::*;

    const SCENARIO: &str = "\
test
A test
测试
no experiment
rust: short-server; short-client
python: short_server.py; short_client.py

server: starts
    It starts.
    启动。

server: listen(3, 5)
    It listens.
    监听。

client: sends its SYN again
    Once more.
    再来一次。
";

    /// Plays a server that asks for these calls, and a client whose SYN is sent again twice.
    fn record_server(calls: &[&str], changed: Option<&str>) -> (Vec<String>, bool, Vec<usize>) {
        let scenario = Scenario::read(SCENARIO);
        let mut calls = calls.iter();
        let mut session = |_: usize, act: Act| {
            let mut frame = Frame::default();
            frame.sides.resize_with(2, Side::default);
            if let Some(call) = calls.next().filter(|_| [Act::Start, Act::Enter].contains(&act)) {
                frame.sides[0].state = State::Asks((*call).to_owned());
            } else if act == Act::Wait {
                let again = Extra { again: true, ..Extra::default() };
                let syn = Segment(1, 0, "SYN".to_owned(), String::new(), 0, again);
                frame.segments = vec![syn.clone(), syn];
            }
            Ok(frame)
        };
        let (recording, is_as_written) =
            record(&scenario, "rust", usize::MAX, changed, &mut session).expect("it is recorded");
        let frames = recording.frames.iter();
        let (words, segments) = frames.map(|it| (it.words.en.clone(), it.segments.len())).unzip();
        (words, is_as_written, segments)
    }

    #[test]
    fn scenario_has_its_own_sentences_where_the_programs_do_what_it_says() {
        let (words, is_as_written, segments) =
            record_server(&["", "listen(3, 5)", "accept(3)"], None);
        assert_eq!(words, ["It starts.", "It listens.", "Once more."]);
        assert!(is_as_written);
        assert_eq!(segments, [0, 0, 1]); // of two, which the clock decides, it shows the last
    }

    #[test]
    fn scenario_ends_where_a_program_asks_for_another_call() {
        let (words, is_as_written, _) = record_server(&["", "socket(AF_INET, SOCK_STREAM)"], None);
        assert!(!is_as_written);
        assert!(words[0].starts_with("Expected of the server here: listen(3, 5)."), "{}", words[0]);
    }

    #[test]
    fn scenario_says_so_where_a_kernel_does_not_send_again_what_it_waits_for() {
        const SCENARIO: &str = "\
test
A test
测试
no experiment
two machines
rust: short-server; short-client

server: starts
    It starts.
    启动。

client: sends it again
    Once more.
    再来一次。
";
        for is_sent in [true, false] {
            let mut session = |_: usize, act: Act| {
                let mut frame = Frame::default();
                frame.sides.resize_with(2, Side::default);
                let again = Extra { again: true, ..Extra::default() };
                let segment = Segment(1, 0, String::new(), "hello".to_owned(), 5, again);
                frame.segments.extend((is_sent && act == Act::Repeat).then_some(segment));
                Ok(frame)
            };
            let scenario = Scenario::read(SCENARIO);
            let recorded = record(&scenario, "rust", usize::MAX, None, &mut session);
            let (recording, is_as_written) = recorded.expect("it is recorded");
            let last = &recording.frames[1];
            assert_eq!((is_as_written, last.unexpected), (is_sent, !is_sent));
            assert_eq!(last.words.en.contains("has sent nothing again"), !is_sent);
        }
    }

    #[test]
    fn changed_program_goes_on_with_general_sentences() {
        let calls = ["", "socket(AF_INET, SOCK_STREAM)", "listen(3, 5)"];
        let (words, is_as_written, _) = record_server(&calls, Some("short-server"));
        assert!(!is_as_written);
        assert!(words[0].starts_with("short-server has been changed"), "{}", words[0]);
        assert!(words.len() > 1 && !words.iter().any(|words| words.contains("Expected")));
    }

    #[test]
    fn step_that_a_changed_program_does_not_make_is_not_shown() {
        let scenario = Scenario::read(SCENARIO);
        let states = [State::Waits("accept(3)".to_owned()), State::Ended("status 0".to_owned())];
        let side = |state: &State| Side { state: state.clone(), ..Side::default() };
        let sides: Vec<Side> = states.iter().map(side).collect();
        let mut session = |_: usize, _: Act| Ok(Frame { sides: sides.clone(), ..Frame::default() });
        let changed = Some("short-server");
        let recorded = record(&scenario, "rust", usize::MAX, changed, &mut session);
        let (recording, is_as_written) = recorded.expect("it is recorded");
        assert!(!is_as_written);
        let words: Vec<&str> = recording.frames.iter().map(|it| it.words.en.as_str()).collect();
        assert_eq!(words[0], "It starts.");
        assert!(words[1].starts_with("short-server has been changed"), "{}", words[1]);
        assert!(words[1].ends_with("the server still waits."), "{}", words[1]);
        assert_eq!(words.len(), 2);
    }

    /// Records a scenario in which the first of two clients is answered, and returns whether all went as it
    /// is written, and how often something was waited for. Both wait in `connect`, until the look at this
    /// number shows that this one has been answered.
    fn is_answered(client: usize, look: usize) -> (bool, usize) {
        const TEXT: &str = "\
test
A test
测试
no experiment
rust: short-server; short-client; short-client
python: short_server.py; short_client.py; short_client.py

client 1: is answered
    It is answered.
    得到回应。
";
        let (mut looks, mut waits) = (0, 0);
        let mut session = |_: usize, act: Act| {
            waits += usize::from(act == Act::Wait);
            let state = |who| {
                if looks >= look && who == client {
                    State::Asks("send(3, \"hello\")".to_owned())
                } else {
                    State::Waits("connect(3, 127.0.0.1:12345)".to_owned())
                }
            };
            let sides = [State::Runs, state(1), state(2)];
            looks += 1;
            let sides = sides.map(|state| Side { state, ..Side::default() }).into();
            Ok(Frame { sides, ..Frame::default() })
        };
        let scenario = Scenario::read(TEXT);
        let recorded = record(&scenario, "rust", usize::MAX, None, &mut session);
        let (_, is_as_written) = recorded.expect("it is recorded");
        (is_as_written, waits)
    }

    #[test]
    fn scenario_ends_at_once_where_chance_has_another_client_be_answered() {
        assert_eq!(is_answered(1, 1), (true, 1));
        assert_eq!(is_answered(2, 1), (false, 1));
    }

    #[test]
    fn scenario_is_tried_again_until_it_goes_as_written_but_not_for_ever() {
        for (good, expected) in [(1, (1, true)), (3, (3, true)), (7, (6, false))] {
            let mut tries = 0;
            let result = again_until_as_written(|| {
                tries += 1;
                Ok((tries, tries == good))
            });
            assert_eq!(result.expect("it is recorded"), expected);
        }
    }

    #[test]
    fn client_that_has_been_answered_already_is_not_waited_for() {
        assert_eq!(is_answered(1, 0), (true, 0));
    }
}
