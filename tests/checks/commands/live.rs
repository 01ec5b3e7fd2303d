//! `cargo lesson` without a FILE: a server for the browser of one learner.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::{TempDir, tempdir};

use support::run::{LIMIT, Peer, Process, Program, or_skip, own_network, path_of_alias, python};

use crate::browser::Tab;

/// The learner's page, in a browser.
struct Page {
    browser: Tab,
    lesson: RunningLesson,
    /// Where the learner's own programs are.
    _folder: Option<TempDir>,
}

impl Page {
    /// Opens the page; `None` where it cannot run live, or there is no browser.
    fn open() -> Option<Self> {
        Self::of(Program::of(Command::new(path_of_alias("lesson"))))
    }

    /// Opens it for a server of the learner's own.
    fn open_for(server: &str) -> Option<Self> {
        let folder = tempdir().expect("a folder can be made");
        for (name, text) in [("server.py", server), ("client.py", "import socket")] {
            fs::write(folder.path().join(name), text).expect("it can be written");
        }
        let command = Command::new(path_of_alias("lesson"));
        let page = Self::of(
            Program::of(command).in_folder(folder.path()).args(["server.py", "client.py"]),
        );
        page.map(|page| Self { _folder: Some(folder), ..page })
    }

    fn of(program: Program) -> Option<Self> {
        own_network().zip(or_skip("python3", python()))?;
        let mut browser = Tab::new()?; // its turn comes first
        let lesson = RunningLesson::of(program);
        browser.go(&format!("http://{}/?{}", lesson.address, lesson.key));
        let mut page = Self { browser, lesson, _folder: None };
        page.browser
            .until("typeof session === 'object' && session.editions.live.frames.length > 0");
        Some(page)
    }

    /// Opens the page and a session on two machines; `None` where there can be no two.
    fn open_on_two_machines(pair: &str, machines: &str) -> Option<Self> {
        let mut page = Self::open()?;
        let can = page.browser.value("live.why_alone === null") == json!(true);
        or_skip("/dev/net/tun", can.then_some(()))?;
        page.begin_anew(pair);
        page.begin_anew(machines);
        Some(page)
    }

    /// Lets a long or short pair go on until the client asks to send, and the server waits in `recv`.
    fn connect(&mut self) {
        self.press_to('s', "accept");
        self.press("s");
        self.press_to('1', "send");
        self.press_to('s', "recv");
        self.press("s");
    }

    /// Presses a key that is the wire's, and waits until that has been done.
    fn press_wire(&mut self, code: &str) {
        self.browser.until("!busy");
        self.browser.press(code);
        self.browser.until("!busy");
    }

