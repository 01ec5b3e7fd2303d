//! The table of one program: a row for a behaviour, a column for each language.

use std::io::{self, IsTerminal, Write};
use std::iter;

use terminal_size::{Width, terminal_size_of};
use textwrap::core::display_width;

use rows::{Instead, Row, Subject, Verdict, rows_of};

/// The width, in characters, where there is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// The widest that a column is at all, for a program can print a line without end.
const WIDEST: usize = 120;

/// The width of a column that has room for no reason: `no:...`.
const NARROWEST: usize = 6;

const GAP: usize = 2;

/// The table of one program.
pub struct Table {
    program: &'static str,
    rows: Vec<&'static Row>,
    /// What is tried, under its heading; the last one is judged.
    columns: Vec<(String, Subject)>,
}

impl Table {
    pub fn new(program: &'static str, columns: Vec<(String, Subject)>) -> Self {
        Self { program, rows: rows_of(program), columns }
    }

    /// Returns what is to be tried, cell by cell.
    pub fn tasks(&self) -> Vec<(&Row, &Subject)> {
        let mut tasks = Vec::new();
        for row in &self.rows {
            tasks.extend(self.columns.iter().map(|(_, subject)| (*row, subject)));
        }
        tasks
    }

    /// Prints it when the verdict on each cell is there, and says whether all rows hold.
    pub fn print(&self, verdicts: &mut dyn Iterator<Item = Verdict>) -> io::Result<bool> {
        // The first cell at once, so that it is known early whether anything can be printed.
        let mut out = io::stdout().lock();
        write!(out, "{}", self.program)?;
        out.flush()?;
        let (columns, cells) = (self.columns.len(), self.rows.len() * self.columns.len());
        let mut known = Vec::new();
        for count in 0..cells {
            progress(&format!(" {count}/{cells} ..."));
            known.extend(verdicts.next());
        }
        progress("");
        let headings = self.columns.iter().map(|(heading, _)| heading.clone());
        let program = self.program.to_owned();
        let mut lines = vec![iter::once(program).chain(headings).collect()];
        for (row, verdicts) in self.rows.iter().zip(known.chunks(columns)) {
            let cells = verdicts.iter().map(|verdict| match verdict {
                Ok(()) => "yes".to_owned(),
                Err(instead) => instead.to_string(),
            });
            lines.push(iter::once(row.name.to_owned()).chain(cells).collect());
        }
        out.write_all(&formatted(&lines).as_bytes()[self.program.len()..])?;
        if known.iter().any(was_not_tried) {
            let note = "What was not tried counts neither for nor against a program.";
            writeln!(out, "{note}")?;
        }
        let mut judged = known.iter().skip(columns - 1).step_by(columns);
        // Where nothing could be tried, nothing holds.
        let some_hold = judged.clone().any(Result::is_ok);
        Ok(some_hold && judged.all(|verdict| verdict.is_ok() || was_not_tried(verdict)))
    }
}

fn was_not_tried(verdict: &Verdict) -> bool {
    matches!(verdict, Err(Instead::NotTried(_)))
}

/// Writes how far it is behind the cursor of the terminal, if there is one.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\x1b7\x1b[K{text}\x1b8");
    }
}

/// Returns the lines with their cells below each other.
fn formatted(lines: &[Vec<String>]) -> String {
    let widths = widths(lines);
    let mut table = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| {
            let cell = cut(cell, *width);
            let padding = " ".repeat(width + GAP - display_width(&cell));
            cell + &padding
        });
        table += cells.collect::<String>().trim_end();
        table += "\n";
    }
    table
}

/// Gives each column what its longest cell needs. What is too much is taken from the first ones:
/// the last one is the one that is judged, and is cut on a terminal only.
fn widths(lines: &[Vec<String>]) -> Vec<usize> {
    let mut widths = vec![0; lines[0].len()];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = display_width(cell).clamp(*width, WIDEST);
        }
    }
    let terminal = terminal_size_of(io::stdout()).map(|(Width(width), _)| width.into());
    let end = widths.len() - usize::from(terminal.is_none());
    for column in 1..end {
        let all = widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
        let too_much = all.saturating_sub(terminal.unwrap_or(DEFAULT_WIDTH));
        let narrow = widths[column].min(NARROWEST);
        widths[column] = widths[column].saturating_sub(too_much).max(narrow);
    }
    widths
}

/// Cuts a text that is too wide, and marks the cut.
fn cut(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    // From the front, since what a program has printed can be long.
    let mut room = width.saturating_sub("...".len());
    let fits = |character: &char| {
        let needed = display_width(character.encode_utf8(&mut [0; 4]));
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    text.chars().take_while(fits).collect::<String>() + "..."
}
