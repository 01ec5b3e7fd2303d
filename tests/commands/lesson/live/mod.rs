//! The lesson and the texts, served to a browser on this machine.

mod door;
mod http;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;

use support::command_line::{Problem, failure, tell};

use self::door::{Door, random};
use self::http::{Answer, Request};
use crate::texts;

/// Serves the pages until it is interrupted, at any free port if `port` is 0.
pub fn run(port: u16) -> Result<ExitCode, Problem> {
    let pages = texts::all();
    let pages = pages.or_else(|error| failure(format!("cannot make the pages: {error}")))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| {
        let door = Door::new(listener.local_addr()?.port())?;
        Ok((listener, door))
    });
    let (listener, door) =
        listener.or_else(|error| failure(format!("cannot listen on 127.0.0.1:{port}: {error}")))?;
    writeln!(io::stdout(), "{}", door.address())?;
    tell("Open this address in a browser on this machine. Ctrl-C ends it.");
    http::serve(&listener, move |request| door.answer(request, |request| answer(request, &pages)));
    Ok(ExitCode::SUCCESS)
}

fn answer(request: &Request, pages: &BTreeMap<String, String>) -> Answer {
    let name = request.path.trim_start_matches('/');
    if request.method == "GET" && name.is_empty() {
        let fields = vec![("Location", "/lesson.html".to_owned())];
        return Answer { status: "303 See Other", fields, content: String::new() };
    }
    match pages.get(name).filter(|_| request.method == "GET") {
        Some(page) => answer_with(name, page),
        None => Answer::refusal("404 Not Found", "There is no such page."),
    }
}

fn answer_with(name: &str, page: &str) -> Answer {
    let is_picture = Path::new(name).extension().is_some_and(|ending| ending == "svg");
    let kind = if is_picture { "image/svg+xml" } else { "text/html; charset=utf-8" };
    let mut policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        .to_owned();
    let mut text = page.to_owned();
    // Only the lesson has scripts, and it knows them by a word that no other page can know.
    if page.contains("<script>") {
        let Ok(nonce) = random() else {
            return Answer::refusal(
                "500 Internal Server Error",
                "The system has no random numbers.",
            );
        };
        text = page.replace("<script>", &format!("<script nonce=\"{nonce}\">"));
        policy = format!("{policy}; script-src 'nonce-{nonce}'; connect-src 'self'");
    }
    let fields = vec![("Content-Type", kind.to_owned()), ("Content-Security-Policy", policy)];
    Answer { status: "200 OK", fields, content: text }
}
