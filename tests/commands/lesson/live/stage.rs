//! The sessions that run: the present one, and the one before it, to which the learner can go back.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, SystemTime};

use support::command_line::tell;
use support::root;
use support::run::{PROGRAMS, build_programs};
use support::session::recording::{Fate, Frame, Words};
use support::session::{Act, Answer, Launch, Machines, Network, Setup, Told};

use super::clicks::{Clicks, Command, Next, Pair};
use super::story::{Head, News, Story};
use crate::record::{MANY_PORTS, PATIENCE, PORTS};
use crate::scenario::{self, EDITIONS};
use crate::script;
use crate::sentence::{joined, words};

/// How long a program may run on after a click before it is shown as it is.
const A_WHILE: Duration = Duration::from_millis(500);

pub enum Happening {
    Command(Command),
    /// What a session answers, by its number.
    Answer(usize, Box<io::Result<Answer>>),
}

/// What a session has been told, and has not answered yet.
#[derive(Clone, Copy, PartialEq)]
enum Unanswered {
    /// To look, before anything has happened.
    Look,
    Click,
    /// To wait for what happens by itself.
    Wait,
}

struct Stage {
    head: Head,
    session: Told,
    clicks: Clicks,
    doing: VecDeque<Unanswered>,
    /// When each step was taken, in milliseconds of Unix time.
    times: Vec<u64>,
    /// How many programs, and which sources, the browsers know.
    programs: usize,
    sources: BTreeSet<String>,
    is_over: bool,
}

pub struct Stages {
    network: Network,
    /// Why it cannot have two machines.
    alone: Option<Words>,
    /// A learner's own server and clients.
    own: Option<Vec<String>>,
    story: Arc<Story>,
    sender: Sender<Happening>,
    receiver: Receiver<Happening>,
    /// What has come while something else was waited for.
    later: VecDeque<Happening>,
    present: Stage,
    previous: Option<Stage>,
    sessions: usize,
    built: Option<SystemTime>,
}

impl Stages {
    /// Starts a session, and returns what obeys.
    pub fn start(
        network: Network,
        alone: Option<Words>,
        own: Option<Vec<String>>,
        story: Arc<Story>,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let pair = if own.is_some() { Pair::Own } else { Pair::Short };
        let set_up = (pair, Machines::One);
        let present = Stage::of_pair(&network, set_up, own.as_deref(), 1, &sender)?;
        let (later, previous, sessions, built) = (VecDeque::new(), None, 1, Some(newest_source()));
        let mut stages = Self {
            network,
            alone,
            own,
            story,
            sender,
            receiver,
            later,
            present,
            previous,
            sessions,
            built,
        };
        stages.tell_all();
        Ok(stages)
    }

    /// Returns where to ask for something.
    pub fn asked(&self) -> Sender<Happening> {
        self.sender.clone()
    }

    /// Obeys whoever asks.
    pub fn run(mut self) {
        while let Some(happening) = self.later.pop_front().or_else(|| self.receiver.recv().ok()) {
            match happening {
                Happening::Answer(number, answer) => self.take(number, *answer),
                Happening::Command(command) => {
                    if let Err(refused) = self.obey(command) {
                        self.story.add(&News {
                            note: Some(refused),
                            done: true,
                            ..News::default()
                        });
                    }
                }
            }
        }
    }

    fn take(&mut self, number: usize, answer: io::Result<Answer>) {
        let is_present = self.present.head.number == number;
        let Some(stage) = self.stage(number) else {
            return;
        };
        let doing = stage.doing.pop_front();
        let frame = match answer {
            Ok(Ok(frame)) => frame,
            Ok(Err(problem)) => return self.end(number, &problem),
            Err(problem) => return self.end(number, &problem.to_string()),
        };
        let step = match doing {
            Some(Unanswered::Wait) => stage.clicks.add_by_itself(frame),
            Some(Unanswered::Look) => Some(stage.begin(frame)),
            _ => Some(stage.clicks.add(frame)),
        };
        if let Some(step) = step {
            stage.times.resize(step + 1, 0);
            stage.times[step] = now();
        }
        let event =
            step.map(|step| News { done: doing == Some(Unanswered::Click), ..stage.event(step) });
        if is_present {
            if stage.doing.is_empty() {
                stage.tell(0, Act::Wait, Unanswered::Wait);
            }
            if let Some(event) = event {
                self.story.add(&event);
            }
        }
    }

