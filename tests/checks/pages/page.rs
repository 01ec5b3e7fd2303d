//! The page of the lesson in a browser: what it shows at each step, and where clicks and keys lead.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use pretty_assertions::assert_str_eq;
use serde::{Deserialize, Serialize};
use support::root;
use support::run::{Program, browser};
use support::session::picture;
use support::session::recording::{Lesson, Words};

/// What a headless window of Chromium keeps for itself, above the page.
const WINDOW_BAR: u32 = 143;

/// What `walk.js` does.
#[derive(Default, Serialize)]
struct Plan {
    addresses: Vec<String>,
    /// Recordings of which everything shown is told: an address without its step, which goes where
    /// the `?` stands.
    told: Vec<String>,
    /// An address, and what is then clicked and pressed.
    actions: Vec<&'static str>,
    /// The size of what the window shows, by default 1280x720.
    #[serde(skip)]
    size: Option<(u32, u32)>,
}

/// What `walk.js` has seen.
#[derive(Deserialize)]
struct Shown {
    errors: Vec<String>,
    steps: Vec<Step>,
    told: Vec<String>,
    done: Vec<Done>,
}

/// What the page shows at an address.
#[derive(Deserialize)]
struct Step {
    address: String,
    language: String,
    pressed: Vec<String>,
    sentence: String,
    /// Where the parts of the page are.
    layout: String,
    /// What does not fit into its place.
    cut: Vec<String>,
}

/// Where an action has led: the address, or that of the link that was followed, and the terminals
/// that can be seen.
#[derive(Deserialize)]
struct Done {
    wanted: String,
    address: String,
    terminals: Vec<String>,
}

#[test]
fn page_says_in_english_what_was_recorded() {
    says_what_was_recorded("en", |words| &words.en);
}

#[test]
fn page_says_in_chinese_what_was_recorded() {
    says_what_was_recorded("zh", |words| &words.zh);
}

/// Goes through all steps in a language. At each, the sentence is the recorded one, nothing is cut, and
/// each part of the page is where it was at the step before.
fn says_what_was_recorded(language: &str, said: fn(&Words) -> &String) {
    let mut expected = Vec::new();
    for scenario in lesson_of(&page()).scenarios {
        for (edition, recording) in scenario.editions {
            let twins = if edition == "python" { "/python" } else { "" };
            for (step, frame) in recording.frames.into_iter().enumerate() {
                let address = format!("#{language}/{}/{step}{twins}", scenario.id);
                expected.push((
                    address,
                    edition.clone(),
                    step,
                    said(&frame.words).replace('`', ""),
                ));
            }
        }
    }
    let addresses = expected.iter().map(|(address, ..)| address.clone()).collect();
    let Some(shown) = walk_through(&Plan { addresses, ..Plan::default() }) else {
        return;
    };
    assert_eq!(shown.steps.len(), expected.len());
    let mut layout = "";
    for (shown, (address, edition, step, sentence)) in shown.steps.iter().zip(expected) {
        assert_eq!((&shown.address, shown.language.as_str()), (&address, language));
        assert_eq!(shown.pressed, [&edition, language], "{address}");
        assert!(shown.sentence.ends_with(&sentence), "{address}: {}", shown.sentence);
        assert!(shown.cut.is_empty(), "{address} cuts {:?}", shown.cut);
        if step == 0 {
            layout = &shown.layout;
        }
        assert_eq!(shown.layout, layout, "{address} moves");
    }
}

/// As a lecturer has it, for the last row: at 1280x720, 125 and 150 %.
#[test]
fn nothing_is_cut_when_it_is_magnified() {
    for size in [(1024, 576), (853, 480)] {
        let addresses = ["en/short", "zh/short", "en/two", "zh/two"];
        let steps = addresses
            .iter()
            .flat_map(|at| (1..9).step_by(2).map(move |step| format!("#{at}/{step}")));
        let plan = Plan { addresses: steps.collect(), size: Some(size), ..Plan::default() };
        for Step { address, cut, .. } in walk_through(&plan).map_or(vec![], |shown| shown.steps) {
            assert!(cut.is_empty(), "{address} cuts {cut:?} at {size:?}");
        }
    }
}

