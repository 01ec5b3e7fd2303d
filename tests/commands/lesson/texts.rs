//! The project's texts as pages: Markdown becomes HTML, and every link leads to a page beside it.
//!
//! All lie in one folder, so that they work from a server, from GitHub Pages, and from a USB stick.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::mem;
use std::path::Path;

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};
use support::{anchor_of, root};

/// The texts, without the endings of their files, and what the pages call them in both languages.
///
/// The answers to the labs are not among them: students have these pages.
const TEXTS: [(&str, &str, &str); 12] = [
    ("README", "Start here", "从这里开始"),
    ("docs/experiments", "Experiments", "实验"),
    ("docs/exercises", "Exercises", "练习"),
    ("docs/lab-1", "Lab 1", "课堂任务单一"),
    ("docs/lab-2", "Lab 2", "课堂任务单二"),
    ("docs/comparison", "Comparison", "比较"),
    ("docs/rows", "Rows", "各项的含义"),
    ("docs/survival", "Survival", "健壮性"),
    ("docs/reference", "Reference", "参考"),
    ("docs/glossary", "Glossary", "术语表"),
    ("docs/classroom", "Classroom", "课堂"),
    ("CONTRIBUTING", "Contributing", "参与开发"),
];

const LESSON: &str = "docs/lesson.html";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    Chinese,
}

impl Language {
    const BOTH: [Self; 2] = [Self::English, Self::Chinese];

    fn choose(self, english: &'static str, chinese: &'static str) -> &'static str {
        if self == Self::English { english } else { chinese }
    }
}

/// Writes all pages into a folder.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, page) in all()? {
        fs::write(folder.join(name), page)?;
    }
    Ok(())
}

/// Returns all pages: the texts, the lesson, and what they link to and show, by the names of their files.
///
/// # Errors
///
/// A file of the project that cannot be read, and its name.
pub fn all() -> io::Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    let mut links = BTreeSet::from([LESSON.to_owned()]);
    for (text, ..) in TEXTS {
        for language in Language::BOTH {
            let file = file_of(text, language);
            if root().join(&file).is_file() {
                let page = of_text(&file, language, &mut links)?;
                pages.insert(name_of(&file), page);
            }
        }
    }
    for file in links.iter().filter(|file| ending(file) != "md") {
        let content = read(file)?;
        let page = match ending(file) {
            // It leads to texts that are pages too.
            "html" => content.replacen("<html ", "<html data-texts=\"html\" ", 1),
            "svg" => content,
            _ => of_source(file, &content),
        };
        pages.insert(name_of(file), page);
    }
    Ok(pages)
}

fn file_of(text: &str, language: Language) -> String {
    format!("{text}{}.md", language.choose("", ".zh-CN"))
}

/// Returns the name that a file of the project has among the pages.
fn name_of(file: &str) -> String {
    let name = file.strip_prefix("docs/").unwrap_or(file).replace('/', "-");
    match ending(file) {
        "md" => name.replace("README", "index").replace(".md", ".html"),
        "html" | "svg" => name,
        _ => format!("{name}.html"),
    }
}

fn ending(file: &str) -> &str {
    Path::new(file).extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

fn read(file: &str) -> io::Result<String> {
    let text = fs::read_to_string(root().join(file));
    text.map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))
}

/// Returns the page of a text, and adds the files to which it leads.
fn of_text(file: &str, language: Language, links: &mut BTreeSet<String>) -> io::Result<String> {
    let markdown = read(file)?;
    let parsed = Parser::new_ext(&markdown, Options::ENABLE_TABLES);
    let mut events = without_links_to_no_page(parsed, file);
    for event in &mut events {
        if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
            *dest_url = link(file, dest_url, links).into();
        }
    }
    // A text begins with a link to the same one in the other language.
    let other = match &events[..] {
        [Event::Start(Tag::Paragraph), Event::Start(Tag::Link { dest_url, .. }), ..] => {
            let language = language.choose("zh", "en");
            let name = if language == "zh" { "中文" } else { "English" };
            let other = format!("<a href=\"{dest_url}\" lang=\"{language}\">{name}</a>");
            let end = events.iter().position(|event| *event == Event::End(TagEnd::Paragraph));
            events.drain(..=end.expect("a paragraph ends"));
            other
        }
        _ => String::new(),
    };
    let headings = name_headings(&mut events);
    let title = headings.first().map_or(file, |heading| &heading.text);
    let contents = contents(&headings[1.min(headings.len())..], language);
    let mut text = String::new();
    html::push_html(&mut text, with_consoles(events).into_iter());
    Ok(page(&Parts { file, language, title, other: &other, contents: &contents, text: &text }))
}

/// Returns what is parsed of a text, where only the words are left of a link to a text that is no page.
fn without_links_to_no_page<'a>(parsed: Parser<'a>, file: &str) -> Vec<Event<'a>> {
    let mut left_out = false;
    let kept = parsed.filter(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            left_out = !is_page(file, dest_url);
            !left_out
        }
        // Links do not nest.
        Event::End(TagEnd::Link) => !mem::take(&mut left_out),
        _ => true,
    });
    kept.collect()
}

fn is_page(from: &str, to: &str) -> bool {
    let is_elsewhere = to.starts_with('#') || to.contains("://");
    let (file, _) = file_and_anchor(from, to);
    let is_text = |text| Language::BOTH.iter().any(|&language| file_of(text, language) == file);
    is_elsewhere || ending(&file) != "md" || TEXTS.iter().any(|(text, ..)| is_text(text))
}

