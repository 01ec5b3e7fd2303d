//! The lesson and the texts, served to a browser on this machine, in which the learner decides what
//! happens next.

mod challenge;
mod clicks;
mod door;
mod http;
mod stage;
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use support::command_line::{EarlyEnd, failure, tell};
use support::run::programs;
use support::session::Network;
use support::session::recording::Words;

use self::clicks::Command;
use self::door::{Door, random};
use self::http::{Body, Request, Response};
use self::stage::{Happening, Stages};
use self::story::Story;
use crate::record::on_two_machines;
use crate::sentence::words;
use crate::{page, texts};

/// How long nobody may look at the page before the session is written down; it is as long as a browser
/// needs to load it again.
const ABSENCE: Duration = Duration::from_secs(5);

/// What is answered.
struct Served {
    pages: BTreeMap<String, String>,
    /// What the page is told of the live edition, and what obeys it, where it can run.
    about: Value,
    asked: Option<Mutex<Sender<Happening>>>,
    story: Arc<Story>,
}

/// Serves the pages until it is interrupted, at any free port if `port` is 0. `own` is a learner's server
/// and clients.
pub fn run(port: u16, own: Option<&[String]>) -> Result<ExitCode, EarlyEnd> {
    let network = Network::find();
    if network.is_some() {
        programs().or_else(failure)?;
    }
    let pages = texts::all();
    let pages = pages.or_else(|error| failure(format!("cannot make the pages: {error}")))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| {
        let door = Door::new(listener.local_addr()?.port())?;
        Ok((listener, door))
    });
    let (listener, door) =
        listener.or_else(|error| failure(format!("cannot listen on 127.0.0.1:{port}: {error}")))?;
    let story = Arc::new(Story::default());
    let why_alone = network.as_ref().and_then(why_alone);
    let (asked, why_not) = match sessions(network, why_alone.clone(), own, &story) {
        Ok(stages) => {
            let asked = stages.asked();
            thread::Builder::new().spawn(move || stages.run())?;
            keep(Arc::clone(&story))?;
            (Some(Mutex::new(asked)), None)
        }
        Err(why_not) => (None, Some(why_not)),
    };
    writeln!(io::stdout(), "{}", door.address())?;
    tell("Open this address in a browser on this machine. Ctrl-C ends it.");
    for Words { en, .. } in why_not.iter().chain(&why_alone) {
        tell(en);
    }
    let challenges = challenge::all();
    let about =
        json!({ "own": own, "why_not": why_not, "why_alone": why_alone, "challenges": challenges });
    let served = Served { pages, about, asked, story };
    http::serve(&listener, move |request| door.answer(request, |request| served.answer(request)));
    Ok(ExitCode::SUCCESS)
}

/// Says why there can be no two machines, if so.
fn why_alone(network: &Network) -> Option<Words> {
    let error = on_two_machines(network).err()?;
    Some(words(
        format!("Two machines cannot be had here: {error}."),
        format!("这里无法使用两台机器：{error}。"),
    ))
}

/// Starts the sessions; or says why it cannot run live here.
fn sessions(
    network: Option<Network>,
    why_alone: Option<Words>,
    own: Option<&[String]>,
    story: &Arc<Story>,
) -> Result<Stages, Words> {
    let Some(network) = network else {
        return Err(words(
            "It cannot run live here: that needs Linux with unshare, ip and python3. Lesson and texts are there.",
            "这里不能实时运行：需要 Linux 以及 unshare、ip 和 python3。演示网页和文档都可以看。",
        ));
    };
    let own = own.map(<[String]>::to_vec);
    Stages::start(network, why_alone, own, Arc::clone(story)).map_err(|error| {
        words(
            format!("This system cannot run it live: {error}."),
            format!("本系统无法实时运行：{error}。"),
        )
    })
}

/// Writes the session down each time that its page has been closed.
fn keep(story: Arc<Story>) -> io::Result<()> {
    let mut last = None;
    thread::Builder::new().spawn(move || {
        loop {
            thread::sleep(ABSENCE / 5);
            let left = story.left_for(ABSENCE);
            if left.is_none() || left == last {
                continue;
            }
            last = left;
            let file = kept_in();
            match story.lesson().map(|lesson| fs::write(&file, page::of(&lesson)?)) {
                Some(Ok(())) => {
                    tell(&format!("The page has been closed. What was done: {}", file.display()));
                }
                Some(Err(error)) => tell(&format!("cannot write {}: {error}", file.display())),
                None => {}
            }
        }
    })?;
    Ok(())
}

