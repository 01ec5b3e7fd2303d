//! A browser that a test drives as a learner does, by keys and clicks: Chromium, on pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use support::run::{LIMIT, browser};

/// The time between two looks at the page.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    count: usize,
    /// What the page has complained of.
    pub errors: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page; `None` where there is no browser.
    pub fn open(address: &str) -> Option<Self> {
        let found = browser()?;
        let profile = tempfile::tempdir().expect("a folder can be made");
        // It speaks on descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#]);
        command.arg(found.get_program());
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-sync"]);
        command.args(["--disable-component-update", "--remote-debugging-pipe", "--lang=en"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.arg("--window-size=1280,720");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let input = child.stdin.take().expect("it is a pipe");
        let messages = read_messages(child.stdout.take().expect("it is a pipe"));
        let (session, count, errors) = Default::default();
        let mut browser =
            Self { child, input, messages, session, count, errors, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &target);
        session["sessionId"].as_str().expect("it has a name").clone_into(&mut browser.session);
        browser.call("Runtime.enable", &json!({}));
        browser.call("Page.enable", &json!({}));
        browser.go(address);
        Some(browser)
    }

    /// Goes to another page.
    pub fn go(&mut self, address: &str) {
        self.call("Page.navigate", &json!({ "url": address }));
    }

    /// Has the browser do something, and returns its answer.
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let mut message = json!({ "id": self.count, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        write!(self.input, "{message}\0").expect("the browser listens");
        loop {
            let mut answer = self.messages.recv_timeout(LIMIT).expect("the browser answers");
            if answer["method"] == "Runtime.exceptionThrown" {
                self.errors.push(answer["params"]["exceptionDetails"].to_string());
            }
            if answer["id"] == self.count {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// Returns what an expression is worth in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.call("Runtime.evaluate", &parameters)["result"]["value"].take()
    }

    pub fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != json!(true) {
            let shown = self.text("document.body.innerText");
            assert!(begun.elapsed() < LIMIT, "never {expression}: {:?}\n{shown}", self.errors);
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Presses a key, such as `KeyS`, `Digit1` or `End`.
    pub fn press(&mut self, code: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = code.trim_start_matches("Key").trim_start_matches("Digit").to_lowercase();
            self.call("Input.dispatchKeyEvent", &json!({ "type": kind, "code": code, "key": key }));
        }
    }

    /// Prints the page, into nothing.
    pub fn print(&mut self) {
        self.call("Page.printToPDF", &json!({}));
    }

    /// Clicks in the middle of an element.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(box => [box.x + box.width / 2, box.y + box.height / 2])(document.querySelector({selector:?}).getBoundingClientRect())"
        ));
        assert!(place[0].as_f64() > Some(0.0), "there is no {selector}");
        for kind in ["mousePressed", "mouseReleased"] {
            let (x, y) = (&place[0], &place[1]);
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_messages(output: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        let messages = BufReader::new(output).split(0).map_while(Result::ok);
        for message in messages.filter_map(|it| serde_json::from_slice(&it).ok()) {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    messages
}