    /// Presses these keys, each once its program asks, and waits until that has been done.
    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            let code = self.wait_for(key);
            let steps = self.steps();
            self.browser.press(&code);
            self.browser.until(&format!("!busy && frames.length > {steps}"));
        }
    }

    /// Waits until a program's key can be pressed, and returns it.
    fn wait_for(&mut self, key: char) -> String {
        let code = if key == 's' { "KeyS".to_owned() } else { format!("Digit{key}") };
        let button = format!("document.querySelector('#hand [data-key={code}]')");
        self.browser.until(&format!("!busy && {button}?.ariaDisabled === 'false'"));
        code
    }

    /// Presses a program's key until it asks for a call of this name.
    fn press_to(&mut self, key: char, call: &str) {
        let who = key.to_digit(10).unwrap_or(0);
        for _ in 0..20 {
            self.wait_for(key);
            let state =
                format!("(frames.at(-1).sides[{who}]?.state?.what ?? '').startsWith('{call}(')");
            if self.browser.value(&state) == json!(true) {
                return;
            }
            self.press(&key.to_string());
        }
        panic!("{key} never asks for {call}");
    }

    /// Chooses an entry of a program's menu.
    fn choose(&mut self, who: usize, entry: &str) {
        let steps = self.steps();
        self.browser.click(&format!("#hand [value=menu-{who}]"));
        self.browser.click(&format!("#menu [value={entry}]"));
        if !["rust", "python"].contains(&entry) {
            self.browser.until(&format!("!busy && frames.length > {steps}"));
        }
    }

    fn begin_anew(&mut self, pair: &str) {
        let number = self.browser.value("head.number");
        self.browser.click("#setup");
        self.browser.click(&format!("#pairs [value={pair}]"));
        self.browser.until(&format!("head.number !== {number} && !begins && !busy"));
    }

    /// Leaves the session for a step of a recorded scenario, or for its last one.
    fn show(&mut self, scenario: &str, step: usize) {
        self.browser.click("#place [value=lesson]");
        self.browser.until("scenario.id !== 'live'");
        self.browser.value(&format!("location.hash = '#en/{scenario}/{step}'"));
        let is_shown = format!("step === Math.min({step}, frames.length - 1)");
        self.browser.until(&format!("scenario.id === '{scenario}' && {is_shown}"));
    }

    /// Takes over from there.
    fn take_over(&mut self, scenario: &str) {
        self.browser.press("KeyT");
        let is_taken =
            format!("scenario.id === 'live' && head.what === '{scenario}' && head.number > 1");
        self.browser.until(&format!("{is_taken} && !busy && !begins"));
    }

    fn steps(&mut self) -> usize {
        self.browser
            .value("frames.length")
            .as_u64()
            .map_or(0, |it| usize::try_from(it).unwrap_or(0))
    }

    fn sentence(&mut self) -> String {
        self.browser.text("document.querySelector('#sentence').innerText")
    }

    /// Waits until a step has met a goal, and says why it is so.
    #[track_caller]
    fn meets(&mut self, goal: &str) {
        let met =
            format!("frames.some(({{ met }}) => met?.some(({{ en }}) => en.startsWith({goal:?})))");
        self.browser.until(&met);
        let why = "frames.findLast(({ met }) => met).met[0].en.split('. ').length > 1";
        assert_eq!(self.browser.value(why), json!(true), "{goal}");
    }
}

/// `cargo lesson` as it runs, and what it has printed.
struct RunningLesson {
    process: Process,
    address: SocketAddr,
    key: String,
}

impl RunningLesson {
    fn start() -> Self {
        Self::of(Program::of(Command::new(path_of_alias("lesson"))))
    }

    fn of(program: Program) -> Self {
        let process = program.start();
        let printed = process.line();
        let address = printed.strip_prefix("http://").and_then(|it| it.split_once("/?"));
        let (address, key) = address.expect("it prints its address");
        let (address, key) = (address.parse().expect("it is an address"), key.to_owned());
        Self { process, address, key }
    }

    /// Sends a request, and returns what is answered.
    fn ask(&self, first: &str, fields: &[&str], body: &str) -> String {
        let peer = Peer::connect(self.address, LIMIT).expect("it listens");
        let fields = [fields, &[""]].concat().join("\r\n");
        peer.send(format!("{first} HTTP/1.1\r\n{fields}\r\n{body}")).expect("it reads");
        let answer = peer.rest_up_to(1 << 20).expect("no reset destroys the answer");
        String::from_utf8(answer).expect("it is text")
    }

