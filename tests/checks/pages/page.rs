//! The page of the lesson in a browser: at each step it shows what was recorded.

use std::collections::BTreeSet;
use std::fs::{self, File};

use serde::Deserialize;
use support::root;
use support::run::{Program, browser};

use support::session::picture;
use support::session::recording::{Lesson, Recording, Side};

/// What `walk.js` has seen.
#[derive(Deserialize)]
struct Shown {
    errors: Vec<String>,
    steps: Vec<Step>,
    /// The addresses after some keys were pressed.
    keys: Vec<String>,
}

/// What the page shows at an address.
#[derive(Deserialize)]
struct Step {
    address: String,
    language: String,
    pressed: Vec<String>,
    sentence: String,
    states: Vec<String>,
    ports: Vec<String>,
    queued: Vec<String>,
    segments: usize,
    /// The numbers of the lines with a mark, in the server's code and in the clients'.
    marked: [Vec<usize>; 2],
    /// The client that is shown where there is no room for all.
    client: usize,
    terminals: Vec<String>,
}

#[test]
fn page_shows_what_was_recorded() {
    let page = page();
    let lesson = lesson_of(&page);
    let mut expected = Vec::new();
    for scenario in &lesson.scenarios {
        for (edition, recording) in &scenario.editions {
            let twins = if edition == "python" { "/python" } else { "" };
            for step in 0..recording.frames.len() {
                for language in ["en", "zh"] {
                    let address = format!("#{language}/{}/{step}{twins}", scenario.id);
                    expected.push((address, language, edition, recording, step));
                }
            }
        }
    }
    let addresses = expected.iter().map(|(address, ..)| address.as_str()).collect::<Vec<_>>();
    let Some(shown) = walk(&page, &addresses, &[]) else {
        return;
    };
    assert!(shown.errors.is_empty(), "{:?}", shown.errors);
    assert_eq!(shown.steps.len(), expected.len());
    for (shown, (address, language, edition, recording, step)) in shown.steps.iter().zip(expected) {
        assert_eq!((&shown.address, shown.language.as_str()), (&address, language));
        assert_eq!(shown.pressed, [edition, language], "{address}");
        compare(shown, &lesson, recording, step);
    }
}

#[test]
fn keys_go_from_step_to_step() {
    let keys =
        ["ArrowRight", "PageDown", "ArrowLeft", "End", "ArrowRight", "PageUp", "Home", "PageUp"];
    let page = page();
    let last = lesson_of(&page).scenarios[0].editions["rust"].frames.len() - 1;
    if let Some(shown) = walk(&page, &["#en/short/0"], &keys) {
        let steps = [1, 2, 1, last, last, last - 1, 0, 0];
        assert_eq!(shown.keys, steps.map(|step| format!("#en/short/{step}")));
    }
}

#[test]
fn error_in_page_is_noticed() {
    let page = r#"<script type="application/json" id="data">{}</script><script>}</script><body>"#;
    if let Some(shown) = walk(page, &[], &[]) {
        assert_eq!(shown.errors, ["Uncaught SyntaxError: Unexpected token '}'"]);
    }
}

#[test]
fn pictures_are_drawn_from_the_recordings() {
    for (name, drawn) in picture::all(&lesson_of(&page())) {
        assert!(drawn == document(&name), "cargo lesson docs/lesson.html draws another {name}");
    }
}

fn page() -> String {
    document("lesson.html")
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("it is there")
}

fn lesson_of(page: &str) -> Lesson {
    serde_json::from_str(element(page, "data")).expect("it is a lesson")
}

/// Returns what is in the script element with this id.
fn element<'a>(page: &'a str, id: &str) -> &'a str {
    let after = page.split_once(&format!("id=\"{id}\">")).map(|(_, after)| after);
    let inside = after.and_then(|after| after.split_once("</script>")).map(|(inside, _)| inside);
    inside.unwrap_or_else(|| panic!("the page has no {id}"))
}

