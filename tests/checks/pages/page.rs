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
    /// The addresses of questions.
    questions: Vec<String>,
    /// An address, and what is then clicked and pressed.
    actions: Vec<&'static str>,
    /// The answers that the browser remembers of an earlier visit.
    given: Option<&'static str>,
    /// What stands behind the page's name in its address.
    #[serde(skip)]
    search: &'static str,
    /// The size of what the window shows, by default 1280x720.
    #[serde(skip)]
    size: Option<(u32, u32)>,
}

/// What `walk.js` has seen.
#[derive(Deserialize)]
struct Shown {
    errors: Vec<String>,
    steps: Vec<ShownStep>,
    told: Vec<String>,
    questions: Vec<ShownQuestion>,
    done: Vec<Done>,
}

/// What the page shows at an address.
#[derive(Deserialize)]
struct ShownStep {
    address: String,
    language: String,
    pressed: Vec<String>,
    sentence: String,
    /// Where the parts of the page are.
    layout: String,
    /// What does not fit into its place.
    cut: Vec<String>,
}

/// What the page shows at the address of a question.
#[derive(Deserialize)]
struct ShownQuestion {
    address: String,
    answers: Vec<String>,
    /// What a screen reader says.
    announced: String,
    /// What can be seen of the step behind the question.
    given_away: Vec<String>,
    layout: String,
    cut: Vec<String>,
    answered: Vec<Answered>,
}

/// What the page shows once an answer is given.
#[derive(Deserialize)]
struct Answered {
    address: String,
    sentence: String,
    /// How each answer is marked.
    marks: Vec<String>,
    layout: String,
    cut: Vec<String>,
}