/// Returns where a session is kept: beside the programs' folder.
fn kept_in() -> PathBuf {
    let folder = programs().ok().and_then(Path::parent);
    folder.unwrap_or_else(|| Path::new(".")).join("lesson-live.html")
}

impl Served {
    fn answer(&self, request: &Request) -> Response {
        let name = request.path.trim_start_matches('/');
        match (request.method.as_str(), name) {
            ("GET", "") => Response::new("303 See Other", "").with("Location", "/lesson.html"),
            ("GET", "favicon.ico") => Response::new("204 No Content", ""),
            ("GET", "lesson.html") => self.page(),
            ("GET", "events") if self.asked.is_some() => self.events(request),
            ("GET", "save") => self.save(),
            ("POST", "do") => self.obey(&request.body),
            ("GET", name) => match self.pages.get(name) {
                Some(page) => {
                    let is_picture = Path::new(name).extension().is_some_and(|it| it == "svg");
                    let kind =
                        if is_picture { "image/svg+xml" } else { "text/html; charset=utf-8" };
                    Response::new("200 OK", page)
                        .with("Content-Type", kind)
                        .with("Content-Security-Policy", POLICY)
                }
                None => Response::refusal("404 Not Found", "There is no such page."),
            },
            _ => Response::refusal("404 Not Found", "There is nothing of that kind."),
        }
    }

    /// Returns the lesson, with what makes it live. Only this page has scripts, and it knows them by a
    /// word that no other page can know.
    fn page(&self) -> Response {
        let (Some(page), Ok(nonce)) = (self.pages.get("lesson.html"), random()) else {
            return Response::refusal("500 Internal Server Error", "The page cannot be made.");
        };
        let about = self.about.to_string().replace('<', r"\u003c");
        let live = format!(
            "<script type=\"application/json\" id=\"live\">{about}</script>\n<style>\n{}</style>\n<script>\n{}</script>\n",
            [include_str!("live.css"), include_str!("wire.css")].join("\n"),
            [include_str!("live.js"), include_str!("wire.js")].join("\n")
        );
        let page = page.replacen("<script type=", &format!("{OPENED}<script type="), 1);
        let page =
            format!("{page}{live}").replace("<script>", &format!("<script nonce=\"{nonce}\">"));
        let policy = format!("{POLICY}; script-src 'nonce-{nonce}'; connect-src 'self'");
        Response::new("200 OK", page)
            .with("Content-Type", "text/html; charset=utf-8")
            .with("Content-Security-Policy", policy)
    }

    fn events(&self, request: &Request) -> Response {
        let story = Arc::clone(&self.story);
        let seen = request.field("Last-Event-ID").map(str::to_owned);
        let write = move |stream: &mut _| story.tell(stream, seen.as_deref());
        let mut answer = Response::new("200 OK", "").with("Content-Type", "text/event-stream");
        answer.content = Body::Stream(Box::new(write));
        answer
    }

    /// Returns the session so far as a page of its own.
    fn save(&self) -> Response {
        let page = self.story.lesson().and_then(|lesson| page::of(&lesson).ok());
        match page {
            Some(page) => Response::new("200 OK", page)
                .with("Content-Type", "text/html; charset=utf-8")
                .with("Content-Disposition", "attachment; filename=\"my-session.html\""),
            None => Response::refusal("404 Not Found", "Nothing has been done yet."),
        }
    }

    fn obey(&self, body: &str) -> Response {
        let Some(asked) = &self.asked else {
            return Response::refusal("404 Not Found", "It cannot run live here.");
        };
        match serde_json::from_str::<Command>(body) {
            Ok(command) => {
                let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                match asked.send(Happening::Command(command)) {
                    Ok(()) => Response::new("204 No Content", ""),
                    Err(_) => {
                        Response::refusal("503 Service Unavailable", "The sessions have ended.")
                    }
                }
            }
            Err(_) => Response::refusal("400 Bad Request", "There is no such command."),
        }
    }
}

/// Keeps the address with which the page was opened, before the lesson shows its own.
const OPENED: &str = "<script>const opened = location.hash;</script>\n";

/// What a page can do: nothing but show itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
