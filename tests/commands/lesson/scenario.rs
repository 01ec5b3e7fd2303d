//! The scenarios: which program makes which call, in which order, and what each step shows.

use std::collections::BTreeMap;
use std::fs;

use support::session::ask::Question;
use support::session::recording::{self, Words};
use support::session::{Act, Launch, Machines};
use support::{anchor_of, root};

use crate::sentence::words;

pub const EDITIONS: [&str; 2] = ["rust", "python"];

pub struct Scenario {
    pub id: &'static str,
    title: Words,
    /// The number of the experiment that it belongs to.
    experiment: Option<u8>,
    pub machines: Machines,
    /// What is started in the terminals, for each edition.
    programs: Vec<(&'static str, Vec<&'static str>)>,
    blocks: Vec<Block>,
}

struct Block {
    /// `None` where it belongs to both.
    edition: Option<&'static str>,
    content: Content,
}

enum Content {
    /// Asked before the next step of its edition.
    Ask(Question),
    Step(Step),
}

/// What happens between two frames.
pub struct Step {
    pub events: Vec<Event>,
    pub words: Words,
}

/// A program, and the call that it makes, or else what happens to it.
pub struct Event {
    pub who: usize,
    pub what: &'static str,
}

impl Event {
    /// Returns the call that it asks to be let make.
    pub fn call(&self) -> Option<&'static str> {
        let call = self.what.strip_prefix(ASKS).unwrap_or(self.what);
        Some(call).filter(|call| call.ends_with(')'))
    }

    /// Returns what happens between two machines, and to which program's segments.
    pub fn on_the_wire(&self) -> Option<(usize, Act)> {
        if [AGAIN, PROBES].contains(&self.what) {
            return Some((self.who, Act::Repeat));
        }
        if self.what == "is cut" {
            return Some((0, Act::Cut));
        }
        let (what, to) = self.what.rsplit_once(" to the ")?;
        let from = ["client", "server"].iter().position(|its| *its == to)?;
        Some((
            from,
            match what {
                "loses the next segment" => Act::Lose,
                "holds the next segment" => Act::Hold,
                "lets go what it held" => Act::LetGo,
                _ => return None,
            },
        ))
    }
}

// What can happen besides a call.
pub const STARTS: &str = "starts";
pub const ASKS: &str = "asks for ";
pub const CTRL_C: &str = "Ctrl-C";
pub const KILL: &str = "kill -9";
pub const SYN_AGAIN: &str = "sends its SYN again";
pub const ANSWERED: &str = "is answered";
pub const AGAIN: &str = "sends it again";
pub const PROBES: &str = "sends a probe";

/// In the place of a program: what is between two machines.
const WIRE: usize = usize::MAX;

/// Returns all scenarios.
pub fn all() -> Vec<Scenario> {
    include_str!("scenarios.txt").split("\n## ").skip(1).map(Scenario::read).collect()
}

impl Scenario {
    pub fn read(text: &'static str) -> Self {
        let mut blocks = text.split("\n\n").map(str::trim_end).filter(|block| !block.is_empty());
        let mut head = blocks.next().unwrap_or_default().lines();
        let mut next = || head.next().expect("a scenario begins with its head");
        let (id, title) = (next(), words(next(), next()));
        let experiment = next().strip_prefix("experiment ").and_then(|number| number.parse().ok());
        let mut head = head.peekable();
        let machines = match head.peek() {
            Some(&"two machines") => Machines::Two { small_queues: false },
            Some(&"small queues") => Machines::OneWithSmallQueues,
            Some(&"two machines, small queues") => Machines::Two { small_queues: true },
            _ => Machines::One,
        };
        let programs = head.filter_map(|line| {
            let (edition, programs) = line.split_once(": ")?;
            Some((edition, programs.split("; ").collect()))
        });
        let programs = programs.collect();
        let blocks = blocks.map(Block::read).collect();
        Self { id, title, experiment, machines, programs, blocks }
    }

    /// Returns what the page says of it, without recordings.
    pub fn head(&self) -> recording::RecordedScenario {
        let (id, title, experiment) = (self.id.to_owned(), self.title.clone(), self.experiment);
        let (anchor, wire) = (self.anchor(), self.is_on_the_wire());
        recording::RecordedScenario {
            id,
            title,
            experiment,
            anchor,
            wire,
            editions: BTreeMap::new(),
        }
    }

    /// Returns whether it is between two machines.
    pub fn is_on_the_wire(&self) -> bool {
        self.machines.are_two()
    }

    /// Returns where the experiment is in each language's page.
    fn anchor(&self) -> Option<Words> {
        let number = self.experiment?;
        let anchor = |page: &str| {
            let text = fs::read_to_string(root().join("docs").join(page)).ok()?;
            let mut titles = text.lines().filter_map(|line| line.strip_prefix("## "));
            let title = titles.find(|title| title.starts_with(&format!("{number} ")))?;
            Some(format!("{page}#{}", anchor_of(title)))
        };
        Some(Words { en: anchor("experiments.md")?, zh: anchor("experiments.zh-CN.md")? })
    }

    /// Returns what is started in the terminals.
    pub fn programs(&self, edition: &str) -> Vec<Launch> {
        let programs = self.programs.iter().find(|(its, _)| *its == edition);
        let (_, programs) = programs.expect("each scenario has both editions");
        let programs = programs.iter().enumerate();
        programs.map(|(number, words)| Launch::of_project(words, number == 0)).collect()
    }

    /// Returns the steps of an edition, each with what is asked before it.
    pub fn steps(&self, edition: &str) -> Vec<(Option<&Question>, &Step)> {
        let is_its = |block: &&Block| block.edition.is_none_or(|its| its == edition);
        let mut asked = None;
        let blocks = self.blocks.iter().filter(is_its);
        let steps = blocks.filter_map(|block| match &block.content {
            Content::Ask(question) => {
                asked = Some(question);
                None
            }
            Content::Step(step) => Some((asked.take(), step)),
        });
        steps.collect()
    }
}

impl Block {
    fn read(block: &'static str) -> Self {
        let (mut edition, mut about, mut events) = (None, None, Vec::new());
        let mut sentences = Vec::new();
        for line in block.lines() {
            if let Some(sentence) = line.strip_prefix("    ") {
                sentences.push(sentence);
            } else if let Some(only) = line.strip_suffix(" only:") {
                edition = Some(only);
            } else if let Some(belief) = line.strip_prefix("ask: ") {
                about = Some(belief);
            } else {
                events.push(Event::read(line));
            }
        }
        let content = match (about, &sentences[..]) {
            (Some(about), lines) => Question::read(about, lines).map(Content::Ask),
            (None, [en, zh]) => Some(Content::Step(Step { events, words: words(*en, *zh) })),
            _ => None,
        };
        let content = content.unwrap_or_else(|| {
            panic!(
                "a step has a sentence in each language, and a question has three answers, \
                 each behind its claim, and a reason: {block}"
            )
        });
        Self { edition, content }
    }
}

impl Event {
    fn read(line: &'static str) -> Self {
        let read = || {
            let (who, what) = line.split_once(": ")?;
            let who = match who.split_once(' ') {
                None if who == "server" => 0,
                None if who == "client" => 1,
                None if who == "wire" => WIRE,
                Some(("client", number)) => number.parse().ok()?,
                _ => return None,
            };
            let event = Self { who, what };
            (who != WIRE || event.on_the_wire().is_some()).then_some(event)
        };
        read().unwrap_or_else(|| panic!("no step of a scenario: {line}"))
    }
}
