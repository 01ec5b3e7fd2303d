//! Plays a scenario: which program makes which call, in which order, and what each step shows.
//!
//! `scenarios.txt` holds them all, as blocks of lines: who does what, then the sentence in English
//! and in Chinese.

use std::fs;
use std::io;

use crate::narration::name;
use crate::recorder::Recorder;
use crate::recording::{Recording, Words};
use crate::sentence;
use crate::source::root;
use crate::terminal::{Started, Terminal};

pub const EDITIONS: [&str; 2] = ["rust", "python"];

/// Two: the kernel takes the even one first.
const PORTS: u16 = 2;

pub struct Scenario {
    pub id: &'static str,
    pub title: Words,
    /// The number of the experiment that it belongs to.
    pub experiment: Option<u8>,
    /// What is started in the terminals, for each edition.
    programs: Vec<(&'static str, Vec<&'static str>)>,
    steps: Vec<Step>,
}

/// What happens between two frames.
struct Step {
    /// `None` where it belongs to both.
    edition: Option<&'static str>,
    acts: Vec<Act>,
    words: Words,
}

/// A program, and the call that it makes, or else what happens to it.
struct Act {
    who: usize,
    what: &'static str,
}

impl Act {
    /// Returns the call that it asks to be let make.
    fn call(&self) -> Option<&'static str> {
        let call = self.what.strip_prefix(ASKS).unwrap_or(self.what);
        Some(call).filter(|call| call.ends_with(')'))
    }
}

// What can happen besides a call.
const STARTS: &str = "starts";
const ASKS: &str = "asks for ";
const CTRL_C: &str = "Ctrl-C";
const SYN_AGAIN: &str = "sends its SYN again";
const ANSWERED: &str = "is answered";

/// Returns all scenarios.
pub fn all() -> Vec<Scenario> {
    include_str!("scenarios.txt").split("\n## ").skip(1).map(Scenario::read).collect()
}

impl Scenario {
    fn read(text: &'static str) -> Self {
        let mut blocks = text.split("\n\n").map(str::trim_end).filter(|block| !block.is_empty());
        let mut head = blocks.next().unwrap_or_default().lines();
        let mut next = || head.next().expect("a scenario begins with its head");
        let (id, title) = (next(), words(next(), next()));
        let experiment = next().strip_prefix("experiment ").and_then(|number| number.parse().ok());
        let programs = head.filter_map(|line| {
            let (edition, programs) = line.split_once(": ")?;
            Some((edition, programs.split("; ").collect()))
        });
        let programs = programs.collect();
        Self { id, title, experiment, programs, steps: blocks.map(Step::read).collect() }
    }

    /// Returns where the experiment is in each language's page.
    pub fn anchor(&self) -> Option<Words> {
        let number = self.experiment?;
        let anchor = |page: &str| {
            let text = fs::read_to_string(root().join("docs").join(page)).ok()?;
            let mut titles = text.lines().filter_map(|line| line.strip_prefix("## "));
            let title = titles.find(|title| title.starts_with(&format!("{number} ")))?;
            Some(format!("{page}#{}", anchor_of(title)))
        };
        Some(Words { en: anchor("experiments.md")?, zh: anchor("experiments.zh-CN.md")? })
    }

    /// Plays it in a network namespace of its own.
    pub fn record(&self, edition: &str) -> io::Result<Recording> {
        let programs =
            self.programs.iter().find(|(its, _)| *its == edition).map(|(_, programs)| programs);
        let programs = programs.expect("each scenario has both editions").iter().enumerate();
        let programs = programs.map(|(number, words)| Started::of_lesson(words, number == 0));
        let mut recorder = Recorder::new(programs.collect(), PORTS)?;
        let is_its = |step: &&Step| step.edition.is_none_or(|its| its == edition);
        let steps: Vec<&Step> = self.steps.iter().filter(is_its).collect();
        let acts: Vec<&Act> = steps.iter().flat_map(|step| &step.acts).collect();
        let mut player = Player { acts: &acts, done: 0, is_as_written: true };
        for step in steps {
            let problem = player.play(step, &mut recorder)?;
            let is_killed = step.acts.iter().any(|act| act.what == CTRL_C);
            // What the kernel does by itself has no actor.
            let acts = |act: &&Act| act.what == CTRL_C || act.call() == Some(act.what);
            let actor = step.acts.iter().rfind(acts).filter(|_| recorder.frames() > 0);
            let call = actor.map(|act| if is_killed { "kill" } else { act.what });
            let waits = step.acts.iter().filter(|act| [SYN_AGAIN, ANSWERED].contains(&act.what));
            let again: Vec<usize> = waits.map(|act| act.who).collect();
            let mut frame = recorder.look(actor.map(|act| act.who), call, &again)?;
            frame.unexpected = problem.is_some();
            frame.words = match problem {
                Some(problem) => problem,
                None if player.is_as_written => step.words.clone(),
                None => sentence::of_frame(&frame, &recorder.terminals),
            };
            let ends = frame.unexpected;
            recorder.add(frame);
            if ends {
                break;
            }
        }
        Ok(recorder.recording())
    }
}

