//! Drives a session as the learner clicks. What it decides, it decides from frames.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use support::run::{Edition, PROGRAMS};
use support::session::recording::{Fate, Frame, Part, Segment, Side, Source, State, Words};
use support::session::{ADDRESS, ADDRESS_OF_SERVER, Act, Launch, Machines, source_of};

use super::challenge::{self, Challenge};
use crate::kernel;
use crate::sentence::{joined, words};

/// How many programs there can be, the server among them.
const MOST_PROGRAMS: usize = 5;

/// How many steps a session can have, and how much of what a program prints a step keeps, in bytes.
const MOST_STEPS: usize = 1000;
const MOST_NEW: usize = 8 * 1024;

/// How long a message may be, in bytes. A longer one is no argument any more.
const LONGEST_MESSAGE: usize = 100_000;

/// What a step is called in which only the wire has been told what to do.
const DECIDED: &str = "wire";

/// What a long client says where nothing else is wanted, so that each says something else.
const MESSAGES: [&str; 4] = ["one", "two", "three", "four"];

/// What the learner asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Command {
    /// To start a program, or the next client.
    Start {
        who: usize,
        #[serde(flatten)]
        arguments: Arguments,
    },
    /// To let a program make the very call that its button shows.
    Call {
        who: usize,
        asked: String,
    },
    /// To type a line that a program reads.
    Type {
        who: usize,
        line: String,
    },
    /// To end a program's input, as Ctrl-D does.
    EndInput {
        who: usize,
    },
    /// To press Ctrl-C in a program's terminal.
    Interrupt {
        who: usize,
    },
    /// To kill a program from another terminal.
    Kill {
        who: usize,
    },
    /// To decide what becomes of whatever travels to the server, or else to its clients.
    Decide {
        to_server: bool,
        fate: Fate,
    },
    /// To let go what is held under this number, or to lose it; or to let go all.
    LetGo {
        number: usize,
    },
    Lose {
        number: usize,
    },
    LetGoAll,
    /// To start anew, with this pair, on so many machines.
    Anew {
        pair: Pair,
        #[serde(default)]
        machines: Machines,
    },
    /// To go back to the session that was before.
    Back,
    /// To take over from a step of a recorded scenario.
    TakeOver {
        scenario: String,
        edition: String,
        step: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pair {
    Short,
    Long,
    Own,
}

/// What a program is started with; nothing where the learner wants its own default.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Arguments {
    pub edition: Edition,
    pub message: String,
    /// A message of so many zeros instead.
    pub bytes: Option<usize>,
    pub count: Option<u32>,
    pub backlog: Option<u16>,
}

/// What a session is told next.
pub enum Next {
    /// Something is done to a program.
    Act(usize, Act),
    /// A program is started in a new way. The Rust programs are built first.
    Start(usize, Box<Launch>),
}

/// A program of the project, or a learner's Python file.
#[derive(Clone)]
struct Role {
    name: String,
    is_own: bool,
    /// Its key among the sources, when it was last started.
    source: String,
}

/// A session so far, and who is in it.
pub struct Clicks {
    programs: Vec<Role>,
    /// What the next client is; one of a learner's own pair may be another program than the last.
    clients: Vec<Role>,
    pub parts: Vec<Part>,
    machines: Machines,
    pub frames: Vec<Frame>,
    pub sources: BTreeMap<String, Source>,
    challenges: Vec<Challenge>,
    /// The steps that met them.
    pub met: Vec<Option<usize>>,
    /// Which ones the last step shows.
    shown: Vec<bool>,
    /// What the learner is about to have done to the wire.
    on_the_wire: Option<Words>,
}

impl Role {
    fn new(name: &str) -> Self {
        let is_own = !PROGRAMS.contains(&name);
        Self { name: name.to_owned(), is_own, source: String::new() }
    }