    /// Returns the session of this number, unless it has been given up.
    fn stage(&mut self, number: usize) -> Option<&mut Stage> {
        let both = [Some(&mut self.present), self.previous.as_mut()];
        both.into_iter().flatten().find(|stage| stage.head.number == number)
    }

    fn end(&mut self, number: usize, problem: &str) {
        if let Some(stage) = self.stage(number).filter(|stage| !stage.is_over) {
            stage.is_over = true;
            tell(&format!("session {number}: {problem}"));
            self.story.add(&News { ended: true, done: true, ..News::default() });
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Words> {
        match command {
            Command::Anew { pair, machines } => {
                let own = self.own.as_deref();
                // A program of the learner's may have the address of one machine built in.
                let is_own = pair == Pair::Own;
                if is_own != own.is_some() || (is_own && machines != Machines::One) {
                    return Err(words("Not done.", "没有执行。"));
                }
                self.can_have(machines)?;
                self.sessions += 1;
                let stage = Stage::of_pair(
                    &self.network,
                    (pair, machines),
                    own,
                    self.sessions,
                    &self.sender,
                );
                let stage = stage.map_err(|error| cannot_start(&error))?;
                self.replace(stage);
            }
            Command::Back => {
                let Some(previous) = self.previous.take() else {
                    return Err(words(
                        "Not done: there is no other session.",
                        "没有执行：没有别的会话。",
                    ));
                };
                self.replace(previous);
                if self.present.doing.is_empty() {
                    self.present.tell(0, Act::Wait, Unanswered::Wait);
                }
            }
            Command::TakeOver { scenario, edition, step } => {
                self.take_over(&scenario, &edition, step)?;
            }
            command => {
                if self.present.is_over {
                    return Err(words(
                        "This session has ended: start anew.",
                        "这个会话已经结束，请重新开始。",
                    ));
                }
                if self.present.doing.contains(&Unanswered::Click)
                    || self.present.doing.contains(&Unanswered::Look)
                {
                    return Err(words(
                        "Not done: the last click is not finished yet.",
                        "没有执行：上一次操作还没有完成。",
                    ));
                }
                match self.present.clicks.obey(command)? {
                    Next::Act(who, act) => self.present.tell(who, act, Unanswered::Click),
                    Next::Start(who, launch) => {
                        self.build(&launch)?;
                        let set = self.present.session.set(who, *launch);
                        set.map_err(|error| cannot_start(&error))?;
                        self.present.tell(who, Act::Start, Unanswered::Click);
                    }
                }
            }
        }
        Ok(())
    }

    fn can_have(&self, machines: Machines) -> Result<(), Words> {
        let problem = self.alone.clone().filter(|_| machines.are_two());
        problem.map_or(Ok(()), Err)
    }

    /// Builds the Rust programs anew where a source has changed.
    fn build(&mut self, launch: &Launch) -> Result<(), Words> {
        let newest = Some(newest_source());
        if launch.python.is_none() && newest != self.built {
            self.story.add(&News {
                note: Some(words("The programs are built…", "正在构建程序……")),
                ..News::default()
            });
            build_programs().map_err(|problem| {
                tell(&problem);
                words(
                    "Not started: it does not compile. The terminal of `cargo lesson` shows the compiler’s message.",
                    "没有启动：编译失败，编译器的信息在 `cargo lesson` 的终端里。",
                )
            })?;
            self.built = newest;
        }
        Ok(())
    }

    /// Shows another session; the present one becomes the previous one.
    fn replace(&mut self, stage: Stage) {
        self.previous = Some(std::mem::replace(&mut self.present, stage));
        self.present.head.has_previous = true;
        self.tell_all();
    }

    fn tell_all(&mut self) {
        let events = self.present.events();
        self.story.begin(self.present.head.clone(), &events);
    }

    /// Replays a scenario up to a step, and hands it to the learner.
    fn take_over(&mut self, id: &str, edition: &str, step: usize) -> Result<(), Words> {
        let all = scenario::all();
        let found = all.iter().find(|it| it.id == id).filter(|_| EDITIONS.contains(&edition));
        let Some(scenario) = found else {
            return Err(words("Not done: there is no such scenario.", "没有执行：没有这个场景。"));
        };
        self.can_have(scenario.machines)?;
        self.story.add(&News {
            note: Some(words("The steps up to here are done once more…", "正在重做到这一步……")),
            ..News::default()
        });
        let launches = scenario.programs(edition);
        let machines = scenario.machines;
        let programs = launches.clone();
        let setup = Setup { programs, ports: PORTS, patience: PATIENCE, machines };
        let replayed = script::again_until_as_written(|| {
            self.sessions += 1;
            let number = self.sessions;
            let mut session = start(&self.network, &setup, number, &self.sender)?;
            let mut act = |who, act| {
                session.act(who, act)?;
                self.answer_of(number)
            };
            let (recording, is_as_written) =
                script::record(scenario, edition, step + 1, None, &mut act)?;
            // On a port that comes again at once, a connection in TIME_WAIT would end.
            session.choose_other_ports()?;
            Ok(((session, recording), is_as_written))
        });
        let ((session, recording), is_as_written) = replayed.map_err(|it| cannot_start(&it))?;
        let number = self.sessions;
        let taken = Clicks::take_over(&launches, recording.frames, machines);
        let (what, title) = (id.to_owned(), scenario.head().title);
        let machines = if machines.are_two() { machines } else { Machines::One };
        let head = Head { number, what, title, machines, has_previous: true, ..Head::default() };
        let holding = taken.holding();
        let mut stage = Stage::of(head, session, taken);
        // What the script holds stays held, copies that are sent again included.
        for who in holding {
            stage.tell(who, Act::Decide(Fate::Hold), Unanswered::Wait);
        }
        // What the script has made wait goes on.
        stage.tell(0, Act::FollowClock, Unanswered::Wait);
        self.replace(stage);
        if !is_as_written {
            let note = words(
                "The threads went another way this time: look at the steps before this one.",
                "这一次各线程的先后有所不同，请看前面的步骤。",
            );
            self.story.add(&News { note: Some(note), ..News::default() });
        }
        Ok(())
    }

    /// Waits for what a session answers; all else is done later.
    fn answer_of(&mut self, number: usize) -> io::Result<Frame> {
        loop {
            match self.receiver.recv_timeout(PATIENCE * 3) {
                Ok(Happening::Answer(of, answer)) if of == number => {
                    return (*answer)?.map_err(io::Error::other);
                }
                // The learner clicks again while this one is not finished.
                Ok(Happening::Command(_)) => {}
                Ok(happening) => self.later.push_back(happening),
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }
}

/// Starts a session whose answers are sent on under its number.
fn start(
    network: &Network,
    setup: &Setup,
    number: usize,
    sender: &Sender<Happening>,
) -> io::Result<Told> {
    let sender = sender.clone();
    network.start_telling(setup, move |answer| {
        sender.send(Happening::Answer(number, Box::new(answer))).is_ok()
    })
}

impl Stage {
    /// Starts a session in which nothing runs.
    fn of_pair(
        network: &Network,
        (pair, machines): (Pair, Machines),
        own: Option<&[String]>,
        number: usize,
        sender: &Sender<Happening>,
    ) -> io::Result<Self> {
        let (what, title) = match (pair, own) {
            (Pair::Own, Some(own)) => {
                let names = own.iter().filter_map(|name| Path::new(name).file_name()?.to_str());
                let names: Vec<_> = names.collect();
                ("own", words(names.join(", "), names.join("、")))
            }
            (Pair::Long, _) => ("long", words("long connection", "长连接")),
            _ => ("short", words("short connection", "短连接")),
        };
        let clicks = match own.map(<[String]>::split_first) {
            Some(Some((server, clients))) => Clicks::new(server, clients, machines),
            _ => Clicks::new(&format!("{what}-server"), &[format!("{what}-client")], machines),
        };
        let programs = clicks.launches();
        let setup = Setup { programs, ports: MANY_PORTS, patience: A_WHILE, machines };
        let session = start(network, &setup, number, sender)?;
        let head = Head { number, what: what.to_owned(), title, machines, ..Head::default() };
        let mut stage = Self::of(head, session, clicks);
        stage.tell(0, Act::FollowClock, Unanswered::Look);
        Ok(stage)
    }

    fn of(head: Head, session: Told, clicks: Clicks) -> Self {
        let (doing, sources) = Default::default();
        let times = vec![now(); clicks.frames.len()];
        Self { head, session, clicks, doing, times, programs: 0, sources, is_over: false }
    }

    /// Takes what there is to see before anything has happened; returns its step.
    fn begin(&mut self, frame: Frame) -> usize {
        let nothing_runs = words("Nothing runs yet.", "还没有程序在运行。");
        let words = [nothing_runs].into_iter().chain(of_machines(self.head.machines));
        self.clicks.frames.push(Frame { words: joined(words), ..frame });
        0
    }

    fn tell(&mut self, who: usize, act: Act, doing: Unanswered) {
        // Where the session has ended, that is told when its answers end.
        let _ = self.session.act(who, act);
        self.doing.push_back(doing);
    }

    /// Returns what the browsers are told of a step.
    fn event(&mut self, step: usize) -> News {
        let parts = &self.clicks.parts;
        let programs = if parts.len() > self.programs { parts.clone() } else { Vec::new() };
        self.programs = parts.len();
        let sources = self.clicks.sources.iter();
        let sources = sources.filter(|(key, _)| self.sources.insert((*key).clone()));
        let sources = sources.map(|(key, source)| (key.clone(), source.clone())).collect();
        let frame = self.clicks.frames.get(step).cloned();
        let met = self.clicks.met.clone();
        let time = self.times.get(step).copied().unwrap_or_default();
        News { frame, step, programs, sources, met, time, ..News::default() }
    }

    /// Returns what a browser is told that knows nothing of this session.
    fn events(&mut self) -> Vec<News> {
        (self.programs, self.sources) = Default::default();
        (0..self.clicks.frames.len()).map(|step| self.event(step)).collect()
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_millis().try_into().unwrap_or_default()
}

fn cannot_start(error: &io::Error) -> Words {
    words(format!("Not done: {error}."), format!("没有执行：{error}。"))
}

/// Returns when the sources of the Rust programs were changed last.
fn newest_source() -> SystemTime {
    let crates = ["common"].into_iter().chain(PROGRAMS);
    let files = crates.flat_map(|name| files_in(&root().join(name).join("src")));
    let times = files.filter_map(|file| fs::metadata(file).and_then(|it| it.modified()).ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Says what the learner has in hand between two machines, and how small their queues are.
fn of_machines(machines: Machines) -> Vec<Words> {
    let wire = words(
        "Server and clients are on two machines. The switches above the kernels are yours: they deliver, hold or lose what travels.",
        "服务器和客户端在两台机器上。内核上方的开关由你掌握：送达、扣住还是丢失路上的报文段。",
    );
    let small = words(
        "A receive queue holds about 2,000 bytes, and a packet 576.",
        "接收队列只能容纳约 2000 字节，一个分组最多 576 字节。",
    );
    match machines {
        Machines::Two { small_queues: true } => vec![wire, small],
        Machines::Two { small_queues: false } => vec![wire],
        _ => Vec::new(),
    }
}
