//! What the user asks for, and the recordings side by side, each in a process of its own.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use harness::frame::{self, Problem, failure, misuse, shown, tell};
use harness::{ends_with_us, own_network_if_found, programs, python_if_found};

use crate::recording::{Lesson, Recording, Scenario};
use crate::scenario::{self, EDITIONS};
use crate::{own, page, picture, source};

const USAGE: &str = "usage: cargo lesson [FILE [SERVER CLIENT]]";

const HELP: &str = "\
Runs the four programs and their Python twins step by step, records what really happens, and writes one
page that shows it.

FILE [default: target/lesson.html]: the page, whose name ends in .html; in a folder docs, the README's
pictures are drawn beside it
SERVER and CLIENT: records these two instead; one of the four programs, or a Python file
PYTHON [default: python3]: what runs Python files";

/// How many recordings are made at a time: they mostly wait.
const AT_A_TIME: usize = 4;

/// How often a scenario is begun again. Which thread of a server asks first is left to chance.
const TRIES: usize = 6;

/// The first word of a command line by which this program records by itself, in a network of its own.
const RECORD: &str = "record-here";

pub fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    match words.split_first() {
        Some((first, rest)) if first == RECORD => frame::end(USAGE, record_here(rest)),
        _ => frame::end(USAGE, run(&words)),
    }
}

