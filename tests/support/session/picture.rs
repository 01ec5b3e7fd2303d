//! The README's animated pictures of a recording, as SVG: the server's terminal on the left, the
//! client's on the right, between them the segments, and below them what each step is about.
//!
//! All movement is CSS, so that the picture plays wherever an image is shown. Where nothing moves, it
//! shows the end. What depends on the kernel's mood, an ACK that carries nothing, is left out.

use std::collections::BTreeSet;

use textwrap::core::display_width;

use super::recording::{Frame, Lesson, Recording, Segment};

// In pixels; what there are two of is for the server and for the client.
const TERMINAL_WIDTH: usize = 388;
const GAP: usize = 180;
const LEFT: [usize; 2] = [1, 1 + TERMINAL_WIDTH + GAP];
const WIDTH: usize = LEFT[1] + TERMINAL_WIDTH + 1;
const PADDING: usize = 14;
const TITLE_HEIGHT: usize = 29;
const ROW_HEIGHT: usize = 19;
const ARROW_HEIGHT: usize = 27;
const ARROWS: [&str; 2] = ["399 0h160m-7 -5l7 5l-7 5", "559 0h-160m7 -5l-7 5l7 5"];

const COLUMNS: usize = 46; // of a terminal
const SENTENCE_COLUMNS: usize = 104;
const MOST_OF_DATA: usize = 19; // on an arrow, in characters

const BEAT: usize = 500; // milliseconds
const STEP: usize = 5; // beats; in the first one a program acts, in the third the other one
const PAUSE: usize = 14; // beats for which the finished picture stays

