//! What the user asks for, and the lesson as a whole.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use support::command_line::{Problem, failure, misuse, report, shown, tell};
use support::run::{contained, programs};

use support::session::recording::{Lesson, Recording, Scenario};
use support::session::{Launch, Network, SESSION, Setup, be_session, picture, source_of};

use crate::scenario::{self, EDITIONS};
use crate::sentence::words;
use crate::{by_itself, live, page, script, texts};

const USAGE: &str = "\
usage: cargo lesson [--port N] [SERVER CLIENT [CLIENT...]]
       cargo lesson FILE [SERVER CLIENT]
       cargo lesson --site FOLDER";

const HELP: &str = "\
Shows the four programs and their Python twins step by step, on real sockets.

Without FILE, it prints the address of a page for a browser on this machine. There you decide what happens
next: a click lets one program make one call. The recorded lesson and the texts of the project are beside it.
  --port N: at this port [default: any free one]
  SERVER and CLIENT: these programs, one of the four or a Python file; up to four clients
  What was done is kept in target/lesson-live.html once the page is closed.

FILE: records the programs as they are now, and writes a page, whose name ends in .html; in a folder docs,
the README's pictures are drawn beside it
  SERVER and CLIENT: records these two instead

--site FOLDER: writes the lesson and the texts as files, which need no server

PYTHON [default: python3]: what runs Python files";

/// How many recordings are made at a time: they mostly wait.
const AT_A_TIME: usize = 4;

/// How often a scenario is begun again. Which thread of a server asks first is left to chance.
const TRIES: usize = 6;

/// From how many ports the kernel chooses in a scenario, so that it is always the same one; and in a
/// learner's pair, whose client may connect again and again.
pub const PORTS: u16 = 2;
pub const MANY_PORTS: u16 = 100;

/// How long programs may run on before that is recorded.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    if let [first, outer] = &words[..] {
        if first == SESSION {
            let ended = be_session(outer).map(|()| ExitCode::SUCCESS);
            return report(USAGE, ended.or_else(|error| failure(error.to_string())));
        }
    }
    contained(|| report(USAGE, run(&words)))
}

