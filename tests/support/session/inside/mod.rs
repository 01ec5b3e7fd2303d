//! A session: inside the network that is its own, and next to the programs.

mod calls;
mod carry;
mod machines;
mod sockets;
mod table;
mod terminal;
mod threads;
mod wire;

use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use self::sockets::{PORTS_EACH, Sockets, choose_ports_for};
use self::terminal::Terminal;
use self::wire::Wire;
use super::act::{Act, Line, Machines, Setup};
use super::launch::Launch;
use super::recording::Frame;
use crate::run::sockets::Entry;

/// The time between two looks. Nothing moves where three of them in a row show the same.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
const LOOKS: usize = 3;

/// Where nothing moves for so long, what is not confirmed will not be soon: an ACK may wait for 0.2 s.
const STILL: Duration = Duration::from_millis(250);

/// Who pauses for longer is shown to pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// While nothing else is to be done, every so many of them is one: so a session that waits costs nothing.
const LOOKS_TO_LET_WAIT: usize = 10;

/// What happens by itself is noticed no later than this.
const NOTICED_LATE: Duration = Duration::from_millis(50);

/// How long a program may run before something arrives from another machine.
const LONGEST_BUSY: Duration = Duration::from_secs(1);

/// How long a program may run that has been started, before it asks for its first call.
const LONGEST_START: Duration = Duration::from_secs(3);

/// How long to wait for what may happen by itself.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Obeys what comes on standard input, a line each, and answers on standard output with frames.
pub fn obey() -> io::Result<()> {
    run_on_one_cpu()?;
    let mut setup = String::new();
    io::stdin().read_line(&mut setup)?;
    let mut session = Session::new(serde_json::from_str(&setup)?);
    let mut lines = Lines::read()?;
    while let Some(line) = lines.next() {
        match line {
            Line::Set { who, launch } => {
                session.as_mut().map_or(Ok(()), |session| session.set(who, launch))?;
            }
            Line::OtherPorts => {
                if let Ok(session) = &mut session {
                    session.ports = session.ports.end..PORTS_EACH;
                }
            }
            Line::Act { who, act } => {
                let answer = match &mut session {
                    Ok(session) => session
                        .act(who, &act, || lines.is_one_there())
                        .map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                let mut output = io::stdout().lock();
                serde_json::to_writer(&mut output, &answer)?;
                output.write_all(b"\n")?;
                output.flush()?;
            }
        }
    }
    Ok(())
}

/// Keeps this process, and what it starts, on one CPU, where a thread mostly goes on until it waits.
fn run_on_one_cpu() -> io::Result<()> {
    let cpus = sched_getaffinity(None)?;
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| cpus.is_set(*cpu)).collect();
    let mut one = CpuSet::new();
    one.set(cpus[fastrand::usize(..cpus.len())]);
    Ok(sched_setaffinity(None, &one)?)
}

/// What comes on standard input.
struct Lines {
    receiver: Receiver<Line>,
    /// The next one, where it has been looked for.
    next: Option<Line>,
}

impl Lines {
    fn read() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line);
                if line.map_or(true, |line| sender.send(line).is_err()) {
                    break;
                }
            }
        })?;
        Ok(Self { receiver, next: None })
    }

    /// Waits for the next one; `None` at the end of the input.
    fn next(&mut self) -> Option<Line> {
        self.next.take().or_else(|| self.receiver.recv().ok())
    }

    /// Returns whether there is a next one, or the input has ended.
    fn is_one_there(&mut self) -> bool {
        if self.next.is_none() {
            match self.receiver.try_recv() {
                Ok(line) => self.next = Some(line),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => {}
            }
        }
        true
    }
}

/// Programs, and what there is to see of them once nothing moves any more.
struct Session {
    terminals: Vec<Terminal>,
    wire: Wire,
    sockets: Sockets,
    /// The moment that the latest frame shows.
    shown: Option<Moment>,
    /// Whether time goes on, and the timers are shown.
    follows_the_clock: bool,
    /// From which of its ports the kernel chooses one for a client.
    ports: Range<u16>,
    patience: Duration,
}