    /// Returns how it is started; `None` where its arguments cannot be.
    fn launch(&self, who: usize, wanted: &Arguments, machines: Machines) -> Option<Launch> {
        let Arguments { edition, message, bytes, count, backlog } = wanted;
        let is_long = self.name == "long-client";
        let length = bytes.unwrap_or(message.len());
        if length > LONGEST_MESSAGE || message.contains(char::is_control) {
            return None;
        }
        let message = match bytes {
            Some(bytes) => Some(format!("$(printf %0{bytes}d 0)")),
            None if !message.is_empty() => Some(quoted(message)),
            None if is_long => MESSAGES.get(who.checked_sub(1)?).map(|it| (*it).to_owned()),
            None => None,
        };
        let (name, server) = (&self.name, who == 0);
        if self.is_own {
            return Some(Launch::of_learner(name, server));
        }
        let address = match machines {
            Machines::One | Machines::OneWithSmallQueues => ADDRESS,
            Machines::Two { .. } => ADDRESS_OF_SERVER,
        };
        let program = match edition {
            Edition::Rust => name.clone(),
            Edition::Python => format!("{}.py", name.replace('-', "_")),
        };
        let more = match (server, message, count) {
            _ if *edition == Edition::Python => None, // a twin takes no more than the address
            (true, ..) => backlog.map(|backlog| backlog.to_string()),
            (false, Some(message), Some(count)) if is_long => Some(format!("{message} {count}")),
            (false, message, _) => message,
        };
        let words = match more {
            Some(more) => format!("{program} {address} {more}"),
            None if address == ADDRESS => program,
            None => format!("{program} {address}"),
        };
        Some(Launch::of_project(&words, server))
    }
}

impl Clicks {
    /// Takes the names of the server and of the clients, the first one of which is there from the
    /// beginning.
    pub fn new(server: &str, clients: &[String], machines: Machines) -> Self {
        let clients: Vec<_> = clients.iter().map(|name| Role::new(name)).collect();
        let programs = [Role::new(server)].into_iter().chain(clients.first().cloned());
        Self::of(programs.collect(), clients, machines)
    }

    /// Goes on where a recording has ended.
    pub fn take_over(launches: &[Launch], frames: Vec<Frame>, machines: Machines) -> Self {
        let mut programs: Vec<_> =
            launches.iter().map(|launch| Role::new(&launch.part.name)).collect();
        for (program, launch) in programs.iter_mut().zip(launches) {
            program.source.clone_from(&launch.part.source);
        }
        let clients = programs[1..].to_vec();
        let mut clicks = Self::of(programs, clients, machines);
        for (part, launch) in clicks.parts.iter_mut().zip(launches) {
            *part = launch.part.clone();
        }
        let sources = launches.iter().map(|it| (it.part.source.clone(), source_of(&it.part)));
        clicks.sources = sources.filter_map(|(key, source)| Some((key, source.ok()?))).collect();
        clicks.frames = frames.into_iter().map(|frame| Frame { ask: None, ..frame }).collect();
        let wire = clicks.frames.last_mut().map(|frame| &mut frame.wire);
        let holds = wire.into_iter().flatten().filter(|way| !way.held.is_empty());
        holds.for_each(|way| way.fate = Fate::Hold);
        clicks.shown = clicks.challenges.iter().map(|it| it.is_met(&clicks.frames)).collect();
        clicks
    }

    /// Returns a program of each machine from which the wire holds all.
    pub fn holding(&self) -> Vec<usize> {
        let ways = self.frames.last().map_or(&[][..], |frame| &frame.wire).iter().zip([1, 0]);
        ways.filter(|(way, _)| way.fate == Fate::Hold).map(|(_, who)| who).collect()
    }

    fn of(programs: Vec<Role>, clients: Vec<Role>, machines: Machines) -> Self {
        let challenges = challenge::all();
        let (met, shown) = (vec![None; challenges.len()], vec![false; challenges.len()]);
        let (parts, frames, sources, on_the_wire) = Default::default();
        let mut clicks = Self {
            programs,
            clients,
            parts,
            machines,
            frames,
            sources,
            challenges,
            met,
            shown,
            on_the_wire,
        };
        for who in 0..clicks.programs.len() {
            clicks.add_part(who);
        }
        clicks
    }

    /// Notes what a program is before it is started for the first time.
    fn add_part(&mut self, who: usize) {
        let launch = self.programs[who].launch(who, &Arguments::default(), self.machines);
        if let Some(Launch { part, .. }) = launch {
            // A file that cannot be read now is asked for again when it is started.
            let source = source_of(&part).unwrap_or(Source { lines: Vec::new(), first: 1 });
            self.programs[who].source.clone_from(&part.source);
            self.sources.insert(part.source.clone(), source);
            self.parts.push(part);
        }
    }