/// Does what the user asked for.
fn run(words: &[OsString]) -> Result<ExitCode, Problem> {
    if words.iter().any(|word| word == "-h" || word == "--help") {
        writeln!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut options = words.iter().map(|word| shown(word));
    if let Some(option) = options.find(|word| word.starts_with('-')) {
        return misuse(format!("unknown option '{option}'"));
    }
    let (file, pair) = match words {
        [] => (None, None),
        [file] => (Some(file), None),
        [file, server, client] => {
            (Some(file), Some([name(server, "server")?, name(client, "client")?]))
        }
        [_, _] => return misuse("it takes a FILE, or a FILE, a SERVER and a CLIENT"),
        [_, _, _, extra, ..] => return misuse(format!("too many arguments: '{}'", shown(extra))),
    };
    if let Some(file) = file.filter(|file| Path::new(file).extension() != Some(OsStr::new("html")))
    {
        return misuse(format!("FILE '{}' does not end in .html", shown(file)));
    }
    let folder = programs().or_else(failure)?;
    let Some(recorder) = Recorder::new()? else {
        return failure(
            "recording needs Linux with unshare, ip and python3; open docs/lesson.html instead",
        );
    };
    let file = file.map_or_else(|| folder.with_file_name("lesson.html"), PathBuf::from);
    let lesson = match pair {
        None => whole_lesson(&recorder)?,
        Some([server, client]) => pair_of_learner(&recorder, &server, &client)?,
    };
    let mut files = vec![(file.clone(), page::of(&lesson).map_err(io::Error::from)?)];
    if file.parent().is_some_and(|folder| folder.ends_with("docs")) {
        let pictures = picture::all(&lesson).into_iter();
        files.extend(pictures.map(|(name, picture)| (file.with_file_name(name), picture)));
    }
    for (file, content) in files {
        let written = fs::write(&file, content);
        written.or_else(|error| failure(format!("cannot write {}: {error}", file.display())))?;
    }
    writeln!(io::stdout(), "{}", file.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Takes the name of one of the four programs, or of a Python file.
fn name(word: &OsStr, side: &str) -> Result<String, Problem> {
    let text = shown(word);
    if text == format!("short-{side}") || text == format!("long-{side}") {
        return Ok(text);
    }
    if Path::new(word).extension() != Some(OsStr::new("py")) {
        return misuse(format!("{text} is neither short-{side} nor long-{side} nor a Python file"));
    }
    if !Path::new(word).is_file() {
        return misuse(format!("there is no file {text} in this folder"));
    }
    Ok(text)
}

/// Records all scenarios in both editions.
fn whole_lesson(recorder: &Recorder) -> Result<Lesson, Problem> {
    let scenarios = scenario::all();
    let pairs =
        scenarios.iter().flat_map(|scenario| EDITIONS.map(|edition| (scenario.id, edition)));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_key(|(id, _)| *id == "full"); // which takes longest: it is taken first
    let (waiting, done) = (Mutex::new(pairs), Mutex::new(Vec::new()));
    let work = || {
        while let Some((id, edition)) = lock(&waiting).pop() {
            let recorded = recorder.record(&[id, edition]);
            if let Ok(recording) = &recorded {
                let note =
                    if is_unexpected(recording) { ", and then something unexpected" } else { "" };
                tell(&format!("{id}, {edition}: {} steps{note}", recording.frames.len() - 1));
            }
            lock(&done).push((id, edition, recorded));
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(work);
        }
    });
    let mut lesson = Lesson { scenarios: Vec::new(), sources: Default::default() };
    for scenario in scenarios {
        let (id, title, experiment) =
            (scenario.id.to_owned(), scenario.title.clone(), scenario.experiment);
        let anchor = scenario.anchor();
        lesson.scenarios.push(Scenario {
            id,
            title,
            experiment,
            anchor,
            editions: Default::default(),
        });
    }
    for (id, edition, recorded) in lock(&done).drain(..) {
        let scenario = lesson.scenarios.iter_mut().find(|scenario| scenario.id == id);
        let scenario = scenario.expect("it is one of them");
        scenario.editions.insert(edition.to_owned(), recorded?);
    }
    add_sources(&mut lesson)?;
    Ok(lesson)
}

fn pair_of_learner(recorder: &Recorder, server: &str, client: &str) -> Result<Lesson, Problem> {
    let recording = recorder.record(&["own", server, client])?;
    tell(&format!("{server} and {client}: {} steps", recording.frames.len() - 1));
    let title =
        scenario::words(&format!("{server} and {client}"), &format!("{server} 与 {client}"));
    let editions = [("own".to_owned(), recording)].into();
    let (experiment, anchor) = (None, None);
    let scenario = Scenario { id: "own".to_owned(), title, experiment, anchor, editions };
    let mut lesson = Lesson { scenarios: vec![scenario], sources: Default::default() };
    add_sources(&mut lesson)?;
    Ok(lesson)
}

/// Adds the source of each program.
fn add_sources(lesson: &mut Lesson) -> Result<(), Problem> {
    let recordings = lesson.scenarios.iter().flat_map(|scenario| scenario.editions.values());
    for part in recordings.flat_map(|recording| &recording.programs) {
        let source = source::of(part);
        let source =
            source.or_else(|error| failure(format!("cannot read {}: {error}", part.name)))?;
        lesson.sources.insert(part.source.clone(), source);
    }
    Ok(())
}

/// Has recordings made, each in a network of its own.
struct Recorder {
    /// The words of a command that runs this program with a network of its own.
    command: Vec<OsString>,
    python: OsString,
}

impl Recorder {
    /// Returns `None` where the system has not what it takes.
    fn new() -> Result<Option<Self>, Problem> {
        let (Some(network), Some(python)) = (own_network_if_found(), python_if_found()) else {
            return Ok(None);
        };
        let words = |command: &Command| {
            let words = [command.get_program()].into_iter().chain(command.get_args());
            words.map(OsStr::to_owned).collect()
        };
        let mut command: Vec<OsString> = ends_with_us().as_ref().map_or(Vec::new(), words);
        command.extend(words(&network));
        // A thread of a batch job is not interrupted by one that has just been woken.
        command.extend(["chrt", "--batch", "0"].map(OsString::from));
        let this = env::current_exe().map_err(io::Error::from)?;
        command.extend([this.into(), RECORD.into(), network_namespace()?.into()]);
        let python = env::var_os("PYTHON").unwrap_or(python.get_program().to_owned());
        Ok(Some(Self { command, python }))
    }

    /// Has a recording made; again where something unexpected happened.
    fn record(&self, what: &[&str]) -> Result<Recording, Problem> {
        for _ in 1..TRIES {
            let recording = self.try_to_record(what)?;
            if !is_unexpected(&recording) {
                return Ok(recording);
            }
            if env::var_os("DEBUG_TRIES").is_some() {
                let f = recording.frames.last().unwrap();
                tell(&format!("again {what:?} at {}: {}", recording.frames.len() - 1, f.words.en));
            }
        }
        self.try_to_record(what)
    }

    fn try_to_record(&self, what: &[&str]) -> Result<Recording, Problem> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(what).env("PYTHON", &self.python);
        let recorded = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let recording = recorded.and_then(|recorded| Ok(serde_json::from_slice(&recorded.stdout)?));
        recording.or_else(|error| failure(format!("cannot record {}: {error}", what.join(" "))))
    }
}

fn is_unexpected(recording: &Recording) -> bool {
    recording.frames.iter().any(|frame| frame.unexpected)
}

/// Returns the name of the network namespace that this process is in.
fn network_namespace() -> io::Result<PathBuf> {
    fs::read_link("/proc/self/ns/net")
}

/// Records one scenario, or a learner's pair, and writes the recording to standard output. Never in
/// the `outer` network: the system's settings stay as they are.
fn record_here(words: &[OsString]) -> Result<ExitCode, Problem> {
    let here = network_namespace().map_err(io::Error::from)?;
    let Some((outer, what)) = words.split_first().filter(|(outer, _)| here != Path::new(outer))
    else {
        return misuse("it is only for this program itself");
    };
    let _ = outer;
    // On one CPU, a thread mostly goes on until it waits.
    let cpus = sched_getaffinity(None).map_err(io::Error::from)?;
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| cpus.is_set(*cpu)).collect();
    let mut one = CpuSet::new();
    one.set(usable[std::process::id() as usize % usable.len()]);
    sched_setaffinity(None, &one).map_err(io::Error::from)?;
    let what: Vec<_> = what.iter().map(|word| word.to_string_lossy()).collect();
    let recorded = match what.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        ["own", server, client] => own::record(server, client),
        [id, edition] => {
            let scenarios = scenario::all();
            let scenario = scenarios.iter().find(|scenario| scenario.id == id);
            scenario.expect("it is one of them").record(edition)
        }
        _ => return misuse("it is only for this program itself"),
    };
    let recorded = recorded.or_else(|error| failure(error.to_string()))?;
    serde_json::to_writer(io::stdout(), &recorded).map_err(io::Error::from)?;
    Ok(ExitCode::SUCCESS)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this")
}
