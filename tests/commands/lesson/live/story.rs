//! What the browsers are told: all that has happened, and what happens next, as server-sent events.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use support::session::Machines;
use support::session::recording::{
    Frame, Lesson, Part, RecordedScenario, Recording, Side, Source, Words,
};

use crate::sentence::words;

/// How often a browser that has left is noticed.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How many tabs can listen at once.
const MOST_STREAMS: usize = 8;

/// What a browser is told.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct News {
    /// A step as it is now, and its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    pub step: usize,
    /// All programs, once there is one more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Part>,
    /// Those that are new.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Source>,
    /// The steps that have met the challenges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<Option<usize>>,
    /// Why a click has not been obeyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Words>,
    /// When it was told, in milliseconds of Unix time: what its timers say holds then.
    pub time: u64,
    /// Whether it ends a click of the learner's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// Whether the session has ended by an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

/// What a session begins with.
#[derive(Clone, Default, Serialize)]
pub struct Head {
    pub number: usize,
    /// What it is: a pair, or the scenario that was taken over.
    pub what: String,
    pub title: Words,
    pub machines: Machines,
    /// Whether there is a session to go back to.
    pub has_previous: bool,
    /// How many events have been told already, and come at once.
    pub events: usize,
}

#[derive(Default)]
pub struct Story {
    state: Mutex<SoFar>,
    changed: Condvar,
}

#[derive(Default)]
struct SoFar {
    head: Head,
    /// All that is told of this session, as JSON.
    events: Vec<String>,
    /// How many browsers listen, and since when none does that once did.
    streams: usize,
    left: Option<Instant>,
}

impl Story {
    /// Begins to tell of a session.
    pub fn begin(&self, head: Head, events: &[News]) {
        let mut state = self.state();
        state.head = head;
        state.events = events.iter().map(json).collect();
        self.changed.notify_all();
    }

    pub fn add(&self, event: &News) {
        self.state().events.push(json(event));
        self.changed.notify_all();
    }

    /// Returns since when nobody looks who once did, if that is longer than this.
    pub fn left_for(&self, time: Duration) -> Option<Instant> {
        let state = self.state();
        state.left.filter(|left| state.streams == 0 && left.elapsed() > time)
    }

    /// Tells a browser all that has happened and happens, until it has gone. It may have seen a part,
    /// such as `3-17`: of the third session the first 17 events.
    ///
    /// # Errors
    ///
    /// The browser has gone, or there are too many.
    pub fn tell(&self, stream: &mut TcpStream, seen: Option<&str>) -> io::Result<()> {
        let seen = seen.and_then(|seen| {
            let (number, count) = seen.split_once('-')?;
            Some((number.parse().ok()?, count.parse().ok()?))
        });
        if self.state().streams >= MOST_STREAMS {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        self.state().streams += 1;
        let told = self.tell_on(stream, seen.unwrap_or_default());
        let mut state = self.state();
        state.streams -= 1;
        state.left = Some(Instant::now());
        told
    }

    fn tell_on(
        &self,
        stream: &mut TcpStream,
        (mut number, mut count): (usize, usize),
    ) -> io::Result<()> {
        let mut text = String::from("retry: 500\n\n");
        loop {
            stream.write_all(text.as_bytes())?;
            let nothing =
                |state: &mut SoFar| state.head.number == number && state.events.len() == count;
            let waited = self.changed.wait_timeout_while(self.state(), HEARTBEAT, nothing);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            text = String::from(":\n\n");
            if state.head.number != number || state.events.len() < count {
                (number, count) = (state.head.number, 0);
                let head = Head { events: state.events.len(), ..state.head.clone() };
                let _ = write!(text, "event: session\ndata: {}\n\n", json(&head));
            }
            for event in &state.events[count..] {
                count += 1;
                let _ = write!(text, "id: {number}-{count}\ndata: {event}\n\n");
            }
        }
    }

    /// Returns the session so far as a lesson of its own; `None` where nothing has happened in it.
    pub fn lesson(&self) -> Option<Lesson> {
        let (head, events) = {
            let state = self.state();
            (state.head.clone(), state.events.clone())
        };
        let (mut recording, mut sources) =
            (Recording { numbered: true, ..Recording::default() }, BTreeMap::new());
        for event in &events {
            let event: News = serde_json::from_str(event).ok()?;
            sources.extend(event.sources);
            if !event.programs.is_empty() {
                recording.programs = event.programs;
            }
            if let Some(frame) = event.frame {
                recording.frames.truncate(event.step);
                recording.frames.push(frame);
            }
        }
        if recording.frames.len() < 2 {
            return None;
        }
        // Some clients may have come later.
        for frame in &mut recording.frames {
            frame.sides.resize_with(recording.programs.len(), Side::default);
        }
        let Words { en, zh } = head.title;
        let title = words(format!("My session: {en}"), format!("我的操作：{zh}"));
        let editions = [("live".to_owned(), recording)].into();
        let (id, experiment, anchor) = ("live".to_owned(), None, None);
        let wire = head.machines.are_two();
        let scenario = RecordedScenario { id, title, experiment, anchor, wire, editions };
        Some(Lesson { scenarios: vec![scenario], sources })
    }

    fn state(&self) -> MutexGuard<'_, SoFar> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn json(what: &impl Serialize) -> String {
    serde_json::to_string(what).unwrap_or_default()
}
