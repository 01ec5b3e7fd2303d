//! `cargo lesson` without a FILE: a server for the browser of one learner.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use support::run::{LIMIT, Peer, Process, Program, path_of_alias};

/// `cargo lesson` as it runs, and what it has printed.
struct Lesson {
    _process: Process,
    address: SocketAddr,
    key: String,
}

impl Lesson {
    fn start() -> Self {
        let process = Program::of(Command::new(path_of_alias("lesson"))).start();
        let printed = process.line();
        let address = printed.strip_prefix("http://").and_then(|it| it.split_once("/?"));
        let (address, key) = address.expect("it prints its address");
        let (address, key) = (address.parse().expect("it is an address"), key.to_owned());
        Self { _process: process, address, key }
    }

    /// Sends a request, and returns what is answered.
    fn ask(&self, first: &str, fields: &[&str], body: &str) -> String {
        let peer = Peer::connect(self.address, LIMIT).expect("it listens");
        let fields = [fields, &[""]].concat().join("\r\n");
        peer.send(format!("{first} HTTP/1.1\r\n{fields}\r\n{body}")).expect("it reads");
        let answer = peer.rest_up_to(1 << 20).expect("no reset destroys the answer");
        String::from_utf8(answer).expect("it is text")
    }

    fn host(&self) -> String {
        format!("Host: {}", self.address)
    }

    /// Opens the address as a browser does, and returns the cookie that it is given.
    fn cookie(&self) -> String {
        let opened = self.ask(&format!("GET /?{}", self.key), &[&self.host()], "");
        let cookie = opened.split("Set-Cookie: ").nth(1).and_then(|it| it.split(';').next());
        format!("Cookie: {}", cookie.expect("it gives a cookie"))
    }
}

#[test]
fn only_the_browser_that_has_opened_the_address_is_let_in() {
    let lesson = Lesson::start();
    let [host, cookie] = &[lesson.host(), lesson.cookie()];
    let port = lesson.address.port();
    let [rebound, by_name] =
        &["evil.example", "localhost"].map(|name| format!("Host: {name}:{port}"));
    let opened = format!("GET /?{}", lesson.key);
    for (status, first, fields) in [
        ("200 OK", "GET /lesson.html", vec![host, cookie]),
        ("200 OK", "GET /glossary.zh-CN.html", vec![host, cookie]),
        ("303 See Other", &opened, vec![host]),
        ("403 Forbidden", "GET /lesson.html", vec![host]),
        ("403 Forbidden", "GET /?0123456789abcdef0123456789abcdef", vec![host]),
        ("403 Forbidden", "GET /lesson.html", vec![rebound, cookie]),
        ("403 Forbidden", "GET /lesson.html", vec![by_name, cookie]),
        ("403 Forbidden", "GET /lesson.html", vec![host, rebound, cookie]),
        ("403 Forbidden", &opened, vec![rebound]),
        ("404 Not Found", "GET /../Cargo.toml", vec![host, cookie]),
        ("404 Not Found", "GET //etc/passwd", vec![host, cookie]),
    ] {
        let fields = fields.iter().map(|it| it.as_str()).collect::<Vec<_>>();
        let answer = lesson.ask(first, &fields, "");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{first} {fields:?}: {answer}"
        );
    }
}

#[test]
fn pages_of_other_sites_and_too_much_are_refused() {
    let lesson = Lesson::start();
    let [host, cookie] = [lesson.host(), lesson.cookie()];
    let json = "Content-Type: application/json";
    let ours = &*format!("Origin: http://{}", lesson.address);
    for (status, length, fields) in [
        ("403 Forbidden", 3, vec![ours, "Content-Type: application/x-www-form-urlencoded"]),
        ("403 Forbidden", 3, vec!["Origin: http://evil.example", json]),
        ("403 Forbidden", 3, vec!["Origin: null", json]),
        ("403 Forbidden", 3, vec![json]),
        ("413 Content Too Large", 20_000, vec![ours, json]),
        ("411 Length Required", 3, vec![ours, json, "Transfer-Encoding: chunked"]),
        ("400 Bad Request", 3, vec![ours, json, "Content-Length: many"]),
    ] {
        let length_field = format!("Content-Length: {length}");
        let mut fields = [vec![host.as_str(), &cookie], fields].concat();
        if !fields.iter().any(|field| field.starts_with("Content-Length")) {
            fields.push(&length_field);
        }
        let answer = lesson.ask("POST /do", &fields, &"x".repeat(length));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{fields:?}: {answer}");
    }
}

#[test]
fn two_hundred_silent_connections_keep_nobody_out() {
    let lesson = Lesson::start();
    let connect = |_| TcpStream::connect_timeout(&lesson.address, LIMIT).expect("it listens");
    let mut silent = (0..200).map(connect).map(|it| Peer::of(it, LIMIT).expect("it is connected"));
    let mut oldest = silent.next().expect("there are many");
    let _others = silent.collect::<Vec<_>>();
    let cookie = lesson.cookie();
    let answer = lesson.ask("GET /index.html", &[&lesson.host(), &cookie], "");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    oldest.limit(Duration::from_secs(1)); // not after the time that each one has
    assert!(oldest.rest().is_ok(), "the oldest one is closed");
}
