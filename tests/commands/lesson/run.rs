//! Runs a scenario with the programs as they are.

use std::io;

use crate::narration::name;
use crate::recorder::Recorder;
use crate::scenario::{ANSWERED, ASKS, CTRL_C, Event, STARTS, SYN_AGAIN, Scenario, Step};
use crate::sentence;
use crate::terminal::Terminal;
use support::session::recording::{Frame, Recording, Words};

/// Two: the kernel takes the even one first.
const PORTS: u16 = 2;

/// How many calls are let through that a scenario does not have.
const MOST_EXTRA: usize = 10;

struct Run<'a> {
    recorder: Recorder,
    /// All that is still to happen, the next one last.
    events: Vec<&'a Event>,
    extra: usize,
    /// Whether the programs have made the very calls that the scenario has: only then its sentences
    /// hold.
    is_as_written: bool,
}

/// Runs a scenario, and returns whether all went as it is written, too.
pub fn record(scenario: &Scenario, edition: &str) -> io::Result<(Recording, bool)> {
    let recorder = Recorder::new(scenario.programs(edition), PORTS)?;
    let steps = scenario.steps(edition);
    let events = steps.iter().flat_map(|step| &step.events).rev().collect();
    let mut run = Run { recorder, events, extra: 0, is_as_written: true };
    for step in steps {
        if run.step(step)?.is_none() {
            return Ok((run.recorder.recording(), false));
        }
    }
    Ok((run.recorder.recording(), run.is_as_written))
}

impl Run<'_> {
    /// Runs a step, and adds its frame. Returns `None` where a program does something else, so that
    /// the recording ends.
    fn step(&mut self, step: &Step) -> io::Result<Option<()>> {
        let mut problem = None;
        for event in &step.events {
            problem = self.make_happen(event)?;
            if problem.is_some() {
                break;
            }
            self.events.pop();
        }
        let problem = problem.or_else(|| self.look_ahead());
        let mut frame = self.look(step)?;
        frame.unexpected = problem.is_some();
        let goes_on = problem.is_none().then_some(());
        frame.words = match problem {
            Some(problem) => problem,
            None if self.is_as_written => step.words.clone(),
            None => sentence::of_frame(&frame, &self.recorder.terminals),
        };
        self.recorder.add(frame);
        Ok(goes_on)
    }

    fn look(&mut self, step: &Step) -> io::Result<Frame> {
        // What the kernel does by itself, no program has done.
        let is_done = |event: &&Event| event.what == CTRL_C || event.call() == Some(event.what);
        let last = step.events.iter().rfind(is_done).filter(|_| self.recorder.frames() > 0);
        let is_killed = step.events.iter().any(|event| event.what == CTRL_C);
        let call = last.map(|event| if is_killed { "kill" } else { event.what });
        let waits = step.events.iter().filter(|event| [SYN_AGAIN, ANSWERED].contains(&event.what));
        let again: Vec<usize> = waits.map(|event| event.who).collect();
        self.recorder.look(last.map(|event| event.who), call, &again)
    }

    /// Does one thing, and returns what is said where something else happens.
    fn make_happen(&mut self, event: &Event) -> io::Result<Option<Words>> {
        let who = event.who;
        if let Some(call) = event.call() {
            if !self.recorder.terminals[who].is_running() {
                self.recorder.start(who)?;
            }
            self.let_other_threads_go_on(who, call)?;
            let asked = self.recorder.terminals[who].question();
            if asked.as_deref().map(name) != Some(name(call)) {
                return Ok(Some(self.unexpected(event, asked.as_deref())));
            }
            self.is_as_written &= asked.as_deref() == Some(call);
        }
        let recorder = &mut self.recorder;
        let is_at_rest = match event.what {
            STARTS => recorder.start(who)?,
            CTRL_C => recorder.interrupt(who)?,
            SYN_AGAIN => recorder.wait_until(|recorder| recorder.was_sent_again(who))?,
            ANSWERED => {
                recorder.wait_until(|recorder| recorder.terminals[who].question().is_some())?
            }
            what if what.starts_with(ASKS) => true,
            _ => recorder.enter(who, "")?,
        };
        Ok((!is_at_rest).then(|| sentence::no_rest(who, event.what, &recorder.terminals)))
    }

    /// Lets a program make calls that are not expected, each a step of its own, where another thread
    /// may ask for the expected one next.
    fn let_other_threads_go_on(&mut self, who: usize, expected: &str) -> io::Result<()> {
        while self.recorder.terminals[who].has_threads() && self.extra < MOST_EXTRA {
            let asked = self.recorder.terminals[who].question();
            let Some(asked) = asked.filter(|asked| name(asked) != name(expected)) else {
                break;
            };
            self.extra += 1;
            self.is_as_written = false;
            self.recorder.enter(who, "")?;
            if self.recorder.frames() > 0 {
                let mut frame = self.recorder.look(Some(who), Some(&asked), &[])?;
                frame.words = sentence::of_frame(&frame, &self.recorder.terminals);
                self.recorder.add(frame);
            }
        }
        Ok(())
    }

    /// Returns what is said where a program asks for another call than its next one: that would belie
    /// the step's sentence.
    fn look_ahead(&mut self) -> Option<Words> {
        let terminals = &self.recorder.terminals;
        self.is_as_written &= !terminals.iter().any(Terminal::is_mixed);
        for (who, terminal) in terminals.iter().enumerate() {
            let next = self.events.iter().rfind(|event| event.who == who);
            let Some((next, asked)) = next.zip(terminal.question()) else {
                continue;
            };
            let is_expected = match next.call() {
                Some(call) => name(call) == name(&asked),
                None => next.what == CTRL_C,
            };
            if !is_expected && terminal.has_threads() {
                self.is_as_written = false;
            } else if !is_expected {
                return Some(self.unexpected(next, Some(&asked)));
            }
        }
        None
    }

    fn unexpected(&self, expected: &Event, asked: Option<&str>) -> Words {
        sentence::unexpected(expected.who, expected.what, asked, &self.recorder.terminals)
    }
}
