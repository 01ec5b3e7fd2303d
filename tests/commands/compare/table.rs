//! The table of one program: a row for a behaviour, a column for each language.

use std::io::{self, IsTerminal, Write};
use std::iter;
use std::time::Instant;

use terminal_size::{Width, terminal_size_of};
use textwrap::core::display_width;

use support::rows::{Failure, Reason, Row, Subject, Verdict, rows_of};

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

    /// Prints it when the verdict on each cell is there, and returns those of the judged column.
    pub fn print(
        &self,
        verdicts: &mut dyn Iterator<Item = Verdict>,
        as_json: bool,
    ) -> io::Result<Vec<Verdict>> {
        let columns = self.judge(verdicts, as_json)?;
        let mut out = io::stdout().lock();
        if as_json {
            out.write_all(self.objects(&columns).as_bytes())?;
        } else {
            let headings = self.columns.iter().map(|(heading, _)| heading.clone());
            let program = self.program.to_owned();
            let mut lines = vec![iter::once(program).chain(headings).collect()];
            for (number, row) in self.rows.iter().enumerate() {
                let cells = columns.iter().map(|verdicts| match &verdicts[number] {
                    Ok(()) => "yes".to_owned(),
                    Err(failure) => failure.to_string(),
                });
                lines.push(iter::once(row.name.to_owned()).chain(cells).collect());
            }
            out.write_all(&formatted(&lines).as_bytes()[self.program.len()..])?;
            writeln!(out, "{}: {}", self.program, summary(&columns[columns.len() - 1]))?;
        }
        Ok(columns.into_iter().next_back().unwrap_or_default())
    }

    /// Waits for the verdicts, and returns them column by column.
    fn judge(
        &self,
        verdicts: &mut dyn Iterator<Item = Verdict>,
        as_json: bool,
    ) -> io::Result<Vec<Vec<Verdict>>> {
        let begun = Instant::now();
        let mut out = io::stdout().lock();
        // The first cell at once, so that it is known early whether anything can be printed.
        out.write_all(if as_json { "" } else { self.program }.as_bytes())?;
        out.flush()?;
        let cells = self.rows.len() * self.columns.len();
        let mut columns = vec![Vec::new(); self.columns.len()];
        for count in 0..cells {
            let row = &self.rows[count / self.columns.len()];
            let seconds = begun.elapsed().as_secs();
            progress(&format!(" {count}/{cells}, {seconds} s: {} ...", row.name));
            columns[count % self.columns.len()].extend(verdicts.next());
        }
        progress("");
        for column in &mut columns {
            let first = column[0].clone();
            for verdict in &mut column[1..] {
                let failure = verdict.clone().map_err(|failure| failure.unless_it_is(&first));
                *verdict = failure;
            }
        }
        Ok(columns)
    }

    /// Returns a JSON object a line for each cell.
    fn objects(&self, columns: &[Vec<Verdict>]) -> String {
        let mut lines = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for ((subject, _), verdicts) in self.columns.iter().zip(columns) {
                let (verdict, expected, got) = match &verdicts[number] {
                    Ok(()) => ("yes", "", String::new()),
                    Err(Failure::No { expected, got, .. }) => {
                        ("no", expected.as_str(), got.clone())
                    }
                    Err(Failure::NotTried(reason)) => {
                        let text = Failure::NotTried(*reason).to_string();
                        let got = text.split(": ").nth(1).unwrap_or_default().to_owned();
                        let is_known = *reason == Reason::SameAsFirst;
                        (if is_known { "not judged" } else { "not tried" }, "", got)
                    }
                };
                let fields = [
                    ("program", self.program),
                    ("row", row.name),
                    ("subject", subject),
                    ("verdict", verdict),
                    ("expected", expected),
                    ("got", &got),
                ];
                let fields = fields.map(|(name, text)| format!("\"{name}\":{}", in_json(text)));
                lines += &["{", &fields.join(","), "}\n"].concat();
            }
        }
        lines
    }
}

/// Counts how many rows hold.
fn summary(verdicts: &[Verdict]) -> String {
    let count = |is_of: fn(&Verdict) -> bool| verdicts.iter().filter(|this| is_of(this)).count();
    let hold = count(Result::is_ok);
    let known = count(|verdict| matches!(verdict, Err(Failure::NotTried(Reason::SameAsFirst))));
    let not_tried = count(|verdict| matches!(verdict, Err(Failure::NotTried(_)))) - known;
    let mut summary = format!("{hold} of {} rows hold", verdicts.len());
    for (count, what) in [(not_tried, "not tried"), (known, "not judged")] {
        if count > 0 {
            summary += &[", ", &count.to_string(), " ", what].concat();
        }
    }
    summary
}

/// Returns a text as JSON writes it. It has no control characters any more.
fn in_json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
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
