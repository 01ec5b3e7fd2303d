//! An animated picture of the two terminals, as SVG.
//!
//! All movement is CSS, so that the picture plays wherever an image is shown. Each line is an
//! element of its own, in the order in which the lines appear, so that a change can be read as text.

use std::fmt::Write;

use crate::columns::wrap;
use crate::line::{Line, begins_to_wait, level};
use crate::order::Order;
use crate::player::{Part, Side};

/// The width of a terminal, in characters: the longest line of the programs has 45.
const COLUMNS: usize = 46;

// In pixels.
const MARGIN: usize = 1;
const SERVER_X: usize = MARGIN;
const TERMINAL_WIDTH: usize = 394;
const CLIENT_X: usize = SERVER_X + TERMINAL_WIDTH + 36;
const PADDING: usize = 14;
const TITLE_HEIGHT: usize = 29;
const ROW_HEIGHT: usize = 19;

/// Between the terminals, as a path's data.
const ARROW_TO_CLIENT: &str = "398 0h30m-7 -5l7 5l-7 5";
const ARROW_TO_SERVER: &str = "428 0h-30m7 -5l-7 5l7 5";

/// How many milliseconds pass from line to line.
const BEAT: usize = 500;

/// How many beats the finished picture stays.
const PAUSE: usize = 12;

