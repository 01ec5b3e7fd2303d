//! Two columns: the server's on the left, the client's on the right.

use std::io::{self, Write};

use terminal_size::{Width, terminal_size};
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use crate::player::Side;

/// The width, in characters, where there is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// Between the columns.
const GAP: &str = " | ";

pub struct Columns {
    /// The width of one column, in characters.
    width: usize,
}

impl Columns {
    /// Divides the terminal's width.
    pub fn new() -> Self {
        let terminal = terminal_size().map_or(DEFAULT_WIDTH, |(Width(width), _)| width.into());
        // Below this no line would be legible anyway.
        let width = terminal.max(40).saturating_sub(GAP.len()) / 2;
        Self { width }
    }

    pub fn print_heading(&self, server: &str, client: &str) -> io::Result<()> {
        self.print_rows(server, client)?;
        let rule = "-".repeat(self.width);
        writeln!(io::stdout(), "{rule}-+-{rule}")
    }

    /// Prints a line in the column of one side, wrapped where it is too long.
    pub fn print(&self, side: Side, line: &str) -> io::Result<()> {
        match side {
            Side::Server => self.print_rows(line, ""),
            Side::Client => self.print_rows("", line),
        }
    }

    fn print_rows(&self, left: &str, right: &str) -> io::Result<()> {
        let options = Options::new(self.width)
            .subsequent_indent("    ")
            .word_splitter(WordSplitter::NoHyphenation);
        let (left, right) = (
            textwrap::wrap(left, &options),
            textwrap::wrap(right, &options),
        );
        let mut out = io::stdout().lock();
        for row in 0..left.len().max(right.len()) {
            let left = left.get(row).map_or("", |line| line);
            let right = right.get(row).map_or("", |line| line);
            let padding = " ".repeat(self.width.saturating_sub(display_width(left)));
            writeln!(out, "{}", format!("{left}{padding}{GAP}{right}").trim_end())?;
        }
        Ok(())
    }
}