/// What tells one moment from another.
#[derive(PartialEq)]
struct Moment {
    /// How much each program has printed.
    printed: Vec<usize>,
    is_asleep: bool,
    sockets: Vec<Entry>,
    segments: usize,
}

impl Session {
    fn new(setup: Setup) -> io::Result<Self> {
        let terminals = setup.programs.into_iter().map(Terminal::new).collect::<io::Result<_>>()?;
        let Setup { ports, patience, machines, .. } = setup;
        let ports = 0..ports;
        let wire = match machines {
            Machines::One => Wire::open()?,
            Machines::OneWithSmallQueues => {
                machines::set_timers()?;
                machines::set_small_queues()?;
                Wire::open()?
            }
            Machines::Two { small_queues } => Wire::between_machines(small_queues)?,
        };
        let (sockets, shown, follows_the_clock) = Default::default();
        Ok(Self { terminals, wire, sockets, shown, follows_the_clock, ports, patience })
    }

    /// Has a terminal start another program the next time; the next number adds a terminal.
    fn set(&mut self, who: usize, launch: Launch) -> io::Result<()> {
        match self.terminals.get_mut(who) {
            Some(terminal) => terminal.launch = launch,
            None => self.terminals.push(Terminal::new(launch)?),
        }
        Ok(())
    }

    /// Does something to a program, and returns what there is to see once nothing moves any more.
    fn act(
        &mut self,
        who: usize,
        act: &Act,
        is_interrupted: impl FnMut() -> bool,
    ) -> io::Result<Frame> {
        self.begin_to_wait(Duration::ZERO);
        self.wire.on_machine_of(who, || choose_ports_for(who, &self.ports))?;
        let call = self.perform(who, act, is_interrupted)?;
        let patience = if *act == Act::Start { LONGEST_START } else { Duration::ZERO };
        let restless = !self.settle(self.patience.max(patience))?;
        let who = act.is_to_program().then_some(who);
        Ok(Frame { who, call, restless, ..self.look() })
    }

    /// Does something to a program, and returns what that is called: the call that it makes, or another name.
    fn perform(
        &mut self,
        who: usize,
        act: &Act,
        is_interrupted: impl FnMut() -> bool,
    ) -> io::Result<Option<String>> {
        let Some(terminal) = self.terminals.get_mut(who) else {
            return Err(io::Error::other(format!("there is no program {who}")));
        };
        let name = match act {
            Act::Start => {
                self.wire.on_machine_of(who, || terminal.start())?;
                "start"
            }
            Act::Enter => {
                let call = terminal.question().map(|call| call.name().to_owned());
                terminal.enter();
                return Ok(call);
            }
            Act::Type(line) => {
                terminal.type_line(line);
                "input"
            }
            Act::EndInput => {
                terminal.end_input();
                "end of input"
            }
            Act::Interrupt => {
                terminal.interrupt();
                "kill"
            }
            Act::Kill => {
                terminal.kill();
                "kill -9"
            }
            Act::Look => return Ok(None),
            Act::Wait => {
                self.wait(is_interrupted)?;
                self.begin_to_wait(NOTICED_LATE);
                return Ok(None);
            }
            Act::FollowClock => {
                self.follows_the_clock = true;
                self.wire.follow_the_clock(true);
                return Ok(None);
            }
            of_the_wire => {
                self.wire.with_cable(|cable, wire| cable.obey(of_the_wire, who, wire))?;
                if *of_the_wire == Act::Repeat {
                    self.wait_for_repetition(who)?;
                }
                return Ok(None);
            }
        };
        Ok(Some(name.to_owned()))
    }

