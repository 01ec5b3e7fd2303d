//! The page: its three sources and the recordings, put together into one file.

use support::session::recording::Lesson;

/// Returns the page that shows these recordings.
pub fn of(lesson: &Lesson) -> serde_json::Result<String> {
    // What comes from a program is data: nothing in it ends the element that it is in.
    let data = serde_json::to_string(lesson)?.replace('<', r"\u003c");
    let page = include_str!("page.html")
        .replace("/*CSS*/", include_str!("page.css"))
        .replace("/*JS*/", include_str!("page.js"));
    Ok(page.replacen(">DATA<", &format!(">{data}<"), 1))
}
