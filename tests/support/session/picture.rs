//! The README's pictures of a recording, as SVG: the whole conversation at once. On the left is the
//! server's terminal, on the right the client's, between them are the segments, and time runs
//! downwards. What depends on the kernel's mood is left out: an ACK that carries nothing, but for the
//! third segment of the handshake.

use textwrap::{Options, WordSplitter, wrap};

use super::recording::{Lesson, Recording, Segment};

// In pixels; what there are two of is for the server and for the client. The width is that of a
// README on GitHub.
const TERMINAL_WIDTH: usize = 348;
const GAP: usize = 134;
const LEFT: [usize; 2] = [1, 1 + TERMINAL_WIDTH + GAP];
const WIDTH: usize = LEFT[1] + TERMINAL_WIDTH + 1;
const PADDING: usize = 9;
const TITLE_HEIGHT: usize = 27;
const ROW_HEIGHT: usize = 17;

const COLUMNS: usize = 46; // of a terminal
const MOST_OF_DATA: usize = 17; // on an arrow, in characters

const STYLE: &str = "\
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;white-space:pre;fill:#1f2328}
path{fill:none;stroke-width:1.6}
.page{fill:#fff}
.window{fill:#f6f8fa;stroke:#d0d7de}
.bar{stroke:#d0d7de;stroke-width:1}
.title{text-anchor:middle;fill:#59636e}
.call{fill:#59636e}
.said,.prompt{font-weight:bold}
.flag{text-anchor:middle;font-size:11px}
.server{fill:#136c2e}
.client{fill:#0757b5}
path.server{stroke:#136c2e}
path.client{stroke:#0757b5}
@media(prefers-color-scheme:dark){
text{fill:#f0f6fc}
.page{fill:#0d1117}
.window{fill:#151b23;stroke:#3d444d}
.bar{stroke:#3d444d}
.title,.call{fill:#9198a1}
.server{fill:#56d364}
.client{fill:#58a6ff}
path.server{stroke:#56d364}
path.client{stroke:#58a6ff}
}
";

const SIDES: [&str; 2] = ["server", "client"];

/// Draws the short and the long pair, for the README in each language, and returns the files' names
/// with what is in them.
pub fn all(lesson: &Lesson) -> Vec<(String, String)> {
    let drawn =
        lesson.scenarios.iter().filter(|scenario| ["short", "long"].contains(&&*scenario.id));
    let pictures = drawn.flat_map(|scenario| {
        [("terminal", ""), ("终端", ".zh-CN")].map(|(terminal, ending)| {
            (format!("{}{ending}.svg", scenario.id), draw(&scenario.editions["rust"], terminal))
        })
    });
    pictures.collect()
}

/// Draws a recording of one server and one client.
fn draw(recording: &Recording, terminal: &str) -> String {
    let mut picture = Picture::default();
    let mut texts = [String::new(), String::new()];
    for frame in &recording.frames {
        // Whoever acts does so first; then its segments travel, and the other side notices.
        let acting = frame.who.unwrap_or_default();
        for side in [acting, 1 - acting] {
            let shown = texts[side].len();
            texts[side] += &frame.sides[side].new;
            let lines = new_lines(&texts[side], shown);
            if side == acting {
                picture.add_act(&lines, &frame.segments, side);
            } else {
                picture.add_lines(&lines, side);
            }
        }
    }
    let height = TITLE_HEIGHT + picture.rows * ROW_HEIGHT + PADDING;
    let page_height = height + 2;
    let names = [0, 1].map(|side| escape(&recording.programs[side].name));
    let windows = [0, 1].map(|side| {
        let (x, number, name) = (LEFT[side], side + 1, &names[side]);
        let middle = x + TERMINAL_WIDTH / 2;
        format!(
            r#"<rect class="window" x="{x}" y="1" width="{TERMINAL_WIDTH}" height="{height}" rx="8"/>
<path class="bar" d="M{x} {TITLE_HEIGHT}h{TERMINAL_WIDTH}"/>
<text class="title" x="{middle}" y="18">{terminal} {number}: {name}</text>
"#
        )
    });
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {page_height}" width="{WIDTH}" height="{page_height}" role="img" aria-labelledby="title">
<title id="title">{server} · {client}</title>
<style>
{STYLE}</style>
<rect class="page" width="{WIDTH}" height="{page_height}" rx="8"/>
{windows}{elements}</svg>
"#,
        server = names[0],
        client = names[1],
        windows = windows.concat(),
        elements = picture.elements.concat(),
    )
}

#[derive(Default)]
struct Picture {
    elements: Vec<String>,
    /// How many rows there are so far: what is later stands below.
    rows: usize,
}

impl Picture {
    fn add_lines(&mut self, lines: &[&str], side: usize) {
        for line in lines {
            self.add_line(line, side);
        }
    }

    fn add_line(&mut self, line: &str, side: usize) {
        let class = match line.get(..4) {
            Some("[.] ") => "call".to_owned(),
            _ if line.starts_with("$ ") => format!("prompt {}", SIDES[side]),
            _ => "said".to_owned(),
        };
        let x = LEFT[side] + PADDING;
        let options = Options::new(COLUMNS).word_splitter(WordSplitter::NoHyphenation);
        for row in wrap(line, options) {
            self.rows += 1;
            let (y, row) = (TITLE_HEIGHT + self.rows * ROW_HEIGHT, escape(&row));
            self.elements
                .push(format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{row}</text>\n"));
        }
    }

    /// Draws what one side prints, and what travels meanwhile: beside its call, and where the call
    /// blocked, up to the answer between its beginning and its return.
    fn add_act(&mut self, lines: &[&str], segments: &[Segment], side: usize) {
        let arrows = arrows(segments);
        let call = |lines: &[&str]| lines.iter().rposition(|line| line.starts_with("[.] "));
        let Some(last) = call(lines) else {
            self.add_lines(lines, side);
            return self.add_arrows(&arrows, self.rows);
        };
        let mut rest = &arrows[..];
        if call(&lines[..last]).is_some_and(|first| lines[first].ends_with(" ...")) {
            self.add_lines(&lines[..last], side);
            let answer = arrows.iter().rposition(|(from, _)| *from != side);
            let (until_answer, after) = arrows.split_at(answer.map_or(0, |at| at + 1));
            self.add_arrows(until_answer, self.rows);
            self.add_line(lines[last], side);
            rest = after;
        } else {
            self.add_lines(&lines[..=last], side);
        }
        let called = self.rows;
        self.add_lines(&lines[last + 1..], side);
        self.add_arrows(rest, called);
    }

    /// Draws what travels, each segment below its label, the first beside this row.
    fn add_arrows(&mut self, arrows: &[(usize, String)], first: usize) {
        for (row, (from, label)) in (first..).zip(arrows) {
            self.rows = self.rows.max(row);
            let y = TITLE_HEIGHT + row * ROW_HEIGHT;
            let (sender, label) = (SIDES[*from], escape(label));
            let (middle, arrow_y) = (WIDTH / 2, y + 4);
            let arrow = if *from == 0 {
                format!("M{} {arrow_y}h{}m-6 -4l6 4l-6 4", LEFT[0] + TERMINAL_WIDTH + 7, GAP - 14)
            } else {
                format!("M{} {arrow_y}h-{}m6 -4l-6 4l6 4", LEFT[1] - 7, GAP - 14)
            };
            self.elements.push(format!(
                "<path class=\"{sender}\" d=\"{arrow}\"/>\
                 <text class=\"flag {sender}\" x=\"{middle}\" y=\"{y}\">{label}</text>\n"
            ));
        }
    }
}

/// Returns the lines of a terminal that have come, or have been ended, after this much of its text,
/// without the questions of `STEP=1`.
fn new_lines(text: &str, shown: usize) -> Vec<&str> {
    let mut end = 0;
    let lines = text.split('\n').filter(|line| {
        end += line.len() + 1;
        end > shown + 1 && !line.is_empty() && !line.starts_with("next: ") && *line != "$ "
    });
    lines.collect()
}

/// Returns who sends each segment that is drawn, and what is written at its arrow.
fn arrows(segments: &[Segment]) -> Vec<(usize, String)> {
    let mut is_handshake = false;
    let labels = segments.iter().filter_map(|segment| {
        let ends_handshake = is_handshake && segment.2 == "ACK" && segment.3.is_empty();
        is_handshake = segment.2 == "SYN ACK";
        let label = if ends_handshake { "ACK".to_owned() } else { label(segment)? };
        Some((segment.0, label))
    });
    labels.collect()
}

/// Returns what is written at an arrow, or `None` for an ACK that carries nothing.
fn label(Segment(_, _, flags, text, length, _): &Segment) -> Option<String> {
    let flags = match flags.as_str() {
        "SYN ACK" => flags,
        _ => flags.strip_suffix("ACK").unwrap_or(flags).trim_end(),
    };
    let data = if text.is_empty() {
        String::new()
    } else if text.chars().count() > MOST_OF_DATA {
        format!("{length} bytes ")
    } else {
        format!("\"{text}\" ")
    };
    Some(format!("{data}{flags}").trim().to_owned()).filter(|label| !label.is_empty())
}

/// Escapes what XML does not take for text.
fn escape(text: &str) -> String {
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
