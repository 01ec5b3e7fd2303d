//! What the threads of a program do, as the kernel tells: `proc_pid_stat(5)`, `proc_pid_syscall(5)`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use socket2::Socket;
use syscalls::Sysno;

use super::calls::NarratedCall;
use super::sockets::duplicate;
use crate::run::proc::{entries, stat};
use crate::session::recording::State;

/// A thread, and what it does now.
pub struct Task {
    pub id: u32,
    process: u32,
    /// The state's letter.
    state: char,
    /// The system call that it is in, with its arguments.
    call: Option<(Sysno, Vec<u64>)>,
}

/// How long threads wait that wait until a moment: the kernel tells only that moment.
#[derive(Default)]
pub struct Deadlines {
    /// Before this, nobody has begun to wait.
    since: Duration,
    /// The moment that a thread waits for, and for how many seconds it does.
    known: BTreeMap<u32, (Duration, f64)>,
}

impl Deadlines {
    /// Notes that the programs may begin to wait from now on, or have begun lately.
    pub fn begin(&mut self, lately: Duration) {
        self.since = now(ClockId::Monotonic).saturating_sub(lately);
    }

    /// Returns for how many seconds a thread waits that waits until this moment of a clock: the roundest
    /// number that it can be.
    fn seconds(&mut self, thread: u32, moment: Duration, clock: ClockId) -> f64 {
        let (known, seconds) = self.known.entry(thread).or_default();
        if *known != moment {
            let least = moment.saturating_sub(now(clock));
            let most = least + now(ClockId::Monotonic).saturating_sub(self.since);
            let up_to = |part: f64| (least.as_secs_f64() * part).ceil() / part;
            let rounded = [1.0, 10.0, 100.0].into_iter().map(up_to);
            let roundest = rounded.into_iter().find(|it| *it <= most.as_secs_f64());
            (*known, *seconds) = (moment, roundest.unwrap_or_else(|| up_to(1000.0)));
        }
        *seconds
    }
}

fn now(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap_or_default()
}

/// Returns the threads of a process, the main one first; none while they change.
pub fn threads_of(process: u32) -> Vec<Task> {
    let thread = |folder: &PathBuf| {
        let state = stat(folder)?.state;
        let call = fs::read_to_string(folder.join("syscall")).unwrap_or_default();
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        Some(Task { id, process, state, call: system_call(&call) })
    };
    // In the order in which they were started.
    entries(process, "task").iter().map(thread).collect::<Option<_>>().unwrap_or_default()
}

fn system_call(text: &str) -> Option<(Sysno, Vec<u64>)> {
    let mut words = text.split_whitespace();
    let call = Sysno::new(words.next()?.parse().ok()?)?;
    let arguments = words.map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16));
    Some((call, arguments.collect::<Result<_, _>>().ok()?))
}

impl Task {
    /// Returns whether it has not ended.
    pub fn is_alive(&self) -> bool {
        !"ZX".contains(self.state)
    }

    /// Returns whether it pauses, and is going to run by itself.
    pub fn pauses(&self) -> bool {
        matches!(self.name(), Some("nanosleep" | "clock_nanosleep"))
    }

    /// Returns whether it reads from this descriptor.
    pub fn reads(&self, descriptor: u32) -> bool {
        self.state == 'S' && self.name() == Some("read") && self.descriptor() == Some(descriptor)
    }