    /// Returns how the programs are started first.
    pub fn launches(&self) -> Vec<Launch> {
        let launch = |(who, program): (usize, &Role)| {
            program.launch(who, &Arguments::default(), self.machines)
        };
        self.programs.iter().enumerate().filter_map(launch).collect()
    }

    /// Returns what to tell the session.
    ///
    /// # Errors
    ///
    /// What the learner is told instead, where it cannot be.
    pub fn obey(&mut self, command: Command) -> Result<Next, Words> {
        if self.frames.len() >= MOST_STEPS {
            return Err(words(
                "Not done: after 1,000 steps it is time to start anew.",
                "没有执行：已有 1000 步，请重新开始。",
            ));
        }
        match command {
            Command::Start { who, arguments } => self.start(who, &arguments),
            Command::Call { who, asked } => match self.state(who) {
                State::Asks(call) if *call == asked => Ok(Next::Act(who, Act::Enter)),
                State::Asks(call) => Err(words(
                    format!("Not done: by now it asks for `{call}`."),
                    format!("没有执行：它现在要进行的是 `{call}`。"),
                )),
                _ => Err(words(
                    "Not done: it does not ask for that any more.",
                    "没有执行：它已不再请求这个调用。",
                )),
            },
            Command::Type { who, line } => {
                self.reads(who)?;
                if line.len() > LONGEST_MESSAGE || line.contains(char::is_control) {
                    return Err(refused_message());
                }
                Ok(Next::Act(who, Act::Type(line)))
            }
            Command::EndInput { who } => {
                self.reads(who)?;
                Ok(Next::Act(who, Act::EndInput))
            }
            Command::Interrupt { who } => self.runs(who).map(|()| Next::Act(who, Act::Interrupt)),
            Command::Kill { who } => self.runs(who).map(|()| Next::Act(who, Act::Kill)),
            Command::Decide { to_server, fate } => {
                if !self.machines.are_two() {
                    return Err(words(
                        "Not done: on one machine nothing is held or lost. Start anew on two.",
                        "没有执行：同一台机器上不会扣住或丢失报文段。请用两台机器重新开始。",
                    ));
                }
                let held = self.frames.last().and_then(|it| it.wire.get(usize::from(!to_server)));
                let stays = fate != Fate::Hold && held.is_some_and(|way| !way.held.is_empty());
                self.on_the_wire = Some(decided(to_server, fate, stays));
                Ok(Next::Act(usize::from(to_server), Act::Decide(fate)))
            }
            Command::LetGo { number } => {
                self.holds(|it| it == number)?;
                Ok(Next::Act(0, Act::LetGoHeld(number)))
            }
            Command::Lose { number } => {
                self.holds(|it| it == number)?;
                Ok(Next::Act(0, Act::LoseHeld(number)))
            }
            Command::LetGoAll => {
                self.holds(|_| true)?;
                Ok(Next::Act(0, Act::LetGoAll))
            }
            Command::Anew { .. } | Command::Back | Command::TakeOver { .. } => {
                Err(words("Not done.", "没有执行。")) // it is no affair of one session
            }
        }
    }

    fn state(&self, who: usize) -> &State {
        let side = self.frames.last().and_then(|frame| frame.sides.get(who));
        side.map_or(&State::Absent, |side| &side.state)
    }

    fn holds(&self, is_it: impl Fn(usize) -> bool) -> Result<(), Words> {
        let held = self.frames.last().map_or(&[][..], |frame| &frame.wire);
        let is_held = held.iter().flat_map(|way| &way.held).any(|held| is_it(held.number));
        is_held.then_some(()).ok_or_else(|| {
            words("Not done: it is not on the wire any more.", "没有执行：它已不在线路上。")
        })
    }

    fn runs(&self, who: usize) -> Result<(), Words> {
        let is_running = self.state(who).is_running();
        is_running.then_some(()).ok_or_else(|| {
            words("Not done: it is not running any more.", "没有执行：该程序已不在运行。")
        })
    }

    fn reads(&self, who: usize) -> Result<(), Words> {
        let reads = matches!(self.state(who), State::Waits(what) if what == "its terminal");
        reads.then_some(()).ok_or_else(|| {
            words("Not done: it does not read its terminal now.", "没有执行：它现在没有读取终端。")
        })
    }