    /// Returns the second line that it tells the learner, behind where to open the page.
    fn second_line(&self) -> String {
        let lines = [self.process.stderr.line(LIMIT), self.process.stderr.line(LIMIT)];
        let [_, second] = lines.map(|line| line.ok().flatten().unwrap_or_default());
        String::from_utf8_lossy(&second).into_owned()
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
    let lesson = RunningLesson::start();
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
    let lesson = RunningLesson::start();
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
    let lesson = RunningLesson::start();
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

#[test]
fn learner_reaches_goals_by_keys_and_clicks() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.press("111");
    page.meets("`connect` is refused");
    let ends = "[...document.querySelectorAll('.pair')].map(it => it.innerText).join()";
    let ends_now = page.browser.text(ends);
    assert!(ends_now.contains("not connected") && !ends_now.contains("no socket left"));
    // What comes by itself does not take away what the goal says.
    page.browser
        .value("frames.push({ ...frames.at(-1), met: [], by_itself: { en: 'A timer fires.' } })");
    page.browser.value("go(Infinity)");
    assert!(
        page.sentence().contains("✓ connect is refused") && page.sentence().contains("A timer")
    );
    page.browser.value("frames.pop() && go(Infinity)");
    page.press_to('s', "accept");
    page.press("1"); // it closes and ends
    page.press_to('1', "send");
    page.meets("`connect` returns before `accept`");
    page.press("1");
    page.meets("Bytes wait at the server before `accept`");
    page.press_to('s', "shutdown");
    page.press("s");
    page.meets("A socket in CLOSE_WAIT");
    page.press("s");
    page.press_to('1', "close");
    page.press("1");
    page.meets("`recv` returns 0");
    page.meets("TIME_WAIT at the server");

    page.begin_anew("long");
    page.press_to('s', "accept");
    page.press_to('1', "recv");
    page.press_to('2', "recv");
    page.press_to('s', "send");
    page.press("s1");
    page.meets("One client is served, another one waits");
    page.choose(0, "kill");
    page.meets("A reset (RST) ends a connection");
    assert!(page.browser.text(ends).contains("has ended"));

    page.begin_anew("long");
    page.choose(0, "python");
    page.browser.press("Escape");
    page.press_to('s', "accept");
    page.press_to('1', "send");
    page.press("s");
    page.choose(0, "interrupt");
    page.press_to('s', "close");
    page.press("ss");
    page.choose(1, "kill");
    page.press_to('s', "bind");
    page.press("s");
    page.meets("`bind` fails: Address already in use");
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn what_the_learner_loses_is_sent_again_by_itself_and_what_he_holds_is_let_go() {
    let Some(mut page) = Page::open_on_two_machines("short", "two") else {
        return;
    };
    page.connect();
    let click = |page: &mut Page, fate: &str| {
        page.browser.click(&format!("#hand [value=way-0-{fate}]"));
        page.browser.until("!busy");
        page.browser.text("frames.at(-1).wire?.[0].fate ?? 'deliver'")
    };
    page.browser.value("goal = 14");
    let fates = ["lose-one", "lose-one", "deliver"].map(|fate| click(&mut page, fate));
    assert_eq!(fates, ["lose-one", "lose", "deliver"]);
    page.press_wire("Comma"); // hold
    page.press_wire("Comma"); // lose 1
    page.press("1");
    assert!(page.sentence().contains("\"i am TCP client\" gets lost on its way"));
    page.meets("What got lost is sent again"); // and nobody has clicked
    assert_eq!(page.browser.value("goal"), json!(15)); // and not an earlier one
    page.browser.press("ArrowLeft");
    let past = "document.querySelectorAll('#hand .way button:disabled').length";
    assert_eq!(page.browser.value(past), json!(6));
    page.browser.click("#hand [value=now]");
    assert_eq!(page.browser.value(past), json!(0));
    assert_eq!(page.browser.value("frames.at(-1).wire ?? null"), json!(null)); // all is delivered

    page.press_wire("Period");
    page.press_to('s', "send");
    page.press("s1");
    page.browser.until("/\"ACK!\" ×[2-9]/.test(document.querySelector('#strip').innerText)");
    page.browser.until("document.querySelector('.timer').innerText.startsWith('again in')");
    let hint = "document.querySelector('#sentence').innerText.includes('sent or closed already')";
    page.browser.until(&format!("(act(1), {hint})"));
    page.press_wire("KeyG");
    page.browser.until("frames.at(-1).sides[1].new.includes('= 4 \"ACK!\"')");
    assert_eq!(page.browser.text("document.querySelector('#strip').innerText"), "");
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn learner_reaches_the_goals_of_the_wire() {
    let Some(mut page) = Page::open_on_two_machines("short", "two") else {
        return;
    };
    page.press_to('s', "accept");
    page.press_to('1', "connect");
    page.press_wire("Comma");
    page.press("1");
    page.press_wire("KeyG");
    page.meets("A client is ESTABLISHED, and its server only in SYN_RECV");

    page.begin_anew("two");
    page.connect();
    page.press("1");
    page.press_to('s', "send");
    page.press("s");
    page.press_to('1', "close");
    page.press_wire("Comma");
    page.press_wire("Period");
    page.press("s1");
    page.press_wire("KeyX"); // the server's FIN, of which the kernel sends a copy
    page.browser.until("heldOnes(frames.at(-1)).length === 2 && !busy");
    page.press_wire("KeyG");
    page.meets("A connection in CLOSING");

    // A goal with another set-up says so, and only its button starts anew.
    page.browser.click("#goal");
    page.browser.until("Boolean(document.querySelector(\"#goals [value='17']\"))");
    page.browser.value("document.querySelector(\"#goals [value='17']\").scrollIntoView()");
    let number = page.browser.value("head.number");
    page.browser.click("#goals [value='17']");
    page.browser.until("document.querySelector('#goals .anew') !== null && !busy");
    assert_eq!(page.browser.value("head.number"), number);
    page.browser.value("document.querySelector('#goals .anew').scrollIntoView()");
    page.browser.click("#goals .anew");
    page.browser
        .until("head.machines.two?.small_queues && head.what === 'long' && !begins && !busy");
    page.browser.value("wanted[1].bytes = '20000'");
    page.press_to('s', "accept");
    page.press_to('1', "send");
    page.press("1");
    page.meets("A `send` that blocks");
    page.browser.until("document.querySelector('.timer[data-kind=probe]') !== null");
    page.choose(1, "kill"); // while the wire holds nothing, and its queue is full
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn what_is_held_has_a_row_of_its_own_and_another_where_it_arrives() {
    let Some(mut page) = Page::open_on_two_machines("short", "two") else {
        return;
    };
    assert!(page.sentence().contains("The switches above the kernels are yours"));
    page.press_to('s', "accept");
    page.press("s");
    page.press_wire("Period"); // hold what travels to the client
    page.press_to('1', "connect");
    page.press("1");
    page.press_wire("Comma");
    page.browser.until("frames.at(-1).wire?.[0].fate === 'hold'"); // a step later
    let is_on_the_wire = "isOnTheWire('connect', '', 1)";
    assert_eq!(page.browser.value(is_on_the_wire), json!(true));
    let again = "frames.at(-1).segments.push([1, 0, 'SYN', '', 0, { again: true }])";
    let its_queue_is_full = format!("{again} && {is_on_the_wire}");
    assert_eq!(page.browser.value(&its_queue_is_full), json!(false));
    page.browser.value("frames.at(-1).segments.pop()");
    let rows = |page: &mut Page| -> Vec<String> {
        let words = "({ flags, extra }) => [flags, ...['again', 'held', 'late'].filter(it => extra[it])].join(' ')";
        let rows = page.browser.value(&format!("rows(lastStep()).map({words})"));
        serde_json::from_value(rows).expect("they are words")
    };
    let shown = rows(&mut page);
    assert_eq!(shown[..2], ["SYN", "SYN ACK held"]);
    page.browser.press("KeyS");
    page.browser
        .until("document.querySelector('#sentence').innerText.includes('a client has begun one')");
    page.press_wire("KeyG");
    page.browser.until("frames.at(-1).sides[1].state.what?.startsWith('send')");
    page.press("1");
    let shown = rows(&mut page).join(", ");
    assert!(shown.starts_with("SYN, SYN ACK held"), "{shown}");
    assert!(shown.contains("SYN ACK late, ACK held"), "{shown}");
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn code_stays_where_it_is_and_a_long_sentence_is_not_cut() {
    let Some(mut page) = Page::open() else {
        return;
    };
    // Behind it stands how to begin.
    for (width, height, long) in [(1280, 720, 28), (390, 844, 10)] {
        page.browser.value(&format!("frames[0].en = 'It says very much. '.repeat({long})"));
        page.browser.resize(width, height);
        page.browser.until(&format!("innerWidth === {width}"));
        page.browser.value("go(0)");
        let is_cut = "(box => box.scrollHeight > box.clientHeight + 1)(element('#sentence'))";
        assert_eq!(page.browser.value(is_cut), json!(false), "{width}");
    }
    page.browser.resize(1280, 720);
    page.browser.until("innerWidth === 1280");
    page.browser.click("#place [value=lesson]");
    page.browser.value("begin('blocks')");
    let place = "(number => { go(number); return element('#code-0 pre').scrollTop })";
    let places = [3, 4, 5].map(|step| page.browser.value(&format!("{place}({step})")));
    assert!(places[0] != json!(0) && places.iter().all(|it| *it == places[0]), "{places:?}");
}

#[test]
fn of_what_is_sent_again_the_last_copy_is_confirmed() {
    let Some(mut page) = Page::open() else {
        return;
    };
    let confirmed = "frames = [{ sockets: [], segments: [[1, 0, 'PSH ACK', 'hi', 2, { seq: 1 }], [0, 1, 'ACK', '', 0, { ack: 3, lost: true }]] },
        { sockets: [], segments: [[1, 0, 'PSH ACK', 'hi', 2, { seq: 1, again: true }], [0, 1, 'ACK', '', 0, { ack: 3 }]] }],
        rows(1).map(({ confirmed }) => confirmed ?? null)";
    assert_eq!(page.browser.value(confirmed), json!([null, null, 1]));
}

#[test]
fn client_waits_in_the_queue_of_one_of_two_listening_sockets() {
    let Some(mut page) = Page::open() else {
        return;
    };
    let waiting = "(([one, other, client]) => [one, other].map(it => single(it, { sockets: [one, other, client] }, []))
        .map(({ text }) => text.includes('40100')))([{ of: 0, fd: 3, state: 'LISTEN', port: 12345, queue: 0, room: 6 },
        { of: 0, fd: 4, state: 'LISTEN', port: 12345, queue: 1, room: 6 },
        { of: 0, fd: null, state: 'ESTABLISHED', port: 12345, peer: 40100, queued: true, listener: 4 }])";
    assert_eq!(page.browser.value(waiting), json!([false, true]));
}

#[test]
fn learner_takes_over_on_two_machines_what_the_wire_holds() {
    let Some(mut page) = Page::open_on_two_machines("short", "two") else {
        return;
    };
    page.show("closing", 2);
    page.take_over("closing");
    page.browser.until("heldOnes(frames.at(-1)).length === 2");
    for way in [0, 1] {
        page.browser.click(&format!("#hand [value=way-{way}-deliver]"));
        page.browser.until(&format!("!busy && frames.at(-1).wire?.[{way}].fate === 'deliver'"));
    }
    page.browser.click("#strip [value=all]");
    page.browser.until("!busy && heldOnes(frames.at(-1)).length === 0");
    page.browser.until("frames.at(-1).sockets.filter(it => it.state === 'TIME_WAIT').length === 2");
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn what_the_wire_holds_stays_held_after_a_take_over() {
    let Some(mut page) = Page::open_on_two_machines("short", "two") else {
        return;
    };
    page.show("closing", 3);
    page.take_over("closing");
    let fates = page.browser.value("frames[3].wire.map(({ fate }) => fate)");
    assert_eq!(fates, json!(["deliver", "hold"])); // the client's FIN has been let go
    page.browser.until("heldOnes(frames.at(-1)).some(({ copies }) => copies > 1)"); // by itself
    let closing = "frames.at(-1).sockets.filter(({ state }) => state === 'CLOSING').length";
    assert_eq!(page.browser.value(closing), json!(1));
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn what_is_typed_in_a_menu_is_an_argument_and_enter_only_sets_it() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.browser.click("#hand [value=menu-1]");
    page.browser.click("#menu [name=message]");
    page.browser.type_text("it's; $(id)");
    page.browser.press("Enter");
    let menu = "document.querySelector('#menu').matches(':popover-open')";
    assert_eq!(page.browser.value(menu), json!(false));
    assert_eq!(page.browser.value("busy || frames.length > 1"), json!(false));
    page.browser.press("Enter"); // the button that starts it has the focus now
    page.browser.until("!busy && frames.length === 2");
    let started = page.browser.text("frames[1].sides[1].new");
    let shown = r"STEP=1 target/debug/short-client 127.0.0.1:12345 'it'\''s; $(id)'";
    assert_eq!(started.lines().next(), Some(shown));
    page.press_to('s', "accept");
    page.press_to('1', "send");
    page.press("1");
    let sent = page.browser.text("frames.at(-1).sockets.find(({ rx }) => rx)?.text");
    assert_eq!(sent, "it's; $(id)");
    page.begin_anew("long");
    assert_eq!(page.browser.text("wanted[1].message"), "");
}

#[test]
fn program_of_ones_own_reads_what_is_typed_until_its_input_ends_and_its_session_comes_back() {
    let Some(mut page) = Page::open_for("while True:\n    print('heard', input())\n") else {
        return;
    };
    page.press("s");
    page.browser.until("document.querySelector('#hand input') !== null");
    page.browser.click("#hand input");
    page.browser.type_text("it's <b>");
    page.browser.press("Enter");
    page.browser.until("!busy && frames.at(-1).sides[0].new.includes(\"heard it's <b>\")");
    page.choose(0, "end-input");
    page.browser.until("frames.at(-1).sides[0].state.is === 'ended'");
    let steps = page.steps();
    page.begin_anew("own");
    assert_eq!(page.steps(), 1);
    page.begin_anew("back");
    assert_eq!(page.steps(), steps);
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn session_is_saved_as_a_page_that_needs_no_server() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.press("111");
    page.browser.click("#language [value=zh]");
    let (last, said) = (page.steps() - 1, page.sentence());
    assert!(said.contains("客户端 1") && said.contains("✓ connect 被拒绝"), "{said}");
    let saved = page.lesson.ask("GET /save", &[&page.lesson.host(), &page.lesson.cookie()], "");
    let (head, saved) = saved.split_once("\r\n\r\n").expect("it has a head");
    assert!(head.contains("attachment; filename="), "{head}");
    let folder = tempdir().expect("a folder can be made");
    let file = folder.path().join("saved.html");
    fs::write(&file, saved).expect("it can be written");
    page.browser.go(&format!("file://{}#zh/live/{last}", file.display()));
    page.browser.until("location.protocol === 'file:' && document.readyState === 'complete'");
    assert_eq!(page.sentence(), said);
    page.browser.print();
    let printed = page.browser.value("document.querySelectorAll('#all-steps li').length");
    assert_eq!(printed, json!(last + 1));
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn page_does_not_grow_with_the_steps() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.press("111s");
    let mut size_after = |steps| {
        let repeated = format!(
            "while (frames.length < {steps}) frames.push(structuredClone(frames.at(-2))); go(Infinity)"
        );
        page.browser.value(&repeated);
        page.browser.value("document.querySelectorAll('*').length")
    };
    assert_eq!(size_after(200), size_after(400));
}

#[test]
fn start_that_takes_a_second_is_one_step() {
    let server = "import socket, time
began = time.monotonic()
while time.monotonic() < began + 1: pass
socket.create_server(('127.0.0.1', 12345))";
    let Some(mut page) = Page::open_for(server) else {
        return;
    };
    let begun = Instant::now();
    page.press("s");
    let state = page.browser.text("frames[1].sides[0].state.is");
    let is_slow = begun.elapsed() > Duration::from_secs(3); // then it is shown as it is
    assert!(state == "asks" || is_slow, "{state} after {:?}", begun.elapsed());
}

#[test]
fn program_that_waits_in_select_says_for_what() {
    let server = "import select, socket
listener = socket.create_server(('127.0.0.1', 12345))
select.select([listener], [], [], 1000)";
    let Some(mut page) = Page::open_for(server) else {
        return;
    };
    page.press_to('s', "listen");
    page.press("s");
    page.browser.until("frames.at(-1).sides[0].state.what === 'select, at most 1000 s'");
    page.browser.press("KeyS");
    page.browser.until("told !== null");
    let said = page.sentence();
    assert!(said.starts_with("select waits until one of its sockets"), "{said}");
}

#[test]
fn stale_click_does_nothing_and_says_so() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.press("ss");
    let steps = page.steps();
    // As from a page that has not heard of the last step yet.
    page.browser.value("ask('call', { who: 0, asked: 'socket(AF_INET, SOCK_STREAM)' })");
    page.browser
        .until("!busy && document.querySelector('#sentence').innerText.startsWith('Not done')");
    assert_eq!(page.sentence(), "Not done: by now it asks for bind(3, 127.0.0.1:12345).");
    assert_eq!(page.steps(), steps);
}

#[test]
fn learner_takes_over_from_a_recorded_step() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.show("early", 4);
    let recorded = page.browser.text("frames[4].en");
    page.take_over("early");
    page.browser.until("frames.length === 5");
    assert_eq!(page.browser.text("frames.at(-1).en"), recorded);
    page.press("s");
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn client_that_comes_again_after_a_take_over_has_another_port() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.show("short", 99);
    page.take_over("short");
    page.press("111");
    page.browser.until("frames.at(-1).sockets.filter(({ of }) => of === 1).length === 1");
    let kept = "frames.at(-1).sockets.some(({ state }) => state === 'TIME_WAIT')";
    assert_eq!(page.browser.value(kept), json!(true));
}

#[test]
fn wrong_answer_offers_the_goal_that_shows_the_right_one() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.browser.click("#place [value=lesson]");
    page.browser.value("location.hash = '#en/first/1?'");
    page.browser.until("scenario.id === 'first' && asking");
    let right = page.browser.value("askBefore(2).right").as_u64().unwrap_or(0);
    page.browser.press(&format!("Digit{}", (right + 1) % 3 + 1));
    page.browser.until("document.querySelector('#hand [value=try]') !== null");
    let offered = page.browser.text("document.querySelector('#hand [value=try]').innerText");
    assert_eq!(offered, "Make it happen yourself: connect is refused");
    page.browser.click("#hand [value=try]");
    page.browser.until("scenario.id === 'live' && goal === 0");
    assert!(page.browser.errors.is_empty(), "{:?}", page.browser.errors);
}

#[test]
fn where_it_cannot_run_live_it_says_why_and_shows_the_lesson() {
    let program = Program::of(Command::new(path_of_alias("lesson"))).env("PATH", "/nowhere");
    let lesson = RunningLesson::of(program);
    let [host, cookie] = &[lesson.host(), lesson.cookie()];
    let page = lesson.ask("GET /lesson.html", &[host, cookie], "");
    assert!(
        page.contains("It cannot run live here: that needs Linux with unshare, ip and python3")
    );
    let why = lesson.second_line();
    assert!(why.starts_with("It cannot run live here: "), "{why}");
    let texts = lesson.ask("GET /index.html", &[host, cookie], "");
    assert!(texts.starts_with("HTTP/1.1 200 OK"), "{texts}");
}

#[test]
fn where_there_can_be_no_two_machines_it_says_why_and_has_one() {
    let hidden = |then: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c"]);
        command.arg(format!("mount -t tmpfs none /dev/net && {then}")).arg(path_of_alias("lesson"));
        command
    };
    let can = hidden("true").status().is_ok_and(|status| status.success());
    if or_skip("unshare --mount", can.then_some(())).is_none() {
        return;
    }
    let lesson = RunningLesson::of(Program::of(hidden("exec \"$0\"")));
    let page = lesson.ask("GET /lesson.html", &[&lesson.host(), &lesson.cookie()], "");
    let why = "Two machines cannot be had here: cannot use /dev/net/tun for a second machine: ";
    assert!(page.contains(why) && page.contains("\"why_not\":null"));
    assert!(lesson.second_line().starts_with(why));
}

#[test]
fn session_is_kept_once_its_page_is_closed() {
    let Some(mut page) = Page::open() else {
        return;
    };
    page.press("1");
    let Page { browser, lesson, .. } = page;
    drop(browser);
    let said = std::iter::repeat_with(|| lesson.process.stderr.line(LIMIT));
    let said = said
        .map_while(|line| line.ok().flatten())
        .map(|line| String::from_utf8_lossy(&line).into_owned());
    let mut said =
        said.filter_map(|line| line.split_once("What was done: ").map(|it| it.1.trim().to_owned()));
    let kept = fs::read_to_string(said.next().expect("it says where")).expect("it is kept");
    assert!(kept.contains("My session: short connection"));
}
