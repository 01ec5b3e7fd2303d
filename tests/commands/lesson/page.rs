//! The page: its sources and the recordings, put together into one file.

use support::session::recording::Lesson;

/// In the order in which they run: each uses only what stands before it, until the last one shows
/// the page.
const SCRIPTS: [&str; 9] = [
    include_str!("page/markup.js"),
    include_str!("page/memory.js"),
    include_str!("page/words.js"),
    include_str!("page/programs.js"),
    include_str!("page/kernel.js"),
    include_str!("page/timeline.js"),
    include_str!("page/hand.js"),
    include_str!("page/questions.js"),
    include_str!("page/lesson.js"),
];

/// Returns the page that shows these recordings.
pub fn of(lesson: &Lesson) -> serde_json::Result<String> {
    // What comes from a program is data: nothing in it ends the element that it is in.
    let data = serde_json::to_string(lesson)?.replace('<', r"\u003c");
    let page = include_str!("page/page.html")
        .replace("/*CSS*/", include_str!("page/page.css"))
        .replace("/*JS*/", &SCRIPTS.join("\n"));
    Ok(page.replacen(">DATA<", &format!(">{data}<"), 1))
}
