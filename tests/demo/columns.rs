//! Two columns: the server's on the left, the client's on the right.

use std::env;
use std::io::{self, Write};

use terminal_size::{Width, terminal_size};
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use crate::line::Line;
use crate::player::Side;

/// The width, in characters, where there is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// The least width that has room for arrows.
const WIDTH_FOR_ARROWS: usize = 100;

pub struct Columns {
    /// The width of one column, in characters.
    width: usize,
    /// Between the columns.
    bar: &'static str,
    to_client: &'static str,
    to_server: &'static str,
}

impl Columns {
    /// Divides the terminal's width. Arrows need room, and calls to stand beside.
    pub fn new(shows_calls: bool) -> Self {
        let terminal = terminal_size().map_or(DEFAULT_WIDTH, |(Width(width), _)| width.into());
        let [bar, to_client, to_server] = if !shows_calls || terminal < WIDTH_FOR_ARROWS {
            [" | "; 3]
        } else if is_utf8() {
            ["  |  ", " ──► ", " ◄── "]
        } else {
            ["  |  ", " --> ", " <-- "]
        };
        // Below this no line would be legible anyway.
        let width = terminal.max(40).saturating_sub(bar.len()) / 2;
        Self {
            width,
            bar,
            to_client,
            to_server,
        }
    }

    pub fn print_heading(&self, server: &str, client: &str) -> io::Result<()> {
        self.print_rows(server, client, self.bar)?;
        let rule = "-".repeat(self.width);
        let crossing = self.bar.replace(' ', "-").replace('|', "+");
        writeln!(io::stdout(), "{rule}{crossing}{rule}")
    }

    /// Prints a line in the column of its side, wrapped where it is too long.
    pub fn print(&self, line: &Line) -> io::Result<()> {
        let gap = match line.side {
            _ if !line.crosses => self.bar,
            Side::Server => self.to_client,
            Side::Client => self.to_server,
        };
        match line.side {
            Side::Server => self.print_rows(&line.text, "", gap),
            Side::Client => self.print_rows("", &line.text, gap),
        }
    }

    /// Prints two texts beside each other, with this gap beside the last row, where a call's
    /// result is.
    fn print_rows(&self, left: &str, right: &str, last_gap: &str) -> io::Result<()> {
        let (left, right) = (wrap(left, self.width), wrap(right, self.width));
        let mut out = io::stdout().lock();
        let rows = left.len().max(right.len());
        for row in 0..rows {
            let gap = if row + 1 == rows { last_gap } else { self.bar };
            let left = left.get(row).map_or("", String::as_str);
            let right = right.get(row).map_or("", String::as_str);
            let padding = " ".repeat(self.width.saturating_sub(display_width(left)));
            writeln!(out, "{}", format!("{left}{padding}{gap}{right}").trim_end())?;
        }
        Ok(())
    }
}

/// Divides a text into rows of this width.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width)
        .subsequent_indent("    ")
        .word_splitter(WordSplitter::NoHyphenation);
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
