//! An animated picture of the two terminals, as SVG.
//!
//! All movement is CSS, so that the picture plays wherever an image is shown. Each line is an
//! element of its own, in the order in which the lines appear, so that a change can be read as text.

use std::iter;

use crate::columns::wrap;
use crate::endpoint::Endpoint;
use crate::line::{begins_to_wait, level};
use crate::order::{Line, Order};
use harness::command_line::{Problem, failure};

pub const MOST_LINES: usize = 100; // more would not be legible
const COLUMNS: usize = 46; // the width of a terminal; the longest line of the programs has 45

// In pixels; what there are two of is for the server and for the client.
const MARGIN: usize = 1;
const LEFT: [usize; 2] = [MARGIN, MARGIN + TERMINAL_WIDTH + 36];
const TERMINAL_WIDTH: usize = 394;
const PADDING: usize = 14;
const TITLE_HEIGHT: usize = 29;
const ROW_HEIGHT: usize = 19;
const ARROWS: [&str; 2] = ["398 0h30m-7 -5l7 5l-7 5", "428 0h-30m7 -5l-7 5l7 5"];

const BEAT: usize = 500; // milliseconds from line to line
const PAUSE: usize = 12; // beats for which the finished picture stays

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
pub fn draw(server: &Endpoint, client: &Endpoint, lines: &[Line]) -> Result<String, Problem> {
    if lines.len() > MOST_LINES {
        return failure(format!("more than {MOST_LINES} lines are too many to draw"));
    }
    let lines = in_one_order(server, client, lines);
    let beats = lines.len() + PAUSE;
    let percentage_of = |beat: usize| {
        let hundredths = 10_000 * beat / beats;
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    };
    let (mut elements, mut keyframes) = (Vec::new(), Vec::new());
    let mut rows = [0; 2];
    for (line, beat) in lines.iter().zip(1..) {
        let side = line.side as usize;
        let class = match level(&line.text) {
            _ if rows[side] == 0 => "prompt",
            None => "reply",
            Some(log::Level::Debug) => "call",
            Some(_) => "said",
        };
        let (x, mut y) = (LEFT[side] + PADDING, 0);
        for row in wrap(&line.text, COLUMNS) {
            rows[side] += 1;
            y = TITLE_HEIGHT + rows[side] * ROW_HEIGHT;
            let row = escape(&row);
            elements.push(format!(
                r#"<text class="{class}" x="{x}" y="{y}" style="animation-name:l{beat}">{row}</text>"#
            ));
        }
        let [begin, end] = [beat, beat + 2].map(percentage_of);
        keyframes.push(format!("@keyframes l{beat}{{0%{{opacity:0}}{begin}%{{opacity:1}}}}\n"));
        if line.crosses {
            let (arrow, y) = (ARROWS[side], y - 4);
            elements.push(format!(
                r#"<path d="M{arrow}" transform="translate(0 {y})" style="animation-name:a{beat}"/>"#
            ));
            keyframes
                .push(format!("@keyframes a{beat}{{{begin}%{{opacity:1}}{end}%{{opacity:0}}}}\n"));
        }
        elements.push("\n".to_owned());
    }
    let height = TITLE_HEIGHT + rows[0].max(rows[1]) * ROW_HEIGHT + PADDING;
    let (page_width, page_height) = (LEFT[1] + TERMINAL_WIDTH + MARGIN, height + 2 * MARGIN);
    let [server, client] = [server, client].map(|part| escape(&part.name));
    let terminals = [(LEFT[0], 1, &server), (LEFT[1], 2, &client)].map(|(x, number, name)| {
        let middle = x + TERMINAL_WIDTH / 2;
        format!(
            r#"<rect class="window" x="{x}" y="{MARGIN}" width="{TERMINAL_WIDTH}" height="{height}" rx="8"/>
<path class="bar" d="M{x} {TITLE_HEIGHT}h{TERMINAL_WIDTH}"/>
<text class="title" x="{middle}" y="19">terminal {number}: {name}</text>
"#
        )
    });
    Ok(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page_width} {page_height}" width="{page_width}" height="{page_height}" role="img" aria-labelledby="title description">
<title id="title">{server} and {client} in two terminals</title>
<desc id="description">Terminal 1 runs {server}, terminal 2 runs {client}. Line by line, causes before effects, each shows its socket calls with their results, and what it prints.</desc>
<style>
{STYLE}text,path{{animation:{duration}ms step-end infinite}}
{keyframes}@media(prefers-reduced-motion:reduce){{*{{animation:none!important}}}}
</style>
{terminals}{elements}</svg>
"#,
        duration = beats * BEAT,
        keyframes = keyframes.concat(),
        terminals = terminals.concat(),
        elements = elements.concat(),
    ))
}

/// Orders the lines by their causes alone, and not by when they arrived, so that each run gives
/// the same picture. First in each terminal is its prompt.
fn in_one_order(server: &Endpoint, client: &Endpoint, lines: &[Line]) -> Vec<Line> {
    let mut order = Order::new(server, client);
    for part in [server, client] {
        let printed = lines.iter().filter(|line| line.side == part.side);
        let mut texts: Vec<String> = printed.map(|line| line.text.clone()).collect();
        put_waiting_for_next_client_first(&mut texts);
        texts.insert(0, format!("$ {}", part.typed));
        for text in texts {
            order.add(part.side, Some(text));
        }
        order.add(part.side, None);
    }
    iter::from_fn(|| order.next_in_any_case()).collect()
}

/// Moves the short server's second `accept` to the place where its thread turns to it: from there
/// on it is left to chance when it is printed, for another thread talks with the client.
fn put_waiting_for_next_client_first(texts: &mut [String]) {
    let begins = |beginning| texts.iter().position(|text| text.starts_with(beginning));
    // The long server turns to it only when it has closed the connection.
    if let (Some(accepted), None) = (begins("[*] Accepted "), begins("[*] Closed ")) {
        let waits = |text: &str| text.starts_with("[.] accept(") && begins_to_wait(text);
        texts[accepted + 1..].sort_by_key(|text| !waits(text)); // keeps the order of the others
    }
}

/// Escapes what XML does not take for text.
fn escape(text: &str) -> String {
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