const STYLE: &str = "\
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;white-space:pre;fill:#1f2328}
path{fill:none;stroke:#0969da;stroke-width:2;opacity:0}
.window{fill:#f6f8fa;stroke:#d0d7de}
.bar{stroke:#d0d7de;stroke-width:1;opacity:1}
.title{text-anchor:middle;fill:#59636e}
.prompt{fill:#0550ae;font-weight:bold}
.call{fill:#59636e}
.reply{fill:#116329;font-weight:bold}
@media(prefers-color-scheme:dark){
text{fill:#f0f6fc}
path{stroke:#58a6ff}
.window{fill:#0d1117;stroke:#3d444d}
.bar{stroke:#3d444d}
.title,.call{fill:#9198a1}
.prompt{fill:#79c0ff}
.reply{fill:#7ee787}
}
";

/// Draws what a run has shown.
pub fn draw(server: &Part, client: &Part, lines: Vec<Line>) -> String {
    let mut drawing = Drawing {
        beats: lines.len() + 2 + PAUSE, // two are the prompts
        ..Drawing::default()
    };
    drawing.add(
        Side::Server,
        "prompt",
        &format!("$ {}", server.typed),
        false,
    );
    let mut has_client = false;
    for line in in_one_order(lines, server, client) {
        if line.side == Side::Client && !has_client {
            drawing.add(
                Side::Client,
                "prompt",
                &format!("$ {}", client.typed),
                false,
            );
            has_client = true;
        }
        let class = match level(&line.text) {
            None => "reply",
            Some(log::Level::Debug) => "call",
            Some(_) => "said",
        };
        drawing.add(line.side, class, &line.text, line.crosses);
    }
    drawing.finish(&server.name, &client.name)
}

/// Orders the lines by their causes alone, and not by when they arrived, so that each run gives
/// the same picture.
fn in_one_order(lines: Vec<Line>, server: &Part, client: &Part) -> Vec<Line> {
    let (mut of_server, of_client): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .partition(|line| line.side == Side::Server);
    put_waiting_for_next_client_first(&mut of_server);
    let mut order = Order::new(server.is_rust, client.is_rust);
    for line in of_server.into_iter().chain(of_client) {
        order.add(line.side, line.text);
    }
    order.end(Side::Server);
    order.end(Side::Client);
    std::iter::from_fn(|| order.next().or_else(|| order.next_in_any_case())).collect()
}

/// Moves the short server's second `accept` to the place where its thread turns to it: from there
/// on it is left to chance when it is printed, for another thread talks with the client.
fn put_waiting_for_next_client_first(lines: &mut [Line]) {
    let begins = |beginning| {
        lines
            .iter()
            .position(|line: &Line| line.text.starts_with(beginning))
    };
    let Some(accepted) = begins("[*] Accepted ") else {
        return;
    };
    // The long server turns to it only then.
    let end = begins("[*] Closed ").unwrap_or(lines.len());
    let talk = lines.get_mut(accepted + 1..end).unwrap_or_default();
    let waits = |line: &Line| line.text.starts_with("[.] accept(") && begins_to_wait(&line.text);
    if let Some(position) = talk.iter().position(waits) {
        talk[..=position].rotate_right(1);
    }
}

#[derive(Default)]
struct Drawing {
    /// One element a line, and when it appears.
    elements: String,
    keyframes: String,
    /// How many lines there are, and how many rows each terminal has.
    lines: usize,
    server_rows: usize,
    client_rows: usize,
    /// How many lines there are going to be, and then a pause.
    beats: usize,
}

impl Drawing {
    /// Adds the line that appears at the next beat, wrapped where it is too long.
    fn add(&mut self, side: Side, class: &str, text: &str, crosses: bool) {
        self.lines += 1;
        let line = self.lines;
        let (rows, x, arrow) = match side {
            Side::Server => (&mut self.server_rows, SERVER_X, ARROW_TO_CLIENT),
            Side::Client => (&mut self.client_rows, CLIENT_X, ARROW_TO_SERVER),
        };
        let x = x + PADDING;
        let mut y = 0;
        for row in wrap(text, COLUMNS) {
            *rows += 1;
            y = TITLE_HEIGHT + *rows * ROW_HEIGHT;
            let row = escape(&row);
            let _ = write!(
                self.elements,
                r#"<text class="{class}" x="{x}" y="{y}" style="animation-name:l{line}">{row}</text>"#
            );
        }
        let begin = self.percentage_of(line);
        let _ = writeln!(
            self.keyframes,
            "@keyframes l{line}{{0%{{opacity:0}}{begin}%{{opacity:1}}}}"
        );
        if crosses {
            let y = y - 4;
            let _ = write!(
                self.elements,
                r#"<path d="M{arrow}" transform="translate(0 {y})" style="animation-name:a{line}"/>"#
            );
            let end = self.percentage_of(line + 2);
            let _ = writeln!(
                self.keyframes,
                "@keyframes a{line}{{{begin}%{{opacity:1}}{end}%{{opacity:0}}}}"
            );
        }
        self.elements.push('\n');
    }

    fn percentage_of(&self, beat: usize) -> String {
        let hundredths = 10_000 * beat / self.beats;
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }

    fn finish(self, server: &str, client: &str) -> String {
        let (server, client) = (escape(server), escape(client));
        let Self {
            elements,
            keyframes,
            beats,
            ..
        } = self;
        let height = TITLE_HEIGHT + self.server_rows.max(self.client_rows) * ROW_HEIGHT + PADDING;
        let (page_width, page_height) = (CLIENT_X + TERMINAL_WIDTH + MARGIN, height + 2 * MARGIN);
        let duration = beats * BEAT;
        let terminals = [(SERVER_X, 1, &server), (CLIENT_X, 2, &client)];
        let terminals = terminals.map(|(x, number, name)| {
            let middle = x + TERMINAL_WIDTH / 2;
            format!(
                r#"<rect class="window" x="{x}" y="{MARGIN}" width="{TERMINAL_WIDTH}" height="{height}" rx="8"/>
<path class="bar" d="M{x} {TITLE_HEIGHT}h{TERMINAL_WIDTH}"/>
<text class="title" x="{middle}" y="19">terminal {number}: {name}</text>
"#
            )
        });
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page_width} {page_height}" width="{page_width}" height="{page_height}" role="img" aria-labelledby="title description">
<title id="title">{server} and {client} in two terminals</title>
<desc id="description">Terminal 1 runs {server}, terminal 2 runs {client}. Line by line, causes before effects, each shows its socket calls with their results, and what it prints.</desc>
<style>
{STYLE}text,path{{animation:{duration}ms step-end infinite}}
{keyframes}@media(prefers-reduced-motion:reduce){{*{{animation:none!important}}}}
</style>
{}{elements}</svg>
"#,
            terminals.concat()
        )
    }
}

/// Escapes what XML does not take for text.
fn escape(text: &str) -> String {
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