const STYLE: &str = "\
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;white-space:pre;fill:#1f2328}
path{fill:none;stroke-width:2}
.page{fill:#fff}
.window{fill:#f6f8fa;stroke:#d0d7de}
.bar{stroke:#d0d7de;stroke-width:1}
.title{text-anchor:middle;fill:#59636e}
.call{fill:#59636e}
.reply,.prompt,.flag{font-weight:bold}
.flag{text-anchor:middle;font-size:12px}
.server{fill:#136c2e}
.client{fill:#0757b5}
path.server{stroke:#136c2e}
path.client{stroke:#0757b5}
.say,.say tspan{font:15px system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}
.say{opacity:0}
.say.last{opacity:1}
.say .who{font-weight:bold}
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

#[derive(Clone, Copy)]
enum Language {
    English,
    Chinese,
}

impl Language {
    fn choose<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}

/// Draws the short and the long pair, for the README in each language, and returns the files' names
/// with what is in them.
pub fn all(lesson: &Lesson) -> Vec<(String, String)> {
    let drawn =
        lesson.scenarios.iter().filter(|scenario| ["short", "long"].contains(&&*scenario.id));
    let pictures = drawn.flat_map(|scenario| {
        [(Language::English, ""), (Language::Chinese, ".zh-CN")].map(|(language, ending)| {
            (format!("{}{ending}.svg", scenario.id), draw(&scenario.editions["rust"], language))
        })
    });
    pictures.collect()
}

/// Draws a recording of one server and one client.
fn draw(recording: &Recording, language: Language) -> String {
    let mut picture = Picture { arrow_y: TITLE_HEIGHT, ..Picture::default() };
    let mut texts = [String::new(), String::new()];
    for (step, frame) in recording.frames.iter().enumerate() {
        let begin = step * STEP;
        let acting = frame.who.unwrap_or_default();
        for (side, beat) in [(acting, begin), (1 - acting, begin + 2)] {
            let shown = texts[side].len();
            texts[side] += &frame.sides[side].new;
            for line in new_lines(&texts[side], shown) {
                picture.add_line(line, side, beat);
            }
            if side == acting {
                picture.add_arrows(&frame.segments, side, begin + 1);
            }
        }
    }
    let rows = picture.rows.into_iter().max().unwrap_or_default();
    let height = (TITLE_HEIGHT + rows * ROW_HEIGHT).max(picture.arrow_y) + PADDING;
    let page_height = height + 66;
    let last = recording.frames.len() - 1;
    for (step, frame) in recording.frames.iter().enumerate() {
        picture.add_sentence(frame, step, step == last, height + 28, language);
    }

    let [server, client] = [0, 1].map(|side| escape(&recording.programs[side].name));
    let terminal = language.choose("terminal", "终端");
    let title = language.choose(
        format!("{server} and {client} in two terminals"),
        format!("两个终端里的 {server} 和 {client}"),
    );
    let description = language.choose(
        "Step by step: what each program calls and prints, and which segments travel between them.",
        "一步一步：每个程序调用了什么、打印了什么，两者之间传送了哪些报文段。",
    );
    let terminals = [(LEFT[0], 1, server), (LEFT[1], 2, client)].map(|(x, number, name)| {
        let middle = x + TERMINAL_WIDTH / 2;
        format!(
            r#"<rect class="window" x="{x}" y="1" width="{TERMINAL_WIDTH}" height="{height}" rx="8"/>
<path class="bar" d="M{x} {TITLE_HEIGHT}h{TERMINAL_WIDTH}"/>
<text class="title" x="{middle}" y="19">{terminal} {number}: {name}</text>
"#
        )
    });
    let beats = recording.frames.len() * STEP + PAUSE;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {page_height}" width="{WIDTH}" height="{page_height}" role="img" aria-labelledby="title description">
<title id="title">{title}</title>
<desc id="description">{description}</desc>
<style>
{STYLE}[style]{{animation:{duration}ms step-end infinite}}
{keyframes}@media(prefers-reduced-motion:reduce){{*{{animation:none!important}}}}
</style>
<rect class="page" width="{WIDTH}" height="{page_height}" rx="8"/>
{terminals}{elements}</svg>
"#,
        duration = beats * BEAT,
        keyframes = picture.keyframes(beats),
        terminals = terminals.concat(),
        elements = picture.elements.concat(),
    )
}

#[derive(Default)]
struct Picture {
    elements: Vec<String>,
    /// How many rows each terminal has.
    rows: [usize; 2],
    /// Where the last arrow is.
    arrow_y: usize,
    /// The beats at which something appears, and then those from and up to which a sentence stands.
    beats: BTreeSet<usize>,
    sentences: Vec<(usize, Option<usize>)>,
}

impl Picture {
    fn add_line(&mut self, line: &str, side: usize, beat: usize) {
        let class = match line.get(..4) {
            Some("[.] ") => "call".to_owned(),
            Some("[*] " | "[!] ") => "said".to_owned(),
            _ if line.starts_with("$ ") => format!("prompt {}", SIDES[side]),
            _ => "reply".to_owned(),
        };
        let x = LEFT[side] + PADDING;
        let appears = self.appears(beat);
        for row in wrap(line, COLUMNS) {
            self.rows[side] += 1;
            let (y, row) = (TITLE_HEIGHT + self.rows[side] * ROW_HEIGHT, escape(&row));
            self.elements.push(format!(
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{appears}>{row}</text>\n"
            ));
        }
    }

    /// Draws what travels because this side acts, one after the other, the first beside the last row
    /// of its terminal if there is room.
    fn add_arrows(&mut self, segments: &[Segment], acting: usize, beat: usize) {
        let last_row = TITLE_HEIGHT + self.rows[acting] * ROW_HEIGHT;
        self.arrow_y = self.arrow_y.max(last_row.saturating_sub(ARROW_HEIGHT));
        let labels = segments.iter().filter_map(|segment| Some((segment.0, label(segment)?)));
        for ((from, label), beat) in labels.zip(beat..) {
            self.arrow_y += ARROW_HEIGHT;
            let (y, label, appears) = (self.arrow_y, escape(&label), self.appears(beat));
            let (sender, arrow, middle, above) = (SIDES[from], ARROWS[from], WIDTH / 2, y - 6);
            self.elements.push(format!(
                "<g{appears}><path class=\"{sender}\" d=\"M{arrow}\" transform=\"translate(0 {y})\"/>\
                 <text class=\"flag {sender}\" x=\"{middle}\" y=\"{above}\">{label}</text></g>\n"
            ));
        }
    }

    /// Writes a step's sentence, who acts in front, on several rows where it is long. Who acts stands
    /// there by the sentence's own first words, or else by a label.
    fn add_sentence(
        &mut self,
        frame: &Frame,
        step: usize,
        last: bool,
        y: usize,
        language: Language,
    ) {
        let end = (!last).then_some((step + 1) * STEP);
        self.sentences.push((step * STEP, end));
        let names = language.choose(
            [["The server", "server"], ["The client", "client"]],
            [["服务器"; 2], ["客户端"; 2]],
        );
        let [begins, label] = frame.who.map_or([""; 2], |side| names[side]);
        let class = frame.who.map_or("", |side| SIDES[side]);
        let said = language.choose(&frame.words.en, &frame.words.zh).replace('`', "");
        let (who, said) = if said.starts_with(begins) {
            (begins, said)
        } else {
            (label, format!("{label} {said}"))
        };
        let rows = wrap_words(&said, SENTENCE_COLUMNS);
        let spans = rows.iter().enumerate().map(|(number, row)| {
            let who = if number == 0 { who } else { "" };
            let (said, y) = (escape(&row[who.len()..]), y + number * 24);
            format!(
                "<tspan x=\"{PADDING}\" y=\"{y}\"><tspan class=\"who {class}\">{who}</tspan>{said}</tspan>"
            )
        });
        let (spans, last) = (spans.collect::<String>(), if last { " last" } else { "" });
        self.elements.push(format!(
            "<text class=\"say{last}\" style=\"animation-name:s{step}\">{spans}</text>\n"
        ));
    }

    fn appears(&mut self, beat: usize) -> String {
        self.beats.insert(beat);
        format!(" style=\"animation-name:b{beat}\"")
    }

    fn keyframes(&self, beats: usize) -> String {
        let percentage = |beat: &usize| {
            let hundredths = 10_000 * beat / beats;
            format!("{}.{:02}%", hundredths / 100, hundredths % 100)
        };
        let appearing = self.beats.iter().map(|beat| {
            let begin = percentage(beat);
            format!("@keyframes b{beat}{{0%{{opacity:0}}{begin}{{opacity:1}}}}\n")
        });
        let sentences = self.sentences.iter().enumerate().map(|(step, (begin, end))| {
            let begin = percentage(begin);
            let end = end.as_ref().map_or(String::new(), |end| percentage(end) + "{opacity:0}");
            format!("@keyframes s{step}{{0%{{opacity:0}}{begin}{{opacity:1}}{end}}}\n")
        });
        appearing.chain(sentences).collect()
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

/// Breaks a line where a terminal does: when it is full.
fn wrap(line: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for character in line.chars() {
        let row = rows.last_mut().expect("it begins with one");
        if display_width(row) + display_width(character.encode_utf8(&mut [0; 4])) > columns {
            rows.push(character.into());
        } else {
            row.push(character);
        }
    }
    rows
}

/// Breaks a sentence at a space or, in Chinese, before any character that can begin a row.
fn wrap_words(text: &str, columns: usize) -> Vec<String> {
    let begins_piece = |character: char| {
        character == ' ' || character >= '\u{2e80}' && !"，。：；、）".contains(character)
    };
    let mut rows = vec![String::new()];
    let mut rest = text;
    while !rest.is_empty() {
        let next = rest.char_indices().skip(1).find(|(_, character)| begins_piece(*character));
        let (piece, after) = rest.split_at(next.map_or(rest.len(), |(index, _)| index));
        let row = rows.last_mut().expect("it begins with one");
        if display_width(row) + display_width(piece) > columns {
            rows.push(piece.trim_start().to_owned());
        } else {
            row.push_str(piece);
        }
        rest = after;
    }
    rows
}

/// Escapes what XML does not take for text.
fn escape(text: &str) -> String {
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