    fn start(&mut self, who: usize, arguments: &Arguments) -> Result<Next, Words> {
        if self.state(who).is_running() {
            return Err(words("Not done: it runs already.", "没有执行：该程序已在运行。"));
        }
        let is_new = who == self.programs.len();
        if who > self.programs.len() || who >= MOST_PROGRAMS {
            return Err(words(
                "Not done: there are four clients already.",
                "没有执行：已有四个客户端。",
            ));
        }
        let program = match self.programs.get(who) {
            Some(program) => program,
            None => &self.clients[(who - 1).min(self.clients.len() - 1)],
        };
        if arguments.bytes == Some(0) || arguments.count == Some(0) {
            return Err(words(
                "Not done: a message has at least 1 byte, and COUNT is at least 1.",
                "没有执行：消息至少 1 字节，COUNT 至少为 1。",
            ));
        }
        let mut program = program.clone();
        let launch = program.launch(who, arguments, self.machines).ok_or_else(refused_message)?;
        let source = source_of(&launch.part).map_err(|error| cannot_read(&program.name, &error))?;
        program.source = self.key_of(&launch.part.source, source);
        if is_new {
            self.parts.push(Part { source: program.source.clone(), ..launch.part.clone() });
            self.programs.push(program);
        } else {
            self.programs[who] = program;
        }
        Ok(Next::Start(who, Box::new(launch)))
    }

    /// Notes a source, which may have changed, and returns its key.
    fn key_of(&mut self, name: &str, source: Source) -> String {
        let later = (2..).map(|version| format!("{name}#{version}"));
        let is_another = |known: &Source| *known != source && !known.lines.is_empty();
        let mut keys = [name.to_owned()].into_iter().chain(later);
        let key = keys.find(|key| !self.sources.get(key).is_some_and(is_another));
        let key = key.expect("there is always one more key");
        self.sources.insert(key.clone(), source);
        key
    }

    /// Takes what there was to see after an act of the learner's; returns its step.
    pub fn add(&mut self, mut frame: Frame) -> usize {
        self.name_sources(&mut frame);
        let Some(decided) = self.on_the_wire.take() else {
            frame.words = self.sentence(&frame);
            return self.push(frame);
        };
        let last = self.frames.last();
        let is_news = last.is_none_or(|before| has_changed(before, &frame));
        frame.words = if is_news { joined([decided, self.sentence(&frame)]) } else { decided };
        // What is decided before anything comes of it is one step.
        let was_decided = last.is_some_and(|before| before.call.as_deref() == Some(DECIDED));
        if was_decided && !is_news && self.frames.len() > 1 {
            self.frames.pop();
        }
        frame.call = Some(DECIDED.to_owned()).filter(|_| !is_news);
        self.push(frame)
    }

    /// Takes what has happened by itself; returns its step, or nothing where nothing has.
    ///
    /// The sentence of the learner's last act stays, and what is repeated is one step. How often, the segments tell.
    pub fn add_by_itself(&mut self, mut frame: Frame) -> Option<usize> {
        let before = self.frames.last()?;
        if !has_changed(before, &frame) {
            return None;
        }
        self.name_sources(&mut frame);
        let said = self.sentence(&frame);
        let last = self.frames.len() - 1;
        let before = &mut self.frames[last];
        let is_repeated = before.who.is_none() && before.by_itself.as_ref() == Some(&said);
        let only_repeats = before.by_itself.is_some()
            && only_repeats(before)
            && only_repeats(&frame)
            && looks_like(before, &frame);
        if is_repeated || only_repeats || last + 1 >= MOST_STEPS {
            before.add(frame);
            before.by_itself = Some(said);
            before.sides.iter_mut().for_each(trim);
            return Some(last);
        }
        let before = &self.frames[last];
        frame.words = before.words.clone();
        frame.by_itself = Some(said);
        Some(self.push(frame))
    }

    fn push(&mut self, mut frame: Frame) -> usize {
        frame.sides.iter_mut().for_each(trim);
        self.frames.push(frame);
        let step = self.frames.len() - 1;
        for (number, challenge) in self.challenges.iter().enumerate() {
            if self.met[number].is_some() {
                continue;
            }
            let was_shown = self.shown[number];
            self.shown[number] = challenge.is_met(&self.frames);
            if self.shown[number] && !was_shown {
                self.met[number] = Some(step);
                let Challenge { title, why, .. } = challenge;
                let met =
                    words(format!("{}. {}", title.en, why.en), format!("{}。{}", title.zh, why.zh));
                self.frames[step].met.push(met);
            }
        }
        step
    }