    /// Returns what there is to see now, and what has happened since this was last called.
    fn look(&mut self) -> Frame {
        self.terminals.iter_mut().for_each(Terminal::note_calls);
        let sockets = self.sockets.look(&self.terminals, &self.wire, self.follows_the_clock);
        let programs = self.terminals.len();
        for (who, terminal) in self.terminals.iter_mut().enumerate() {
            terminal.name_threads(who, &sockets);
        }
        let owners = &self.sockets;
        let owner_of = |ports, is_first| owners.owner_of(ports, is_first, programs);
        let segments = self.wire.take(owner_of);
        if let Some(shown) = &mut self.shown {
            shown.segments = 0; // they have been taken
        }
        let sides = self.terminals.iter_mut().map(Terminal::frame).collect();
        Frame { sides, sockets, segments, wire: self.wire.ways(owner_of), ..Frame::default() }
    }

    /// Notes that the programs may begin to wait from now on, or have begun lately.
    fn begin_to_wait(&mut self, lately: Duration) {
        self.terminals.iter_mut().for_each(|terminal| terminal.deadlines.begin(lately));
    }

    /// Waits until something happens by itself, or has happened since the latest frame.
    fn wait(&mut self, mut is_interrupted: impl FnMut() -> bool) -> io::Result<()> {
        let begun = Instant::now();
        self.wire.follow_the_clock(true);
        for looks in 1.. {
            if is_interrupted() || begun.elapsed() > LONGEST_WAIT {
                break;
            }
            if looks % LOOKS_TO_LET_WAIT == 0 && Some(self.moment(true)?) != self.shown {
                break;
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        self.wire.follow_the_clock(self.follows_the_clock);
        Ok(())
    }

    /// Waits until a machine has sent again what it was to send again.
    fn wait_for_repetition(&mut self, who: usize) -> io::Result<()> {
        let begun = Instant::now();
        while self.wire.is_to_repeat(who) && begun.elapsed() < LONGEST_WAIT {
            thread::sleep(BETWEEN_LOOKS);
            self.moment(begun.elapsed() > LONGEST_BUSY)?;
        }
        Ok(())
    }

    /// Waits for rest: each thread of each program sleeps, and all that was sent is confirmed. Returns
    /// whether it comes in time.
    fn settle(&mut self, patience: Duration) -> io::Result<bool> {
        let begun = Instant::now();
        let (mut alike, mut changed) = (1, begun);
        self.shown = None;
        let is_asleep = |moment: &Option<Moment>| moment.as_ref().is_some_and(|it| it.is_asleep);
        while alike < self.looks() {
            thread::sleep(BETWEEN_LOOKS);
            if begun.elapsed() > patience {
                return Ok(false);
            }
            let now = self.moment(begun.elapsed() > LONGEST_BUSY)?;
            let is_at_rest = now.is_asleep && self.wire.is_at_rest(&now.sockets);
            let now = Some(now);
            if now != self.shown {
                changed = Instant::now();
            }
            let is_still = now == self.shown && (is_at_rest || changed.elapsed() > STILL);
            alike = if is_still && is_asleep(&now) { alike + 1 } else { 1 };
            self.shown = now;
            let may_pause = begun.elapsed() < LONGEST_PAUSE.min(patience);
            let may_end = alike >= self.looks();
            let mut pauses = || self.terminals.iter_mut().any(Terminal::pauses);
            if may_end && may_pause && pauses() {
                alike = 1;
            }
        }
        Ok(true)
    }

    /// Returns how many looks in a row have to show the same. Whether a kernel answers a reset, no number in
    /// the other segments tells, and where much else runs, the answer may take longer.
    fn looks(&self) -> usize {
        if self.wire.has_carried_a_reset() { 10 * LOOKS } else { LOOKS }
    }

    /// Looks. Between two machines nothing is carried while a program runs, unless it is to be: so it does
    /// not depend on chance how far a program has got when something arrives.
    fn moment(&mut self, is_to_be_carried: bool) -> io::Result<Moment> {
        let is_asleep = self.terminals.iter().all(Terminal::is_asleep);
        let printed = self.terminals.iter_mut().map(Terminal::read).collect::<io::Result<_>>()?;
        let segments = self.wire.read(is_asleep || is_to_be_carried)?;
        let sockets = table::without_time(self.wire.sockets()?);
        Ok(Moment { printed, is_asleep, sockets, segments })
    }
}