    fn name(&self) -> Option<&'static str> {
        self.call.as_ref().map(|(call, _)| call.name())
    }

    fn argument(&self, number: usize) -> Option<u64> {
        self.call.as_ref()?.1.get(number).copied()
    }

    fn descriptor(&self) -> Option<u32> {
        low(self.argument(0)?).try_into().ok()
    }

    /// Returns what it does; of the calls that have begun, one may be its.
    pub fn state(&self, calls: &[NarratedCall], deadlines: &mut Deadlines) -> State {
        match self.state {
            'S' => State::Waits(self.waits_in(calls, deadlines)),
            'T' | 't' => State::Stopped,
            _ => State::Runs,
        }
    }

    fn waits_in(&self, calls: &[NarratedCall], deadlines: &mut Deadlines) -> String {
        let limit = self.time_limit(deadlines);
        // The call by the name under which it is shown, and the descriptor that it is about.
        let (name, descriptor) = match self.name().unwrap_or_default() {
            "accept" | "accept4" => ("accept", self.descriptor()),
            "connect" => ("connect", self.descriptor()),
            "recvfrom" | "recvmsg" => ("recv", self.descriptor()),
            "sendto" | "sendmsg" => ("send", self.descriptor()),
            "close" => ("close", self.descriptor()),
            "read" | "readv" if self.descriptor() == Some(0) => return "its terminal".to_owned(),
            "read" | "readv" => ("read", self.descriptor()),
            "write" | "writev" => ("write", self.descriptor()),
            "poll" | "ppoll" => ("poll", self.first_polled()),
            "select" | "pselect6" => ("select", None),
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => ("epoll_wait", None),
            "nanosleep" | "clock_nanosleep" => {
                return limit.map_or_else(|| "sleep".to_owned(), |limit| format!("sleep({limit})"));
            }
            "futex" if self.argument(3).is_some_and(|limit| limit != 0) => {
                return match limit {
                    Some(limit) => format!("another thread, at most {limit} s"),
                    None => "another thread, for a limited time".to_owned(),
                };
            }
            "futex" => return "another thread".to_owned(),
            "wait4" | "waitid" => return "another process".to_owned(),
            "pause" | "rt_sigsuspend" | "rt_sigtimedwait" => return "a signal".to_owned(),
            "" => return "something".to_owned(),
            name => return name.to_owned(),
        };
        let is_its = |call: &&NarratedCall| {
            let is_same = name == "poll" || call.name() == name;
            is_same && call.descriptor() == descriptor
        };
        let call = match calls.iter().find(is_its) {
            Some(call) => call.text.clone(),
            None if matches!(name, "poll" | "select" | "epoll_wait") => name.to_owned(),
            None => format!("{name}({})", descriptor.unwrap_or_default()),
        };
        match limit {
            Some(limit) => format!("{call}, at most {limit} s"),
            None => call,
        }
    }

    /// Returns the first descriptor that it polls.
    fn first_polled(&self) -> Option<u32> {
        let descriptor = self.memory::<4>(self.argument(0)?)?;
        i32::from_ne_bytes(descriptor).try_into().ok()
    }

    /// Returns how long it waits at most, in seconds.
    fn time_limit(&self, deadlines: &mut Deadlines) -> Option<f64> {
        /// Has the time be a moment; and this one of the clock on the wall.
        const MOMENT: u64 = 1;
        const REAL_TIME: u64 = 256;
        let seconds = |argument| self.time(argument).map(|time| time.as_secs_f64());
        let mut until = |argument, is_real: bool| {
            let clock = if is_real { ClockId::Realtime } else { ClockId::Monotonic };
            Some(deadlines.seconds(self.id, self.time(argument)?, clock))
        };
        let milliseconds = |argument| {
            let limit = low(self.argument(argument)?);
            (limit >= 0).then(|| f64::from(limit) / 1000.0)
        };
        match self.name()? {
            "poll" => milliseconds(2),
            "epoll_wait" | "epoll_pwait" => milliseconds(3),
            "ppoll" => seconds(2),
            "pselect6" => seconds(4),
            "epoll_pwait2" => seconds(3),
            "nanosleep" => seconds(0),
            "clock_nanosleep" if self.argument(1)? & MOMENT == 0 => seconds(2),
            "clock_nanosleep" => until(2, self.argument(0)? == 0),
            "futex" => match self.argument(1)? {
                wait if wait % 128 == 0 => seconds(3),
                wait_until => until(3, wait_until & REAL_TIME != 0),
            },
            "recvfrom" | "recvmsg" | "accept" | "accept4" => {
                self.socket_limit(Socket::read_timeout)
            }
            "sendto" | "sendmsg" | "connect" => self.socket_limit(Socket::write_timeout),
            _ => None,
        }
    }

    /// Returns the time that an argument points to.
    fn time(&self, argument: usize) -> Option<Duration> {
        let at = self.argument(argument).filter(|at| *at != 0)?;
        let number = |at| Some(i64::from_ne_bytes(self.memory::<8>(at)?));
        let (seconds, nanoseconds) = (number(at)?, number(at + 8)?);
        Some(Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?))
    }

    /// Returns the time limit that its socket has, `SO_RCVTIMEO` or `SO_SNDTIMEO`.
    fn socket_limit(&self, limit: fn(&Socket) -> std::io::Result<Option<Duration>>) -> Option<f64> {
        let socket = Socket::from(duplicate(self.process, self.descriptor()?)?);
        limit(&socket).ok()?.map(|limit| limit.as_secs_f64())
    }

    /// Reads its process's memory.
    fn memory<const COUNT: usize>(&self, at: u64) -> Option<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        let memory = File::open(format!("/proc/{}/mem", self.process)).ok()?;
        memory.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

/// Returns the lower half of a register, which is all that an `int` has.
fn low(register: u64) -> i32 {
    let [a, b, c, d, ..] = register.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
