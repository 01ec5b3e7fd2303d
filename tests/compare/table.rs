//! The table: a row for a behaviour, a column for a program.

use std::collections::BTreeMap;
use std::io::{self, Write};

use terminal_size::{Width, terminal_size};
use textwrap::core::display_width;

use crate::rows::{Instead, Row, Subject, Verdict};

/// The width, in characters, where there is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// Below this width a column says nothing.
const NARROWEST: usize = 12;

const GAP: usize = 2;

/// What one program did.
pub struct Column {
    heading: String,
    pub subject: Option<Subject>,
    /// The verdict on each row that was tried.
    pub verdicts: BTreeMap<usize, Verdict>,
}

impl Column {
    pub fn new(heading: String, subject: Option<Subject>) -> Self {
        Self {
            heading,
            subject,
            verdicts: BTreeMap::new(),
        }
    }

    /// Returns whether no row was seen not to hold.
    pub fn holds(&self) -> bool {
        let mut verdicts = self.verdicts.values();
        verdicts.all(|verdict| matches!(verdict, Ok(()) | Err(Instead::NotTried(_))))
    }

    fn cell(&self, row: usize) -> String {
        match self.verdicts.get(&row) {
            Some(Ok(())) => "yes".to_owned(),
            Some(Err(Instead::Happened(what) | Instead::Lost(what))) => format!("no: {what}"),
            Some(Err(Instead::NotTried(why))) => format!("not tried: {why}"),
            None => "-".to_owned(),
        }
    }
}

/// Prints the table of one program, as wide as the terminal at most.
pub fn print(program: &str, rows: &[Row], columns: &[Column]) -> io::Result<()> {
    let mut lines = vec![vec![program.to_owned()]];
    lines[0].extend(columns.iter().map(|column| column.heading.clone()));
    for (number, row) in rows.iter().enumerate() {
        let cells = columns.iter().map(|column| column.cell(number));
        lines.push([row.name.to_owned()].into_iter().chain(cells).collect());
    }
    let widths = widths(&lines);
    let mut out = io::stdout().lock();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| {
            let cell = cut(cell, *width);
            let padding = " ".repeat(width + GAP - display_width(&cell));
            cell + &padding
        });
        writeln!(out, "{}", cells.collect::<String>().trim_end())?;
    }
    let not_tried = columns.iter().flat_map(|column| column.verdicts.values());
    if not_tried
        .into_iter()
        .any(|verdict| matches!(verdict, Err(Instead::NotTried(_))))
    {
        writeln!(
            out,
            "What was not tried counts neither for nor against a program."
        )?;
    }
    Ok(())
}

/// Gives each column what its longest cell needs. What is too much is taken from the first ones:
/// the last one is the one that is judged.
fn widths(lines: &[Vec<String>]) -> Vec<usize> {
    let terminal = terminal_size().map_or(DEFAULT_WIDTH, |(Width(width), _)| width.into());
    let mut widths = vec![0; lines[0].len()];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = display_width(cell).max(*width);
        }
    }
    let all = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
    for column in 1..widths.len() {
        let too_much = all(&widths).saturating_sub(terminal);
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