/// Opens a copy of the page in a browser, goes to each of these addresses, and presses the keys.
fn walk(page: &str, addresses: &[&str], keys: &[&str]) -> Option<Shown> {
    let browser = browser()?;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [copy, dumped, profile] =
        ["lesson.html", "dumped.html", "profile"].map(|name| folder.path().join(name));
    let walk = include_str!("walk.js")
        .replace("ADDRESSES", &format!("{addresses:?}"))
        .replace("KEYS", &format!("{keys:?}"));
    let data = r#"<script type="application/json""#;
    let page = page.replacen(data, &format!("<script>{walk}</script>{data}"), 1);
    fs::write(&copy, page).expect("it can be written");
    let finished = Program::of(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--disable-ipc-flooding-protection"]) // it ignores a page that goes too fast
        .args([format!("--user-data-dir={}", profile.display())])
        .args(["--dump-dom".to_owned(), format!("file://{}", copy.display())])
        .stdout(File::create(&dumped).expect("it can be made"))
        .run();
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    let dumped = fs::read_to_string(dumped).expect("it is text");
    Some(serde_json::from_str(element(&dumped, "shown")).expect("walk.js writes it"))
}

/// Compares what is shown at a step with its recording.
fn compare(shown: &Step, lesson: &Lesson, recording: &Recording, step: usize) {
    let Step { address, language, queued, .. } = shown;
    let frames = &recording.frames[..=step];
    let frame = &frames[step];
    let sentence = if language == "en" { &frame.words.en } else { &frame.words.zh };
    let sentence = sentence.replace('`', ""); // around code
    assert!(shown.sentence.ends_with(&sentence), "{address}: {}", shown.sentence);
    assert_eq!(shown.segments, frame.segments.len(), "{address}");

    let states = frame.sockets.iter().map(|socket| socket.state.as_str());
    assert_eq!(sorted(shown.states.iter().map(String::as_str)), sorted(states), "{address}");
    let ports = frame.sockets.iter().map(|socket| socket.port.map(|port| format!(":{port}")));
    let ports = ports.map(Option::unwrap_or_default).collect::<Vec<_>>();
    let shown_ports = sorted(shown.ports.iter().map(String::as_str));
    assert_eq!(shown_ports, sorted(ports.iter().map(String::as_str)), "{address}");
    let count = |beginning| queued.iter().filter(|item| item.starts_with(beginning)).count();
    let clients = frame.sockets.iter().filter(|socket| socket.queued).count();
    let fins = frame.sockets.iter().filter(|socket| socket.fin).count();
    assert_eq!((count(":"), count("FIN")), (clients, fins), "{address}: {queued:?}");
    for socket in frame.sockets.iter().filter(|socket| !socket.text.is_empty()) {
        assert!(queued.iter().any(|item| item.ends_with(&socket.text)), "{address}: {queued:?}");
    }

    for (panel, program) in [0, shown.client].into_iter().enumerate() {
        let source = &recording.programs[program].source;
        let shares = |other: usize| {
            (other > 0) == (panel > 0) && recording.programs[other].source == *source
        };
        let sides =
            (0..frame.sides.len()).filter(|other| shares(*other)).map(|other| &frame.sides[other]);
        let lines = sides.flat_map(lines).map(|line| lesson.sources[source].first + line);
        let lines = lines.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        assert_eq!(shown.marked[panel], lines, "{address}");
    }

    for (number, terminal) in shown.terminals.iter().enumerate() {
        let all = frames.iter().map(|frame| frame.sides[number].new.as_str()).collect::<String>();
        let expected = without_answered_questions(&all);
        let expected = expected.iter().map(|line| beginning(line)).collect::<Vec<_>>();
        assert_eq!(terminal.lines().map(beginning).collect::<Vec<_>>(), expected, "{address}");
    }
}

/// Returns the lines of the calls that a program has made, is in, or is about to make.
fn lines(side: &Side) -> impl Iterator<Item = usize> {
    side.at.iter().map(|at| at.0).chain(side.did.iter().map(|did| did.0)).flatten()
}

/// Leaves out what was asked by `STEP=1`, but for what is still asked.
fn without_answered_questions(terminal: &str) -> Vec<&str> {
    let (answered, last) = terminal.rsplit_once('\n').unwrap_or(("", terminal));
    let lines = answered.lines().filter_map(|line| {
        let question = line.strip_prefix("next: ").and_then(|line| line.split_once("[Enter] "));
        let typed = question.map_or(line, |(_, typed)| typed);
        (question.is_none() || !typed.is_empty()).then_some(typed)
    });
    lines.chain((!last.is_empty()).then_some(last)).collect()
}

/// Returns as much of a line as the page shows in any case.
fn beginning(line: &str) -> &str {
    line.char_indices().nth(100).map_or(line, |(end, _)| &line[..end])
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut texts = texts.collect::<Vec<_>>();
    texts.sort_unstable();
    texts
}
