//! The texts as pages: `cargo lesson --site`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;
use support::root;
use support::run::{Program, path_of_alias};
use support::session::recording::Lesson;

use super::page::lesson_of;

#[test]
fn every_link_of_the_site_leads_to_a_place_in_its_folder() {
    let lesson = lesson_of(&SITE["lesson.html"]);
    let texts = || SITE.iter().filter(|(name, _)| *name != "lesson.html");
    let places = |page: &str| values(page, "id").map(encoded).collect::<BTreeSet<_>>();
    let places = texts().map(|(name, page)| (name.as_str(), places(page)));
    let places = places.collect::<BTreeMap<_, _>>();
    for (name, page) in texts() {
        for link in values(page, "href").chain(values(page, "src")) {
            if link.starts_with("https://") || link.starts_with("data:") {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { name } else { file };
            let is_there = match places.get(target) {
                Some(places) => place.is_empty() || places.contains(&encoded(place)),
                None if file == "lesson.html" => is_step(&lesson, place),
                None => false,
            };
            assert!(is_there, "{name}: {link}");
        }
    }
}

#[test]
fn every_text_but_the_answers_is_a_page_of_the_site_and_leads_to_all_others() {
    let files = fs::read_dir(root().join("docs")).expect("it is a folder");
    let names = files.map(|file| file.expect("it is listed").file_name().into_string());
    let texts = names.map(|name| name.expect("a text's name is UTF-8"));
    let texts = texts.filter_map(|name| name.strip_suffix(".md").map(str::to_owned));
    let (answers, texts): (Vec<_>, Vec<_>) = texts.partition(|text| text.starts_with("answers"));
    assert_eq!(answers.len(), 2);
    for text in answers {
        assert!(
            !SITE.contains_key(&format!("{text}.html")),
            "students have the site, so not {text}"
        );
    }
    let (chinese, english): (BTreeSet<_>, BTreeSet<_>) = texts
        .into_iter()
        .chain(["index", "index.zh-CN"].map(str::to_owned))
        .partition(|text| text.ends_with(".zh-CN"));
    for texts in [chinese, english] {
        for text in &texts {
            let page = SITE.get(&format!("{text}.html"));
            let page = page.unwrap_or_else(|| panic!("TEXTS leaves out {text}"));
            let links = values(page, "href").collect::<BTreeSet<_>>();
            for other in &texts {
                assert!(links.contains(&*format!("{other}.html")), "{text}: {other}");
            }
        }
    }
}

/// The files that the command writes, once for all tests.
static SITE: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let written = folder.path().join("site");
    let finished = Program::of(Command::new(path_of_alias("lesson")))
        .args(["--site".as_ref(), written.as_os_str()])
        .run();
    assert_eq!((finished.status, &*finished.stderr), (Some(0), ""));
    let index = written.join("index.html");
    assert_eq!(finished.stdout, format!("{}\n", index.display()));
    let files = fs::read_dir(&written).expect("it has been made");
    let files = files.map(|file| file.expect("it is listed").path());
    files.map(|file| (name_of(&file), fs::read_to_string(&file).expect("it is text"))).collect()
});

fn name_of(file: &Path) -> String {
    file.file_name().expect("it is a file").to_string_lossy().into_owned()
}

/// Returns the values of an attribute.
fn values<'a>(page: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let pattern = Regex::new(&format!(r#"<[a-z][^>]*\b{attribute}="([^"]*)""#)).expect("it is one");
    let values = pattern.captures_iter(page).map(|it| it.get(1).expect("it has one").as_str());
    values.collect::<Vec<_>>().into_iter()
}

/// Returns an anchor as an address holds it.
fn encoded(anchor: &str) -> String {
    let encode = |byte: u8| match byte {
        0..128 => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    anchor.bytes().map(encode).collect()
}

/// Returns whether the lesson has what an address names: LANGUAGE/SCENARIO/STEP, `/python` behind it
/// for the twins, or only the language.
pub fn is_step(lesson: &Lesson, address: &str) -> bool {
    let parts: Vec<&str> = address.split('/').collect();
    let [scenario, step, edition @ ..] = &parts[1..] else {
        return ["en", "zh", ""].contains(&address);
    };
    let recorded = lesson.scenarios.iter().find(|it| it.id == *scenario);
    let recording = recorded.and_then(|it| it.editions.get(*edition.first().unwrap_or(&"rust")));
    let step = step.parse::<usize>().ok();
    recording.zip(step).is_some_and(|(it, step)| step < it.frames.len())
}