impl Step {
    fn read(block: &'static str) -> Self {
        let (mut edition, mut acts, mut sentences) = (None, Vec::new(), Vec::new());
        for line in block.lines() {
            if let Some(sentence) = line.strip_prefix("    ") {
                sentences.push(sentence);
            } else if let Some(only) = line.strip_suffix(" only:") {
                edition = Some(only);
            } else {
                acts.push(Act::read(line));
            }
        }
        let [en, zh] = sentences[..] else {
            panic!("a step has a sentence in each language: {block}");
        };
        Self { edition, acts, words: words(en, zh) }
    }
}

impl Act {
    fn read(line: &'static str) -> Self {
        let read = || {
            let (who, what) = line.split_once(": ")?;
            let who = match who.split_once(' ') {
                None if who == "server" => 0,
                None if who == "client" => 1,
                Some(("client", number)) => number.parse().ok()?,
                _ => return None,
            };
            Some(Self { who, what })
        };
        read().unwrap_or_else(|| panic!("no step of a scenario: {line}"))
    }
}

pub fn words(en: &str, zh: &str) -> Words {
    Words { en: en.to_owned(), zh: zh.to_owned() }
}

/// Returns the anchor that GitHub makes of a title.
fn anchor_of(title: &str) -> String {
    let mut anchor = title.to_lowercase().replace(' ', "-");
    anchor.retain(|character| character.is_alphanumeric() || "-_".contains(character));
    anchor
}

struct Player<'a> {
    /// All that happens.
    acts: &'a [&'a Act],
    /// How many of them have happened.
    done: usize,
    /// Whether the programs have made the very calls that the scenario expects: only then its
    /// sentences hold.
    is_as_written: bool,
}

impl Player<'_> {
    /// Does what a step says, and returns what is said where a program does something else.
    fn play(&mut self, step: &Step, recorder: &mut Recorder) -> io::Result<Option<Words>> {
        for act in &step.acts {
            if let Some(problem) = self.perform(act, recorder)? {
                return Ok(Some(problem));
            }
            self.done += 1;
        }
        if let Some(who) = recorder.terminals.iter().position(Terminal::is_mixed) {
            return Ok(Some(sentence::mixed(who, recorder)));
        }
        // Another question than the one that comes next would belie the step's sentence.
        for who in 0..recorder.terminals.len() {
            let Some(asked) = recorder.terminals[who].question() else {
                continue;
            };
            let Some(next) = self.acts[self.done..].iter().find(|act| act.who == who) else {
                continue;
            };
            let is_expected = match next.call() {
                Some(call) => name(call) == name(&asked),
                None => next.what == CTRL_C || next.what == STARTS,
            };
            if !is_expected {
                return Ok(Some(sentence::unexpected(who, next.what, Some(&asked), recorder)));
            }
        }
        Ok(None)
    }

    /// Does one thing, and returns what is said where something else happens.
    fn perform(&mut self, act: &Act, recorder: &mut Recorder) -> io::Result<Option<Words>> {
        let who = act.who;
        if let Some(call) = act.call() {
            if !recorder.terminals[who].is_running() {
                recorder.start(who)?;
            }
            let asked = recorder.terminals[who].question();
            if asked.as_deref().map(name) != Some(name(call)) {
                return Ok(Some(sentence::unexpected(who, call, asked.as_deref(), recorder)));
            }
            self.is_as_written &= asked.as_deref() == Some(call);
        }
        let is_at_rest = match act.what {
            STARTS => recorder.start(who)?,
            CTRL_C => recorder.interrupt(who)?,
            SYN_AGAIN => recorder.wait_until(|recorder| recorder.was_sent_again(who))?,
            ANSWERED => {
                recorder.wait_until(|recorder| recorder.terminals[who].question().is_some())?
            }
            what if what.starts_with(ASKS) => true,
            _ => recorder.enter(who, "")?,
        };
        Ok((!is_at_rest).then(|| sentence::no_rest(who, act.what, recorder)))
    }
}