/// `UPDATE=1` writes the files anew. What has changed in them is to be read, as one reads the page.
#[test]
fn page_shows_what_a_person_has_read() {
    let mut files = Vec::new();
    let mut told = Vec::new();
    for scenario in ["short", "two", "full"] {
        for edition in ["rust", "python"] {
            for language in ["en", "zh"] {
                let twins = if edition == "python" { "/python" } else { "" };
                told.push(format!("#{language}/{scenario}?{twins}"));
                files.push(format!("{scenario}.{edition}.{language}.txt"));
            }
        }
    }
    let Some(shown) = walk_through(&Plan { told, ..Plan::default() }) else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/pages/shown");
    for (file, shown) in files.iter().zip(shown.told) {
        let path = folder.join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &shown).expect("it can be written");
        }
        let expected = fs::read_to_string(path).expect("it is there");
        assert_str_eq!(expected, shown, "{file}; UPDATE=1 accepts it");
    }
}

#[test]
fn clicks_and_keys_lead_where_they_say() {
    let two = lesson_of(&page()).scenarios.into_iter().find(|scenario| scenario.id == "two");
    let experiment = two.and_then(|two| two.anchor).expect("it belongs to an experiment").zh;
    let steps = [
        ("click #forward", "#en/two/1"),
        ("click #forward", "#en/two/2"),
        ("click #back", "#en/two/1"),
        ("slide 9", "#en/two/9"),
        ("click #ladder li:nth-child(3)", "#en/two/4"),
        ("click [value=zh]", "#zh/two/4"),
        ("click [value=python]", "#zh/two/4/python"),
        ("click #experiment", &*experiment),
        ("click [value=en]", "#en/two/4/python"),
        ("click [value=rust]", "#en/two/4"),
        ("press ArrowRight", "#en/two/5"),
        ("press PageDown", "#en/two/6"),
        ("press ArrowLeft", "#en/two/5"),
        ("press End", "#en/two/15"),
        ("press Digit1", "#en/two/0"),
        ("press End", "#en/two/15"),
        ("press PageUp", "#en/two/14"),
        ("press Home", "#en/two/0"),
        ("press PageUp", "#en/two/0"),
    ];
    let actions = ["#en/two/0"].into_iter().chain(steps.map(|(wanted, _)| wanted)).collect();
    if let Some(shown) = walk_through(&Plan { actions, ..Plan::default() }) {
        for (done, (wanted, address)) in shown.done.iter().zip(steps) {
            assert_eq!((done.wanted.as_str(), done.address.as_str()), (wanted, address));
        }
    }
}

#[test]
fn end_of_a_scenario_leads_to_the_next_and_a_first_visit_to_the_first_step() {
    let steps = [
        ("press ArrowRight", "#en/short/0"),
        ("press End", "#en/short/15"),
        ("press Digit3", "#en/long/0"),
        ("click #path button[value=two]", "#en/two/0"),
        ("press End", "#en/two/15"),
        ("press ArrowRight", "#en/parts/0"),
        ("click #keys input", "#en/parts/0"),
        ("press ArrowRight", "#en/parts/0"),
    ];
    let actions = ["#"].into_iter().chain(steps.map(|(wanted, _)| wanted)).collect();
    let shown = walk_through(&Plan { actions, ..Plan::default() });
    for (done, (wanted, address)) in shown.map_or(vec![], |shown| shown.done).iter().zip(steps) {
        assert_eq!((done.wanted.as_str(), done.address.as_str()), (wanted, address));
    }
}

/// There the Rust server has called `accept` again, which its twin does one step later.
#[test]
fn other_language_of_the_programs_is_shown_at_the_same_place_in_the_story() {
    let actions = vec!["#en/short/7", "click [value=python]", "click [value=rust]"];
    if let Some(shown) = walk_through(&Plan { actions, ..Plan::default() }) {
        let addresses = shown.done.iter().map(|done| done.address.as_str()).collect::<Vec<_>>();
        assert_eq!(addresses, ["#en/short/8/python", "#en/short/7"]);
    }
}

