//! Records what the page shows, and writes it.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use support::command_line::{EarlyEnd, failure, misuse, shown, tell};
use support::root;
use support::run::{programs, python};
use support::session::recording::{Lesson, RecordedScenario, Recording, Source};
use support::session::{Act, Launch, Machines, Network, Setup, picture, source_of};
use tempfile::{NamedTempFile, tempfile_in};

use crate::scenario::{self, EDITIONS, Scenario};
use crate::sentence::words;
use crate::{by_itself, page, script};

/// How many recordings are made at a time: they mostly wait.
const AT_A_TIME: usize = 4;

/// From how many ports the kernel chooses in a scenario, so that it is always the same one; and for a
/// learner's programs, whose client may connect again and again.
pub const PORTS: u16 = 2;
pub const MANY_PORTS: u16 = 100;

/// How long programs may run on before that is recorded.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Records all scenarios into a page.
pub fn all_into(file: &Path) -> Result<ExitCode, EarlyEnd> {
    let network = prepare(file)?;
    scenarios_into(file, &network, &Lesson::default())
}

/// Records one scenario into `target/lesson.html`, and takes the others from the page that is there, or
/// else from the one in `docs`, unless their programs have changed.
pub fn one(id: &str) -> Result<ExitCode, EarlyEnd> {
    let folder = programs().or_else(failure)?;
    let file = folder.with_file_name("lesson.html");
    let network = prepare(&file)?;
    let mut old = read(&file).or_else(|| read(&docs())).unwrap_or_default();
    let sources = mem::take(&mut old.sources);
    let is_as_it_was = |recording: &Recording| {
        let mut programs = recording.programs.iter();
        programs.all(|part| source_of(part).ok().as_ref() == sources.get(&part.source))
    };
    old.scenarios.retain(|scenario| scenario.id != id);
    for scenario in &mut old.scenarios {
        scenario.editions.retain(|_, recording| is_as_it_was(recording));
    }
    scenarios_into(&file, &network, &old)
}

/// Records a learner's programs into a page, the server and its clients.
pub fn own_into(file: &Path, names: &[String]) -> Result<ExitCode, EarlyEnd> {
    let network = prepare(file)?;
    let programs = names.iter().enumerate().map(|(number, name)| launch(name, number == 0));
    let programs: Vec<Launch> = programs.collect();
    let parts = programs.iter().map(|launch| launch.part.clone()).collect();
    let (patience, machines) = (PATIENCE, Machines::One);
    let session = network.start(&Setup { programs, ports: MANY_PORTS, patience, machines });
    let recording = session
        .and_then(|mut remote| by_itself::record(parts, &mut |who, act| remote.act(who, act)));
    let title = words(names.join(" and "), names.join(" 与 "));
    let recording =
        recording.or_else(|error| failure(format!("cannot record {}: {error}", title.en)))?;
    tell(&format!("{}: {}", title.en, summary(&recording)));
    let editions = [("own".to_owned(), recording)].into();
    let (id, experiment, anchor) = ("own".to_owned(), None, None);
    let own = RecordedScenario { id, title, experiment, anchor, wire: false, editions };
    write(file, &with_sources(vec![own])?)?;
    Ok(ExitCode::SUCCESS)
}

/// Finds out what would prevent a recording or its page, before anything is recorded.
fn prepare(file: &Path) -> Result<Network, EarlyEnd> {
    let name = shown(file.as_os_str());
    if file.extension() != Some(OsStr::new("html")) {
        return misuse(format!("FILE '{name}' does not end in .html"));
    }
    let trial = match fs::metadata(file) {
        Ok(found) if !found.is_file() => {
            return failure(format!("{name} is there, and is no file that can be replaced"));
        }
        Ok(_) => File::options().append(true).open(file).map(drop),
        Err(_) => Ok(()),
    };
    let trial = trial.and_then(|()| tempfile_in(folder_of(file)).map(drop));
    trial.or_else(|error| cannot_write(file, &error))?;
    if !env::temp_dir().is_dir() {
        let folder = shown(env::temp_dir().as_os_str());
        return failure(format!("TMPDIR names the folder {folder}, which is not there"));
    }
    if let Some(python) = python() {
        let mut trial = Command::new(&python);
        trial.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !trial.status().is_ok_and(|status| status.success()) {
            return failure(format!("PYTHON names {}, which does not run", shown(&python)));
        }
    }
    let Some(network) = Network::find() else {
        return failure(
            "recording needs Linux with unshare, ip and python3; open docs/lesson.html instead",
        );
    };
    programs().or_else(failure)?;
    Ok(network)
}

fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new("."))
}

fn docs() -> PathBuf {
    root().join("docs/lesson.html")
}

/// Reads the recordings of a page.
fn read(file: &Path) -> Option<Lesson> {
    Lesson::in_page(&fs::read_to_string(file).ok()?)
}

