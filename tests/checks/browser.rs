//! A browser that tests drive as a learner does, by keys and clicks: Chromium, on pipes. The first test that needs it
//! starts it, and each has a tab of its own, which shares nothing with the others.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::turn::Turn;
use support::run::{LIMIT, browser};

/// The time between two looks at the page.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Starts the browser, which speaks on descriptors 3 and 4. It ends with this process, however that ends, for then its
/// input ends; and what it has written is removed.
const START: &str = r#"
export TMPDIR=$(mktemp -d)
"$0" --user-data-dir="$TMPDIR" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1
rm -rf "$TMPDIR"
"#;

/// A tab of the browser.
pub struct Tab {
    browser: &'static Browser,
    target: Value,
    session: String,
    messages: Receiver<Value>,
    /// What the page has complained of.
    pub errors: Vec<String>,
    _turn: Turn,
}

struct Browser {
    child: Mutex<Child>,
    count: AtomicU64,
}

/// Who waits for messages: a tab for those of its session, and a question to the browser itself for the answer to its
/// number. Once the browser has ended, nobody does.
static WAITING: LazyLock<Mutex<Option<Waiting>>> =
    LazyLock::new(|| Mutex::new(Some(Waiting::new())));

type Waiting = HashMap<String, Sender<Value>>;

const NO_PANIC: &str = "no thread panics while it holds this";

impl Browser {
    /// Returns the browser, which is started first if nobody has; `None` where there is none.
    fn get() -> Option<&'static Self> {
        static BROWSER: LazyLock<Option<Browser>> = LazyLock::new(Browser::start);
        BROWSER.as_ref()
    }

    fn start() -> Option<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", START]).arg(browser()?.get_program());
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-sync"]);
        command.args(["--disable-component-update", "--remote-debugging-pipe", "--lang=en"]);
        command.arg("--disable-ipc-flooding-protection"); // it ignores a page that goes too fast
        // No tab waits because another one is in front.
        command.args(["--disable-renderer-backgrounding", "--disable-background-timer-throttling"]);
        command.arg("--disable-backgrounding-occluded-windows");
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the browser starts");
        let output = child.stdout.take().expect("it is a pipe");
        thread::spawn(move || hand_out_messages(output));
        Some(Self { child: Mutex::new(child), count: AtomicU64::new(1) })
    }

    /// Has the browser itself do something, and returns its answer.
    fn call(&self, method: &str, parameters: &Value) -> Value {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = mpsc::channel();
        wait_for_messages(number.to_string(), sender);
        self.send(&json!({ "id": number, "method": method, "params": parameters }));
        let mut answer = answer.recv_timeout(LIMIT).expect("the browser answers");
        stop_waiting(&number.to_string());
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    fn send(&self, message: &Value) {
        let mut child = self.child.lock().expect(NO_PANIC);
        // Where it has ended, no answer will come.
        let _ = child.stdin.as_mut().map(|input| write!(input, "{message}\0"));
    }
}

fn wait_for_messages(of: String, sender: Sender<Value>) {
    let _ = waiting().as_mut().map(|waiting| waiting.insert(of, sender));
}

fn stop_waiting(of: &str) {
    let _ = waiting().as_mut().map(|waiting| waiting.remove(of));
}

fn waiting() -> MutexGuard<'static, Option<Waiting>> {
    WAITING.lock().expect(NO_PANIC)
}

/// Gives each message to who waits for it.
fn hand_out_messages(output: ChildStdout) {
    let messages = BufReader::new(output).split(0).map_while(Result::ok);
    for message in messages.filter_map(|it| serde_json::from_slice::<Value>(&it).ok()) {
        let session = message["sessionId"].as_str().map(str::to_owned);
        let of = session.unwrap_or_else(|| message["id"].to_string());
        // Nobody may wait any more.
        let _ = waiting().as_ref().and_then(|waiting| waiting.get(&of)?.send(message).ok());
    }
    *waiting() = None;
}

impl Tab {
    /// Opens an empty page, as soon as it is this test's turn; `None` where there is no browser. A test has one at a
    /// time.
    pub fn new() -> Option<Self> {
        let browser = Browser::get()?;
        let turn = Turn::wait();
        // What a tab has of its own, such as cookies.
        let context = browser.call("Target.createBrowserContext", &json!({}));
        let context = &context["browserContextId"];
        let target = json!({ "url": "about:blank", "browserContextId": context, "hidden": true });
        let target = browser.call("Target.createTarget", &target)["targetId"].take();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach)["sessionId"].take();
        let session = session.as_str().expect("it has a name").to_owned();
        let (sender, messages) = mpsc::channel();
        wait_for_messages(session.clone(), sender);
        let mut tab = Self { browser, target, session, messages, errors: Vec::new(), _turn: turn };
        tab.call("Runtime.enable", &json!({}));
        tab.call("Page.enable", &json!({}));
        tab.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        tab.resize(1280, 720);
        Some(tab)
    }

    /// Opens a page; `None` where there is no browser.
    pub fn open(address: &str) -> Option<Self> {
        let mut tab = Self::new()?;
        tab.go(address);
        Some(tab)
    }

    /// Goes to another page.
    pub fn go(&mut self, address: &str) {
        self.call("Page.navigate", &json!({ "url": address }));
    }

    /// Sets the size of what the window shows.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Runs a script in each page from now on, before the page's own.
    pub fn run_first(&mut self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// Has the tab do something, and returns its answer.
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let number = self.browser.count.fetch_add(1, Ordering::Relaxed);
        let (session, params) = (&self.session, parameters);
        self.browser.send(
            &json!({ "id": number, "method": method, "params": params, "sessionId": session }),
        );
        loop {
            let mut answer = self.messages.recv_timeout(LIMIT).expect("the browser answers");
            if answer["method"] == "Runtime.exceptionThrown" {
                self.errors.push(answer["params"]["exceptionDetails"].to_string());
            }
            if answer["id"] == number {
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
            if begun.elapsed() > LIMIT {
                let shown = self.text("document.body.innerText");
                panic!("never {expression}: {:?}\n{shown}", self.errors);
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Presses a key, such as `KeyS`, `Digit1` or `End`.
    pub fn press(&mut self, code: &str) {
        let key = code.trim_start_matches("Key").trim_start_matches("Digit").to_lowercase();
        let (key, text) = if code == "Enter" { (code, "\r") } else { (&*key, "") };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "code": code, "key": key, "text": text });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text into what has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Tells the page that it is about to be printed. A tab without a window cannot print it.
    pub fn print(&mut self) {
        self.value("dispatchEvent(new Event('beforeprint'))");
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

impl Drop for Tab {
    fn drop(&mut self) {
        stop_waiting(&self.session);
        let target = json!({ "targetId": self.target });
        // Nobody waits for the answer. What it had of its own stays: Chromium 156 ends if that is taken from a hidden
        // tab.
        self.browser.send(&json!({ "id": 0, "method": "Target.closeTarget", "params": target }));
    }
}
