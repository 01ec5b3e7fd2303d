//! Two columns: the server's on the left, the client's on the right.

use std::env;
use std::io::{self, Write};

use terminal_size::{Width, terminal_size};
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

/// The width, in characters, where there is no terminal, and the least that has room for arrows.
const WIDTH: usize = 100;

pub struct Columns {
    /// The width of one column, in characters.
    width: usize,
    /// Between the columns.
    bar: &'static str,
    /// In place of the bar, from the server and from the client.
    arrows: [&'static str; 2],
}

impl Columns {
    /// Divides the terminal's width. Arrows need room, and calls to stand beside.
    pub fn new(shows_calls: bool) -> Self {
        let terminal = terminal_size().map_or(WIDTH, |(Width(width), _)| width.into());
        let (bar, arrows) = if !shows_calls || terminal < WIDTH {
            (" | ", [" | "; 2])
        } else if is_utf8() {
            ("  |  ", [" ──► ", " ◄── "])
        } else {
            ("  |  ", [" --> ", " <-- "])
        };
        // Below 40 no line would be legible anyway.
        let width = (terminal.max(40) - bar.len()) / 2;
        Self { width, bar, arrows }
    }

    pub fn print_heading(&self, server: &str, client: &str) -> io::Result<()> {
        self.print_rows([server, client], self.bar)?;
        let rule = "-".repeat(self.width);
        let crossing = self.bar.replace(' ', "-").replace('|', "+");
        writeln!(io::stdout(), "{rule}{crossing}{rule}")
    }

    /// Prints a line in the column of its side, wrapped where it is too long.
    pub fn print(&self, side: usize, text: &str, crosses: bool) -> io::Result<()> {
        let mut texts = ["", ""];
        texts[side] = text;
        let gap = if crosses { self.arrows[side] } else { self.bar };
        self.print_rows(texts, gap)
    }

    /// Prints two texts beside each other, with this gap beside the last row, where a call's
    /// result is.
    fn print_rows(&self, texts: [&str; 2], last_gap: &str) -> io::Result<()> {
        let [left, right] = texts.map(|text| wrap(text, self.width));
        let mut out = io::stdout().lock();
        let rows = left.len().max(right.len());
        for row in 0..rows {
            let gap = if row + 1 == rows { last_gap } else { self.bar };
            let [left, right] =
                [&left, &right].map(|rows| rows.get(row).map_or("", String::as_str));
            let padding = " ".repeat(self.width.saturating_sub(display_width(left)));
            writeln!(out, "{}", format!("{left}{padding}{gap}{right}").trim_end())?;
        }
        Ok(())
    }
}

/// Divides a text into rows of this width.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let options =
        Options::new(width).subsequent_indent("    ").word_splitter(WordSplitter::NoHyphenation);
    let rows = textwrap::wrap(text, options);
    rows.into_iter().map(String::from).collect()
}

/// Returns whether the locale shows more than ASCII.
fn is_utf8() -> bool {
    let mut settings = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().map(env::var_os);
    let locale = settings.find_map(|value| value.filter(|value| !value.is_empty()));
    let locale = locale.unwrap_or_default().to_string_lossy().to_uppercase();
    locale.contains("UTF-8") || locale.contains("UTF8")
}