/// Where an action has led: the address, or that of the link that was followed, the terminals that
/// can be seen, and what is said.
#[derive(Deserialize)]
struct Done {
    wanted: String,
    address: String,
    terminals: Vec<String>,
    sentence: String,
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
        for ShownStep { address, cut, .. } in
            walk_through(&plan).map_or(vec![], |shown| shown.steps)
        {
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
    if let Some(shown) = walk_through(&Plan { actions, search: "?show", ..Plan::default() }) {
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
fn every_question_is_asked_in_english_and_its_answers_are_judged() {
    for edition in ["rust", "python"] {
        asks_every_question("en", edition, (1280, 720), |words| &words.en);
        asks_every_question("en", edition, (1024, 576), |words| &words.en);
    }
}

#[test]
fn every_question_is_asked_in_chinese_and_its_answers_are_judged() {
    for edition in ["rust", "python"] {
        asks_every_question("zh", edition, (1280, 720), |words| &words.zh);
        asks_every_question("zh", edition, (1024, 576), |words| &words.zh);
    }
}

/// Opens all questions of an edition in a language, and gives each answer. Nothing of the step behind the question
/// can be seen before, and nothing moves.
fn asks_every_question(
    language: &str,
    edition: &str,
    size: (u32, u32),
    said: fn(&Words) -> &String,
) {
    let mut expected = Vec::new();
    let twins = if edition == "python" { "/python" } else { "" };
    for mut scenario in lesson_of(&page()).scenarios {
        let frames = scenario.editions.remove(edition).map_or(Vec::new(), |it| it.frames);
        for (step, frame) in frames.into_iter().enumerate() {
            let address = |step: usize| format!("#{language}/{}/{step}{twins}", scenario.id);
            if let Some(ask) = frame.ask {
                expected.push((address(step - 1) + "?", address(step), ask, frame.words));
            }
        }
    }
    let questions = expected.iter().map(|(address, ..)| address.clone()).collect();
    let Some(shown) = walk_through(&Plan { questions, size: Some(size), ..Plan::default() }) else {
        return;
    };
    assert_eq!(shown.questions.len(), expected.len());
    for (shown, (address, next, ask, words)) in shown.questions.into_iter().zip(expected) {
        let own = |words: &Words| said(words).replace('`', "");
        assert_eq!(shown.address, address);
        assert_eq!(shown.answers, ask.answers.iter().map(own).collect::<Vec<_>>(), "{address}");
        for announced in ask.answers.iter().chain([&ask.question]) {
            assert!(shown.announced.contains(&own(announced)), "{address}: {}", shown.announced);
        }
        assert!(shown.given_away.is_empty(), "{address} gives away {:?}", shown.given_away);
        assert!(shown.cut.is_empty(), "{address} cuts {:?} at {size:?}", shown.cut);
        assert_eq!(shown.answered.len(), 3, "{address}");
        for (number, answered) in shown.answered.iter().enumerate() {
            let Answered { sentence, marks, layout, cut, .. } = answered;
            assert_eq!(answered.address, next);
            let mark = |answer: usize| match answer {
                answer if answer == ask.right => "right",
                answer if answer == number => "wrong",
                _ => "other",
            };
            assert_eq!(marks, &[mark(0), mark(1), mark(2)], "{next}");
            let is_wrong = sentence.contains('✗');
            assert!(
                is_wrong != sentence.contains('✓') && is_wrong == (number != ask.right),
                "{next}"
            );
            for told in [&ask.question, &ask.why, &words] {
                assert!(sentence.contains(&own(told)), "{next}: {sentence}");
            }
            assert!(cut.is_empty(), "{next} cuts {cut:?} at {size:?}");
            assert!(size.0 < 1280 || *layout == shown.layout, "{next} moves");
        }
    }
}

/// Does one thing after the other, and compares where each has led.
fn leads(from: &'static str, plan: Plan, steps: &[(&'static str, &str)]) -> Option<Vec<String>> {
    let actions = [from].into_iter().chain(steps.iter().map(|(wanted, _)| *wanted)).collect();
    let shown = walk_through(&Plan { actions, ..plan })?;
    let led = shown.done.iter().map(|done| (done.wanted.as_str(), done.address.as_str()));
    assert_eq!(led.collect::<Vec<_>>(), steps);
    Some(shown.done.into_iter().map(|done| done.sentence).collect())
}

#[test]
fn question_is_asked_until_it_is_answered_and_never_on_the_way_back() {
    let steps = [
        ("press ArrowRight", "#en/short/2?"),
        ("press ArrowRight", "#en/short/2?"), // too quick
        ("later 1000", "#en/short/2?"),
        ("press ArrowRight", "#en/short/3"), // passed
        ("press ArrowLeft", "#en/short/2"),
        ("press Digit1", "#en/short/2"), // nothing is asked
        ("press PageDown", "#en/short/2?"),
        ("press ArrowLeft", "#en/short/2"), // taken back
        ("click #forward", "#en/short/2?"),
        ("click #hand button:nth-child(1)", "#en/short/3"),
        ("press ArrowLeft", "#en/short/2"),
        ("press ArrowRight", "#en/short/3"),
        ("click #asks", "#en/short/3"),
        ("click #asks", "#en/short/3"),
        ("slide 8", "#en/short/8"),
        ("click #asks", "#en/short/8"),
        ("press ArrowRight", "#en/short/9"),
    ];
    let Some(said) = leads("#en/short/2", Plan::default(), &steps) else {
        return;
    };
    let asked = "What will listen do?";
    let shows =
        |step: usize, text: &str| assert!(said[step].contains(text), "{step}: {}", said[step]);
    shows(3, "What will listen do? Passed. listen never waits");
    assert!(!said[4].contains(asked), "{}", said[4]);
    shows(9, "What will listen do? ✗ Not so. listen never waits");
    shows(11, &said[9]); // again
    assert!(!said[12].contains(asked), "it shows only: {}", said[12]);
    shows(13, &said[9]);
}

#[test]
fn scenario_ends_with_how_many_were_right_and_asks_the_others_again() {
    let steps = [
        ("press Digit1", "#en/two/3"),
        ("press End", "#en/two/15"),
        ("press PageUp", "#en/two/14"),
        ("slide 5", "#en/two/5"),
        ("press ArrowRight", "#en/two/5?"),
        ("press Digit1", "#en/two/6"),
        ("press End", "#en/two/15"),
        ("press Digit1", "#en/two/5?"), // once more
        ("press Digit2", "#en/two/6"),
        ("press End", "#en/two/15"),
        ("press ArrowRight", "#en/parts/0"),
        ("press ArrowLeft", "#en/parts/0"),
        ("click #forget", "#en/parts/0"),
        ("click #path [value=two]", "#en/two/0"),
        ("press End", "#en/two/15"),
    ];
    let Some(said) = leads("#en/two/2?", Plan::default(), &steps) else {
        return;
    };
    assert!(said[1].ends_with("Predictions: 1 of 1 right."), "{}", said[1]);
    assert!(said[6].ends_with("Predictions: 1 of 2 right. Missed: step 6."), "{}", said[6]);
    assert!(said[9].ends_with("Predictions: 2 of 2 right."), "{}", said[9]);
    assert!(!said[14].contains("Predictions"), "it is forgotten: {}", said[14]);
}

#[test]
fn answer_before_the_last_step_makes_room_for_what_comes_after_it() {
    let steps = [
        ("press Digit3", "#en/first/11"),
        ("press ArrowRight", "#en/first/11"),
        ("press ArrowLeft", "#en/first/11"),
        ("press ArrowRight", "#en/first/11"),
        ("press ArrowRight", "#en/early/0"),
    ];
    if let Some(said) = leads("#en/first/10?", Plan::default(), &steps) {
        assert!(said[0].starts_with("Now the server listens"), "{}", said[0]);
        assert!(said[1].ends_with("Predictions: 1 of 1 right."), "{}", said[1]);
        assert_eq!((&said[2], &said[3]), (&said[0], &said[1]));
    }
}

#[test]
fn browser_remembers_answers_and_asks_a_missed_one_again_in_other_words() {
    let given = Some(r#"{"first/connect/2": 0, "two/whose/1": 1}"#);
    let steps = [
        ("press ArrowRight", "#en/two/2?"),
        ("press Digit1", "#en/two/3"),
        ("slide 5", "#en/two/5"),
        ("press ArrowRight", "#en/two/6"), // answered on the last visit
    ];
    if let Some(said) = leads("#en/two/2", Plan { given, ..Plan::default() }, &steps) {
        assert!(said[0].starts_with("Again, in other words: The server"), "{}", said[0]);
        assert!(said[3].contains("✓ As you expected."), "{}", said[3]);
    }
}

#[test]
fn address_says_whether_it_asks() {
    let steps = [("press ArrowRight", "#en/short/3"), ("press ArrowRight", "#en/short/4")];
    leads("#en/short/2", Plan { search: "?show", ..Plan::default() }, &steps);
    let steps = [("press ArrowRight", "#en/short/2?"), ("press Digit2", "#en/short/3")];
    leads("#en/short/2", Plan { search: "?ask", ..Plan::default() }, &steps);
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
        .args(["--dump-dom".to_owned(), format!("file://{}{}", copy.display(), plan.search)])
        .stdout(File::create(&dumped).expect("it can be made"))
        .start();
    let status = walking.end_within(Duration::from_secs(300));
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
    let dumped = fs::read_to_string(dumped).expect("it is text");
    Some(serde_json::from_str(element(&dumped, "shown")).expect("walk.js writes it"))
}