#[test]
fn tabs_choose_the_terminal_where_there_is_no_room_for_all() {
    let actions = vec!["#en/full/0", "click #tabs [value='3']", "click #tabs [value='2']"];
    if let Some(shown) = walk_through(&Plan { actions, ..Plan::default() }) {
        let terminals = shown.done.iter().map(|done| &done.terminals).collect::<Vec<_>>();
        assert_eq!(terminals, [&["server", "client 3"], &["server", "client 2"]]);
    }
}

#[test]
fn error_in_page_is_noticed() {
    let page = r#"<script type="application/json" id="data">{}</script><script>}</script><body>"#;
    if let Some(shown) = walk(page, &Plan::default()) {
        assert_eq!(shown.errors, ["Uncaught SyntaxError: Unexpected token '}'"]);
    }
}

#[test]
fn pictures_are_drawn_from_the_recordings() {
    for (name, drawn) in picture::all(&lesson_of(&page())) {
        assert!(drawn == document(&name), "cargo lesson docs/lesson.html draws another {name}");
    }
}

#[test]
fn pictures_show_the_handshake_between_the_beginning_and_the_return_of_connect() {
    for name in ["short.svg", "long.svg"] {
        let drawn = document(name);
        let connect = "[.] connect(3, 127.0.0.1:12345)";
        let mut places = vec![height_of(&drawn, &format!("{connect} ..."))];
        places.extend(["SYN", "SYN ACK", "ACK"].map(|label| height_of(&drawn, label)));
        assert!(places.is_sorted(), "{name}: {places:?}");
        assert_eq!(height_of(&drawn, &format!("{connect} = 0")), places[3], "{name}");
    }
}

/// Returns how far down the first text of a picture stands that is this one.
fn height_of(picture: &str, text: &str) -> usize {
    let (before, _) = picture.split_once(&format!(">{text}<")).expect("it is drawn");
    let (_, height) = before.rsplit_once("y=\"").expect("a text has a height");
    height.split('"').next().and_then(|height| height.parse().ok()).expect("it is a number")
}

fn page() -> String {
    document("lesson.html")
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("it is there")
}

pub fn lesson_of(page: &str) -> Lesson {
    serde_json::from_str(element(page, "data")).expect("it is a lesson")
}

/// Returns what is in the script element with this id.
fn element<'a>(page: &'a str, id: &str) -> &'a str {
    let after = page.split_once(&format!("id=\"{id}\">")).map(|(_, after)| after);
    let inside = after.and_then(|after| after.split_once("</script>")).map(|(inside, _)| inside);
    inside.unwrap_or_else(|| panic!("the page has no {id}"))
}

/// Walks through the lesson, in which no error happens.
fn walk_through(plan: &Plan) -> Option<Shown> {
    let shown = walk(&page(), plan)?;
    assert!(shown.errors.is_empty(), "{:?}", shown.errors);
    Some(shown)
}

/// Opens a copy of a page in a browser, and walks through it.
fn walk(page: &str, plan: &Plan) -> Option<Shown> {
    let browser = browser()?;
    let folder = tempfile::tempdir().expect("a folder can be made");
    // The page leads to the other pages only from a folder of this name.
    let docs = folder.path().join("docs");
    fs::create_dir(&docs).expect("it can be made");
    let copy = docs.join("lesson.html");
    let [dumped, profile] = ["dumped.html", "profile"].map(|name| folder.path().join(name));
    let (width, height) = plan.size.unwrap_or((1280, 720));
    let told = serde_json::to_string(plan).expect("it is text");
    let walk = include_str!("walk.js").replace("PLAN", &told);
    let data = r#"<script type="application/json""#;
    let page = page.replacen(data, &format!("<script>{walk}</script>{data}"), 1);
    fs::write(&copy, page).expect("it can be written");
    let mut walking = Program::of(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--disable-ipc-flooding-protection"]) // it ignores a page that goes too fast
        .args([format!("--window-size={width},{}", height + WINDOW_BAR), "--lang=en".to_owned()])
        .args([format!("--user-data-dir={}", profile.display())])
        .args(["--dump-dom".to_owned(), format!("file://{}", copy.display())])
        .stdout(File::create(&dumped).expect("it can be made"))
        .start();
    let status = walking.end_within(Duration::from_secs(300));
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
    let dumped = fs::read_to_string(dumped).expect("it is text");
    Some(serde_json::from_str(element(&dumped, "shown")).expect("walk.js writes it"))
}