    /// Notes where a program runs another source than at first.
    fn name_sources(&self, frame: &mut Frame) {
        for (who, side) in frame.sides.iter_mut().enumerate() {
            let source = &self.programs[who].source;
            side.source = Some(source.clone()).filter(|source| *source != self.parts[who].source);
        }
    }

    /// Says what a frame shows. Clients have numbers from the beginning, since more can come.
    fn sentence(&self, frame: &Frame) -> Words {
        let mut numbered = frame.clone();
        numbered.sides.resize_with(frame.sides.len().max(3), Side::default);
        kernel::of_change(&numbered, self.frames.last())
    }
}

/// Says what becomes of whatever travels in one direction, and that what is held there stays.
fn decided(to_server: bool, fate: Fate, stays: bool) -> Words {
    let (en, zh) =
        if to_server { ("the server", "服务器") } else { ("the clients", "客户端") };
    let decided = match fate {
        Fate::Deliver => words(
            format!("From now on, all that travels to {en} arrives."),
            format!("从现在起，发往{zh}的报文段全部送达。"),
        ),
        Fate::Hold => words(
            format!("From now on, the wire holds all that travels to {en}."),
            format!("从现在起，发往{zh}的报文段全部被扣在线路上。"),
        ),
        Fate::LoseOne => words(
            format!("The next segment to {en} with SYN, bytes or FIN gets lost; bare ACKs pass."),
            format!("发往{zh}的下一个带 SYN、数据或 FIN 的报文段将丢失，单独的 ACK 照常通过。"),
        ),
        Fate::Lose => words(
            format!("From now on, all that travels to {en} gets lost."),
            format!("从现在起，发往{zh}的报文段全部丢失。"),
        ),
    };
    let held = words(
        "What is held already stays on the wire until you let it go (G).",
        "已被扣住的仍留在线路上，要由你放行（G）。",
    );
    joined([decided].into_iter().chain(stays.then_some(held)))
}

fn refused_message() -> Words {
    words(
        "Not done: the message is longer than 100,000 bytes, or has a line break.",
        "没有执行：消息超过 100000 字节，或含有换行。",
    )
}

fn cannot_read(name: &str, error: &io::Error) -> Words {
    words(
        format!("Not started: {name} cannot be read: {error}."),
        format!("没有启动：无法读取 {name}：{error}。"),
    )
}

/// Returns whether a frame shows something that the one before does not.
fn has_changed(before: &Frame, frame: &Frame) -> bool {
    let is_new = |side: &Side| !side.new.is_empty() || !side.did.is_empty();
    frame.sides.iter().any(is_new) || !frame.segments.is_empty() || !looks_like(before, frame)
}

/// Returns whether nothing has happened but that kernels have sent again, or have asked for room, and have been answered.
fn only_repeats(frame: &Frame) -> bool {
    let is_quiet = |side: &Side| side.new.is_empty() && side.did.is_empty();
    let is_again =
        |it: &Segment| it.5.again || it.5.probe || (it.2 == "ACK" && it.4 == 0 && !it.5.late);
    frame.who.is_none()
        && frame.sides.iter().all(is_quiet)
        && frame.segments.iter().all(is_again)
        && frame.met.is_empty()
}

/// Returns whether programs and sockets are as they were before.
fn looks_like(before: &Frame, frame: &Frame) -> bool {
    let states =
        |frame: &Frame| frame.sides.iter().map(|side| side.state.clone()).collect::<Vec<_>>();
    let sockets = |frame: &Frame| {
        let seen = frame
            .sockets
            .iter()
            .map(|it| (it.of, it.fd, it.state.clone(), it.port, it.peer, it.rx, it.tx, it.queue));
        seen.collect::<Vec<_>>()
    };
    states(before) == states(frame) && sockets(before) == sockets(frame)
}