/// Records the scenarios that are not among the old ones, and writes the page. One that cannot be
/// recorded leaves the others.
fn scenarios_into(file: &Path, network: &Network, old: &Lesson) -> Result<ExitCode, EarlyEnd> {
    let all = scenario::all();
    let mut scenarios: Vec<RecordedScenario> = all.iter().map(Scenario::head).collect();
    for scenario in &mut scenarios {
        scenario.editions = editions_in(old, &scenario.id);
    }
    let kept = read(&docs()).unwrap_or_default();
    let cannot = on_two_machines(network).err();
    if let Some(problem) = &cannot {
        tell(&format!("{problem}: what runs on two machines stays as docs/lesson.html has it"));
        for scenario in scenarios.iter_mut().filter(|scenario| scenario.wire) {
            scenario.editions = editions_in(&kept, &scenario.id);
        }
    }
    let has = |id: &str, edition: &str| {
        scenarios.iter().any(|it| it.id == id && it.editions.contains_key(edition))
    };
    let missing = all
        .iter()
        .flat_map(|scenario| EDITIONS.map(|edition| (scenario, edition)))
        .filter(|(scenario, edition)| !has(scenario.id, edition))
        .filter(|(scenario, _)| cannot.is_none() || !scenario.is_on_the_wire());
    let mut status = ExitCode::SUCCESS;
    for (id, edition, recording) in record_missing(network, missing.collect(), &kept.sources) {
        let scenario = scenarios.iter_mut().find(|scenario| scenario.id == id);
        match scenario.zip(recording.ok()) {
            Some((scenario, recording)) => {
                scenario.editions.insert(edition.to_owned(), recording);
            }
            None => status = ExitCode::FAILURE,
        }
    }
    scenarios.retain(|scenario| !scenario.editions.is_empty());
    write(file, &with_sources(scenarios)?)?;
    Ok(status)
}

fn editions_in(lesson: &Lesson, id: &str) -> BTreeMap<String, Recording> {
    let found = lesson.scenarios.iter().find(|scenario| scenario.id == id);
    found.map(|scenario| scenario.editions.clone()).unwrap_or_default()
}

/// A scenario, its edition, and the recording of it.
type Recorded = (&'static str, &'static str, io::Result<Recording>);

/// Records these scenarios in these editions, several at a time, and tells of each.
fn record_missing(
    network: &Network,
    mut missing: VecDeque<(&Scenario, &'static str)>,
    sources: &BTreeMap<String, Source>,
) -> Vec<Recorded> {
    // It takes longest, so it is taken first.
    missing.make_contiguous().sort_by_key(|(scenario, _)| scenario.id != "full");
    let (missing, recordings) = (Mutex::new(missing), Mutex::new(Vec::new()));
    let record = || {
        loop {
            let next = lock(&missing).pop_front();
            let Some((scenario, edition)) = next else {
                break;
            };
            let recording = record(network, scenario, edition, sources);
            match &recording {
                Ok(recording) => {
                    tell(&format!("{}, {edition}: {}", scenario.id, summary(recording)));
                }
                Err(error) => tell(&format!("cannot record {}, {edition}: {error}", scenario.id)),
            }
            lock(&recordings).push((scenario.id, edition, recording));
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(record);
        }
    });
    mem::take(&mut lock(&recordings))
}

/// Tries whether a session can have two machines.
pub fn on_two_machines(network: &Network) -> io::Result<()> {
    let programs = vec![launch("short-server", true)];
    let machines = Machines::Two { small_queues: false };
    let setup = Setup { programs, ports: PORTS, patience: PATIENCE, machines };
    network.start(&setup)?.act(0, Act::Look).map(drop)
}

/// Records a scenario; again where something unexpected happened. A program whose source is not the
/// project's any more may do what it likes.
fn record(
    network: &Network,
    scenario: &Scenario,
    edition: &str,
    sources: &BTreeMap<String, Source>,
) -> io::Result<Recording> {
    let (programs, machines) = (scenario.programs(edition), scenario.machines);
    let setup = Setup { programs, ports: PORTS, patience: PATIENCE, machines };
    let parts = setup.programs.iter().map(|launch| &launch.part);
    let is_changed = |source: &String, now: Option<Source>| {
        sources.get(source).is_some_and(|old| Some(old) != now.as_ref())
    };
    let changed = parts.filter(|part| is_changed(&part.source, source_of(part).ok()));
    let changed = changed.map(|part| part.name.clone()).next();
    let recorded = script::again_until_as_written(|| {
        let mut remote = network.start(&setup)?;
        let mut act = |who, act| remote.act(who, act);
        let (recording, is_as_written) =
            script::record(scenario, edition, usize::MAX, changed.as_deref(), &mut act)?;
        Ok((recording, is_as_written || changed.is_some()))
    });
    recorded.map(|(recording, _)| recording)
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
fn with_sources(scenarios: Vec<RecordedScenario>) -> Result<Lesson, EarlyEnd> {
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

/// Writes the page and, in a folder docs, the README's pictures beside it.
fn write(file: &Path, lesson: &Lesson) -> Result<(), EarlyEnd> {
    let mut files = vec![(file.to_owned(), page::of(lesson).map_err(io::Error::from)?)];
    if folder_of(file).ends_with("docs") {
        let pictures = picture::all(lesson).into_iter();
        files.extend(pictures.map(|(name, picture)| (file.with_file_name(name), picture)));
    }
    for (file, content) in files {
        let written = replace(&file, &content);
        written.or_else(|error| cannot_write(&file, &error))?;
    }
    writeln!(io::stdout(), "{}", file.display())?;
    Ok(())
}

/// Says that a file cannot be written. The name of the one beside it, which `tempfile` adds, says nothing to
/// the user.
fn cannot_write(file: &Path, error: &io::Error) -> Result<(), EarlyEnd> {
    let error = error.to_string();
    let (problem, _) = error.split_once(" at path ").unwrap_or((&error, ""));
    failure(format!("cannot write {}: {problem}", shown(file.as_os_str())))
}

/// Writes a file beside the old one, and puts it in its place once it is whole.
fn replace(file: &Path, content: &str) -> io::Result<()> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()); // behind a link
    let mut new = NamedTempFile::new_in(folder_of(&file))?;
    new.write_all(content.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let old = fs::metadata(&file).map(|old| old.permissions());
        new.as_file().set_permissions(old.unwrap_or_else(|_| fs::Permissions::from_mode(0o644)))?;
    }
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this")
}