/// Does what the user asked for.
fn run(words: &[OsString]) -> Result<ExitCode, Problem> {
    if words.iter().any(|word| word == "-h" || word == "--help") {
        writeln!(io::stdout(), "{USAGE}\n\n{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let (port, words) = match words {
        [option, folder] if option == "--site" => return write_site(Path::new(folder)),
        [option] if option == "--site" => return misuse("--site takes a FOLDER"),
        [option] if option == "--port" => return misuse("--port takes a number"),
        [option, port, rest @ ..] if option == "--port" => match shown(port).parse() {
            Ok(port) => (Some(port), rest),
            Err(_) => {
                return misuse(format!("--port takes a number up to 65535, not '{}'", shown(port)));
            }
        },
        words => (None, words),
    };
    let mut options = words.iter().map(|word| shown(word));
    if let Some(option) = options.find(|word| word.starts_with('-')) {
        return misuse(format!("unknown option '{option}'"));
    }
    match words {
        [] => live::run(port.unwrap_or(0), None),
        [file] if port.is_none() => record_into(Path::new(file), None),
        [file, pair @ ..] if Path::new(file).extension() == Some(OsStr::new("html")) => {
            match pair {
                [server, client] if port.is_none() => {
                    let pair = [name(server, "server")?, name(client, "client")?];
                    record_into(Path::new(file), Some(pair))
                }
                [_, _, extra, ..] => misuse(format!("too many arguments: '{}'", shown(extra))),
                _ => misuse("it takes a FILE, or a FILE, a SERVER and a CLIENT"),
            }
        }
        [server, clients @ ..] if (1..=4).contains(&clients.len()) => {
            let clients = clients.iter().map(|client| name(client, "client"));
            let own = [name(server, "server")].into_iter().chain(clients);
            live::run(port.unwrap_or(0), Some(&own.collect::<Result<Vec<_>, _>>()?))
        }
        _ => misuse("it takes a SERVER and up to four CLIENTs"),
    }
}

/// Writes the lesson and the texts of the project into a folder, as pages.
fn write_site(folder: &Path) -> Result<ExitCode, Problem> {
    let written = texts::write(folder);
    written.or_else(|error| failure(format!("cannot write the pages: {error}")))?;
    writeln!(io::stdout(), "{}", folder.join("index.html").display())?;
    Ok(ExitCode::SUCCESS)
}

/// Records all scenarios, or a learner's pair, and writes the page.
fn record_into(file: &Path, pair: Option<[String; 2]>) -> Result<ExitCode, Problem> {
    if file.extension() != Some(OsStr::new("html")) {
        return misuse(format!("FILE '{}' does not end in .html", shown(file.as_os_str())));
    }
    let Some(network) = Network::find() else {
        return failure(
            "recording needs Linux with unshare, ip and python3; open docs/lesson.html instead",
        );
    };
    programs().or_else(failure)?;
    let lesson = match pair {
        None => whole_lesson(&network)?,
        Some(pair) => own_lesson(&network, pair)?,
    };
    let mut files = vec![(file.to_owned(), page::of(&lesson).map_err(io::Error::from)?)];
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
fn whole_lesson(network: &Network) -> Result<Lesson, Problem> {
    let all = scenario::all();
    let mut pairs: Vec<_> =
        all.iter().flat_map(|scenario| EDITIONS.map(|edition| (scenario, edition))).collect();
    pairs.sort_by_key(|(scenario, _)| scenario.id == "full"); // it takes longest, so it is taken first
    let (pairs, recordings) = (Mutex::new(pairs), Mutex::new(Vec::new()));
    let record = || {
        while let Some((scenario, edition)) = lock(&pairs).pop() {
            let (id, recording) = (scenario.id, record(network, scenario, edition));
            if let Ok(recording) = &recording {
                tell(&format!("{id}, {edition}: {}", summary(recording)));
            }
            lock(&recordings).push((id, edition, recording));
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(record);
        }
    });
    let mut scenarios: Vec<_> = all.iter().map(scenario::Scenario::head).collect();
    for (id, edition, recording) in lock(&recordings).drain(..) {
        let scenario = scenarios.iter_mut().find(|scenario| scenario.id == id);
        let scenario = scenario.expect("it is one of them");
        scenario.editions.insert(edition.to_owned(), recording?);
    }
    with_sources(scenarios)
}

/// Records a scenario; again where something unexpected happened.
fn record(
    network: &Network,
    scenario: &scenario::Scenario,
    edition: &str,
) -> Result<Recording, Problem> {
    let setup = Setup { programs: scenario.programs(edition), ports: PORTS, patience: PATIENCE };
    let mut tries = 1;
    loop {
        let recorded = network.start(&setup).and_then(|mut remote| {
            script::record(scenario, edition, usize::MAX, &mut |who, act| remote.act(who, act))
        });
        let (recording, is_as_written) = recorded.or_else(|error| {
            failure(format!("cannot record {}, {edition}: {error}", scenario.id))
        })?;
        if is_as_written || tries == TRIES {
            return Ok(recording);
        }
        tries += 1;
    }
}

/// Records a learner's pair.
fn own_lesson(network: &Network, [server, client]: [String; 2]) -> Result<Lesson, Problem> {
    let programs = vec![launch(&server, true), launch(&client, false)];
    let parts = programs.iter().map(|launch| launch.part.clone()).collect();
    let session = network.start(&Setup { programs, ports: MANY_PORTS, patience: PATIENCE });
    let recording = session
        .and_then(|mut remote| by_itself::record(parts, &mut |who, act| remote.act(who, act)));
    let recording = recording
        .or_else(|error| failure(format!("cannot record {server} and {client}: {error}")))?;
    tell(&format!("{server} and {client}: {}", summary(&recording)));
    let title = words(format!("{server} and {client}"), format!("{server} 与 {client}"));
    let editions = [("own".to_owned(), recording)].into();
    let (id, experiment, anchor) = ("own".to_owned(), None, None);
    with_sources(vec![Scenario { id, title, experiment, anchor, wire: false, editions }])
}

/// Returns what is started for one of the four programs, or for a Python file.
fn launch(name: &str, server: bool) -> Launch {
    match name {
        "long-client" => Launch::of_project("long-client 127.0.0.1:12345 hello 2", server),
        "short-server" | "long-server" | "short-client" => Launch::of_project(name, server),
        _ => Launch::of_learner(name, server),
    }
}

fn summary(recording: &Recording) -> String {
    let unexpected = recording.frames.iter().find(|frame| frame.unexpected);
    let note = unexpected.map_or_else(String::new, |frame| format!(". {}", frame.words.en));
    format!("{} steps{note}", recording.frames.len() - 1)
}

/// Adds the source of each program.
fn with_sources(scenarios: Vec<Scenario>) -> Result<Lesson, Problem> {
    let recordings = scenarios.iter().flat_map(|scenario| scenario.editions.values());
    let mut sources = BTreeMap::new();
    for part in recordings.flat_map(|recording| &recording.programs) {
        let source = source_of(part);
        let source =
            source.or_else(|error| failure(format!("cannot read {}: {error}", part.name)))?;
        sources.insert(part.source.clone(), source);
    }
    Ok(Lesson { scenarios, sources })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this")
}