/// Keeps the end of very much that a program has printed.
fn trim(side: &mut Side) {
    if side.new.len() > MOST_NEW {
        let end = side.new.len() - MOST_NEW;
        let end = (end..end + 4).find(|at| side.new.is_char_boundary(*at)).unwrap_or(end);
        side.new.replace_range(..end, "… ");
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use support::session::recording::{At, Did, Extra, Held, Socket, Way, When};

    fn begun() -> Clicks {
        let clients = ["long-client".to_owned()];
        let mut clicks = Clicks::new("long-server", &clients, Machines::One);
        clicks.frames.push(frame(State::Absent, State::Absent));
        clicks
    }

    fn frame(server: State, client: State) -> Frame {
        let sides = [server, client].map(|state| Side { state, ..Side::default() });
        Frame { sides: sides.into(), ..Frame::default() }
    }

    fn asks(call: &str) -> State {
        State::Asks(call.to_owned())
    }

    fn refusal(clicks: &mut Clicks, command: Command) -> String {
        clicks.obey(command).err().map(|words| words.en).unwrap_or_default()
    }

    #[test]
    fn button_that_shows_another_call_than_the_program_asks_for_does_nothing() {
        let mut clicks = begun();
        clicks.add(frame(asks("recv(4, 1024)"), State::Absent));
        let call = |asked: &str| Command::Call { who: 0, asked: asked.to_owned() };
        let said = refusal(&mut clicks, call("accept(3)"));
        assert_eq!(said, "Not done: by now it asks for `recv(4, 1024)`.");
        let next = clicks.obey(call("recv(4, 1024)"));
        assert!(matches!(next, Ok(Next::Act(0, Act::Enter))));
    }

    #[test]
    fn only_what_can_be_done_is_done() {
        let mut clicks = begun();
        let start = |who| Command::Start { who, arguments: Arguments::default() };
        assert!(refusal(&mut clicks, start(3)).contains("four clients"));
        assert!(refusal(&mut clicks, start(usize::MAX)).contains("four clients"));
        assert!(refusal(&mut clicks, Command::Kill { who: 0 }).contains("not running"));
        assert!(refusal(&mut clicks, Command::Interrupt { who: 9 }).contains("not running"));
        let line = Command::Type { who: 1, line: "hello".to_owned() };
        assert!(refusal(&mut clicks, line).contains("does not read"));
        clicks.add(frame(asks("accept(3)"), State::Absent));
        assert!(refusal(&mut clicks, start(0)).contains("runs already"));
        let nothing = Arguments { bytes: Some(0), ..Arguments::default() };
        let never = Arguments { count: Some(0), ..Arguments::default() };
        for arguments in [nothing, never] {
            let said = refusal(&mut clicks, Command::Start { who: 1, arguments });
            assert!(said.contains("at least 1 byte, and COUNT is at least 1"), "{said}");
        }
    }

    #[test]
    fn wait_is_told_where_it_begins_and_not_beside_what_another_thread_does() {
        let mut clicks = begun();
        let mut let_go = |call: &str, new: &str, did: &[&str], waits: &[&str]| {
            let mut frame = frame(asks("close(5)"), State::Absent);
            let at = |text: &&str| At(None, When::Blocked, (*text).to_owned(), None);
            let (call, side) = (call.to_owned(), &mut frame.sides[0]);
            (side.new, side.at) = (new.to_owned(), waits.iter().map(at).collect());
            let did = did.iter().filter_map(|it| it.split_once(" = "));
            side.did =
                did.map(|(call, result)| Did(None, call.into(), result.into(), None)).collect();
            (frame.who, frame.call) = (Some(0), Some(call));
            let step = clicks.add(frame);
            clicks.frames[step].words.en.clone()
        };
        let begins = "[.] recv(5, 1024) ...\n";
        let takes = "The server’s `recv` takes 1 byte out of the receive queue.";
        let blocks = "The server’s `recv` blocks: the receive queue is empty.";
        let waits = ["recv(4, 1024)", "send(6, \"x\")"];
        assert_eq!(let_go("recv", begins, &["recv(5, 1024) = 1 \"x\""], &waits), takes);
        assert_eq!(let_go("recv", begins, &[], &["recv(4, 1024)", "recv(5, 1024)"]), blocks);
        let hands = "The server’s `send` hands 2 bytes to the kernel, and returns.";
        assert_eq!(let_go("send", "", &["send(5, \"xy\") = 2"], &waits), hands);
        assert!(let_go("send", "", &[], &waits).starts_with("The server’s `send` blocks"));
    }

    #[test]
    fn what_happens_by_itself_leaves_the_sentence_and_is_one_step_where_it_repeats() {
        let mut clicks = begun();
        let connects = || State::Waits("connect(3, 127.0.0.1:12345)".to_owned());
        clicks.add(Frame {
            who: Some(1),
            call: Some("start".to_owned()),
            ..frame(State::Absent, connects())
        });
        assert_eq!(clicks.add_by_itself(frame(State::Absent, connects())), None);
        let extra = Extra { again: true, ..Default::default() };
        let syn = Segment(1, 0, "SYN".to_owned(), String::new(), 0, extra);
        let again = || Frame { segments: vec![syn.clone()], ..frame(State::Absent, connects()) };
        let steps = [again(), again(), again()].map(|frame| clicks.add_by_itself(frame));
        assert_eq!(steps, [Some(2); 3]);
        let last = &clicks.frames[2];
        assert_eq!(last.words.en, "Client 1 is started.");
        let said = last.by_itself.as_ref().map(|words| &*words.en);
        assert_eq!(said, Some("Client 1’s kernel sends its SYN again."));
        assert_eq!(last.segments.len(), 3);
    }

    #[test]
    fn what_becomes_of_segments_is_decided_on_two_machines_only_and_is_one_step() {
        let decide = |fate| Command::Decide { to_server: true, fate };
        assert!(refusal(&mut begun(), decide(Fate::Hold)).contains("on one machine"));
        let clients = ["long-client".to_owned()];
        let machines = Machines::Two { small_queues: false };
        let mut clicks = Clicks::new("long-server", &clients, machines);
        clicks.frames.push(frame(State::Absent, State::Absent));
        for fate in [Fate::Hold, Fate::Lose] {
            assert!(matches!(clicks.obey(decide(fate)), Ok(Next::Act(1, Act::Decide(_)))));
            assert_eq!(clicks.add(frame(State::Absent, State::Absent)), 1);
        }
        let said = "From now on, all that travels to the server gets lost.";
        assert_eq!(clicks.frames[1].words.en, said);
        let segment = Segment(1, 0, "SYN".to_owned(), String::new(), 0, Extra::default());
        let held = vec![Held { number: 1, copies: 1, segment }];
        clicks.frames[1].wire = vec![Way { fate: Fate::Hold, held }, Way::default()];
        assert!(clicks.obey(decide(Fate::Deliver)).is_ok());
        clicks.add(frame(State::Absent, State::Absent));
        let said = &clicks.frames.last().expect("there is one").words.en;
        assert!(
            said.ends_with("held already stays on the wire until you let it go (G)."),
            "{said}"
        );
        assert!(refusal(&mut clicks, Command::LetGo { number: 1 }).contains("not on the wire"));
        assert!(refusal(&mut clicks, Command::LetGoAll).contains("not on the wire"));
        let launched = clicks.launches().into_iter().map(|launch| launch.arguments);
        assert!(launched.eq(["10.0.0.1:12345", "10.0.0.1:12345 one"]));
    }

    #[test]
    fn what_happens_by_itself_is_said_in_the_order_in_which_it_happens() {
        let mut clicks = begun();
        let syn_ack = |extra| Segment(0, 1, "SYN ACK".to_owned(), String::new(), 0, extra);
        let extra = Extra::default;
        let lost = Extra { lost: true, ..extra() };
        let again = Extra { again: true, ..extra() };
        let mut frame = frame(State::Absent, asks("send(3, x)"));
        frame.segments = vec![syn_ack(lost), syn_ack(again)];
        frame.sides[1].did = vec![Did(None, "connect(3, x)".to_owned(), "0".to_owned(), None)];
        clicks.add_by_itself(frame);
        let said = clicks.frames[1].by_itself.as_ref().map_or("", |it| &it.en);
        let order = ["SYN ACK gets lost", "SYN ACK again", "`connect` succeeds"];
        let order = order.map(|it| said.find(it).unwrap_or(usize::MAX));
        assert!(order.is_sorted() && order[2] < said.len(), "{said}");
    }

    #[test]
    fn something_changes_while_bytes_travel_and_queues_grow() {
        let mut clicks = begun();
        let queues = |rx, tx, full| {
            let socket = |of, fd| Socket {
                of,
                fd: Some(fd),
                state: "ESTABLISHED".to_owned(),
                ..Socket::default()
            };
            let sockets = vec![
                Socket { rx: Some(rx), full, ..socket(0, 4) },
                Socket { tx: Some(tx), ..socket(1, 3) },
            ];
            Frame { sockets, ..frame(State::Absent, State::Waits("send(3, x)".to_owned())) }
        };
        clicks.add(queues(1572, 2096, false));
        clicks.add_by_itself(queues(1572, 2620, false));
        let segment = |from, length| {
            Segment(from, 1 - from, "ACK".to_owned(), String::new(), length, Extra::default())
        };
        let segments = vec![segment(1, 384), segment(0, 0)];
        clicks.add_by_itself(Frame { segments, ..queues(1956, 2236, true) });
        let said =
            clicks.frames[2..].iter().map(|it| it.by_itself.as_ref().map_or("", |it| &*it.en));
        let expected = [
            "Client 1’s kernel takes 524 bytes more from the program into the send queue.",
            "Client 1’s kernel sends 384 bytes more. The server’s kernel announces a window of 0.",
        ];
        assert!(said.eq(expected));
    }

    #[test]
    fn connection_that_its_kernel_gives_up_is_not_said_to_answer() {
        let mut clicks = begun();
        let client = |state: &str| {
            let socket =
                Socket { of: 1, fd: Some(3), state: state.to_owned(), ..Socket::default() };
            let sockets = vec![Socket { port: Some(40_100), peer: Some(12_345), ..socket }];
            Frame { sockets, ..frame(State::Absent, asks("recv(3, 4096)")) }
        };
        clicks.add(client("ESTABLISHED"));
        let extra = Extra { probe: true, held: true, ..Default::default() };
        let probe = Segment(1, 0, "ACK".to_owned(), String::new(), 0, extra);
        clicks.add_by_itself(Frame { segments: vec![probe], ..client("ESTABLISHED") });
        let said = clicks.frames[2].by_itself.as_ref().map_or("", |it| &it.en);
        assert!(said.contains("asks whether the other side is still there: keepalive"), "{said}");
        let extra = Extra { held: true, ..Default::default() };
        let reset = Segment(1, 0, "RST ACK".to_owned(), String::new(), 0, extra);
        clicks.add_by_itself(Frame { segments: vec![reset.clone()], ..client("CLOSED") });
        let said = clicks.frames[3].by_itself.as_ref().map_or("", |it| &it.en);
        assert!(said.contains("nothing has answered its kernel’s keepalive probes"), "{said}");
        assert!(said.contains("Client 1’s RST is held") && !said.contains("answers"), "{said}");
        let late = Extra { late: true, ..Default::default() };
        clicks.add(Frame {
            segments: vec![Segment(1, 0, reset.2, reset.3, 0, late)],
            ..client("CLOSED")
        });
        assert!(clicks.frames.iter().all(|frame| frame.met.is_empty()));
    }

    #[test]
    fn what_two_kernels_repeat_by_turns_is_one_step() {
        let mut clicks = begun();
        let again = |from: usize| {
            let extra = Extra { again: true, ..Default::default() };
            let fin = Segment(from, 1 - from, "FIN ACK".to_owned(), String::new(), 0, extra);
            Frame { segments: vec![fin], ..frame(State::Absent, State::Absent) }
        };
        let steps = [0, 1, 0].map(|from| clicks.add_by_itself(again(from)));
        assert_eq!(steps, [Some(1); 3]);
        assert_eq!(clicks.frames[1].segments.len(), 3);
        let ended = frame(State::Ended("status 0".to_owned()), State::Absent);
        assert_eq!(clicks.add_by_itself(ended), Some(2));
        assert_eq!(clicks.add_by_itself(again(1)), Some(3)); // it does not stand in the end's place
    }

    #[test]
    fn nothing_that_the_page_sends_is_more_than_one_argument() {
        let typed = |wanted: Arguments| {
            let launch = Role::new("long-client").launch(1, &wanted, Machines::One);
            launch.map(|launch| launch.arguments)
        };
        let message = |text: &str| Arguments { message: text.to_owned(), ..Arguments::default() };
        assert_eq!(typed(message("")).as_deref(), Some("127.0.0.1:12345 one"));
        let evil = "it's; $(touch x) `id` | more";
        let shown = r"127.0.0.1:12345 'it'\''s; $(touch x) `id` | more'";
        assert_eq!(typed(message(evil)).as_deref(), Some(shown));
        assert_eq!(typed(message("two\nlines")), None);
        let bytes =
            |bytes| Arguments { bytes: Some(bytes), count: Some(2), ..Arguments::default() };
        assert_eq!(typed(bytes(3000)).as_deref(), Some("127.0.0.1:12345 $(printf %03000d 0) 2"));
        assert_eq!(typed(bytes(100_001)), None);
    }
}