/// Returns where a link leads from a page, and notes the file.
fn link(from: &str, to: &str, links: &mut BTreeSet<String>) -> String {
    if to.starts_with('#') || to.contains("://") {
        return to.to_owned();
    }
    let (file, anchor) = file_and_anchor(from, to);
    let link = format!("{}{anchor}", name_of(&file));
    links.insert(file);
    link
}

/// Returns the file of the project to which a text leads, and the place in it, which begins with a `#`.
fn file_and_anchor<'a>(from: &str, to: &'a str) -> (String, &'a str) {
    let (file, anchor) = to.find('#').map_or((to, ""), |at| to.split_at(at));
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    for part in file.split('/') {
        if part == ".." {
            folders.pop();
        } else {
            folders.push(part);
        }
    }
    (folders.join("/"), anchor)
}

struct Heading {
    level: HeadingLevel,
    text: String,
    anchor: String,
}

/// Gives each heading the anchor that it has on GitHub.
fn name_headings(events: &mut [Event]) -> Vec<Heading> {
    let mut headings: Vec<Heading> = Vec::new();
    for start in 0..events.len() {
        let Event::Start(Tag::Heading { level, .. }) = events[start] else {
            continue;
        };
        let inside =
            events[start..].iter().take_while(|it| !matches!(it, Event::End(TagEnd::Heading(_))));
        let text: String = inside
            .filter_map(|event| match event {
                Event::Text(text) | Event::Code(text) => Some(&**text),
                _ => None,
            })
            .collect();
        let anchor = anchor_of(&text);
        let same = headings.iter().filter(|heading| anchor_of(&heading.text) == anchor).count();
        let anchor = if same == 0 { anchor } else { format!("{anchor}-{same}") };
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[start] {
            *id = Some(CowStr::from(anchor.clone()));
        }
        headings.push(Heading { level, text, anchor });
    }
    headings
}

fn contents(headings: &[Heading], language: Language) -> String {
    if headings.len() < 3 {
        return String::new();
    }
    let item = |heading: &Heading| {
        let class = if heading.level > HeadingLevel::H2 { " class=\"below\"" } else { "" };
        let Heading { text, anchor, .. } = heading;
        format!("<li{class}><a href=\"#{anchor}\">{}</a></li>\n", escaped(text))
    };
    let items: String = headings.iter().map(item).collect();
    let title = language.choose("On this page", "本页内容");
    format!("<details class=\"contents\"><summary>{title}</summary><ul>\n{items}</ul></details>")
}

/// Makes the prompts of terminals something that is not copied with the commands.
fn with_consoles(events: Vec<Event>) -> Vec<Event> {
    let mut shown = Vec::new();
    let mut is_console = false;
    for event in events {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if &*kind == "console" => {
                is_console = true;
                shown.push(Event::Html("<pre><code>".into()));
            }
            Event::End(TagEnd::CodeBlock) if is_console => {
                is_console = false;
                shown.push(Event::Html("</code></pre>\n".into()));
            }
            Event::Text(text) if is_console => {
                let lines = text.split_inclusive('\n').map(|line| match line.strip_prefix("$ ") {
                    Some(typed) => format!("<i>$ </i><b>{}</b>", escaped(typed)),
                    None if line.starts_with("# terminal ") => format!("<i>{line}</i>"),
                    None => escaped(line),
                });
                shown.push(Event::Html(lines.collect::<String>().into()));
            }
            event => shown.push(event),
        }
    }
    shown
}

/// Returns the page of a source, whose lines can be linked to.
fn of_source(file: &str, source: &str) -> String {
    let lines = source.lines().enumerate();
    let lines =
        lines.map(|(at, line)| format!("<span id=\"L{}\">{}</span>\n", at + 1, escaped(line)));
    let title = escaped(file);
    let text =
        format!("<h1>{title}</h1>\n<pre class=\"source\">{}</pre>", lines.collect::<String>());
    let language = Language::English;
    page(&Parts { file, language, title: file, other: "", contents: "", text: &text })
}

/// What a page is put together from.
struct Parts<'a> {
    file: &'a str,
    language: Language,
    title: &'a str,
    other: &'a str,
    contents: &'a str,
    text: &'a str,
}

fn page(parts: &Parts) -> String {
    let Parts { file, language, title, other, contents, text } = parts;
    let code = language.choose("en", "zh");
    let lesson = language.choose("Lesson", "演示网页");
    let texts = TEXTS.iter().filter_map(|(text, english, chinese)| {
        // What is not there in Chinese is led to in English.
        let files = [*language, Language::English].map(|language| file_of(text, language));
        let to = files.iter().find(|file| root().join(file).is_file())?;
        let current = if to == file { " aria-current=\"page\"" } else { "" };
        let name = language.choose(english, chinese);
        Some(format!("<a href=\"{}\"{current}>{name}</a>\n", name_of(to)))
    });
    let pages =
        format!("<a href=\"lesson.html#{code}\">{lesson}</a>\n{}", texts.collect::<String>());
    format!(
        include_str!("texts.html"),
        language = language.choose("en", "zh-CN"),
        title = escaped(title),
        css = include_str!("texts.css"),
        skip = language.choose("Skip to the text", "跳到正文"),
        pages = pages,
        other = other,
        contents = contents,
        text = text,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
