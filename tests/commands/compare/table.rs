//! The table of one program: a row for a behaviour, a column for each language.

use std::io::{self, IsTerminal, Write};
use std::iter;
use std::time::Instant;

use serde::Serialize;
use terminal_size::{Width, terminal_size_of};
use textwrap::core::display_width;

use crate::options::Options;
use support::anchor_of;
use support::command_line::{EarlyEnd, misuse};
use support::rows::{Failure, Reason, Row, Subject, Verdict, rows_of};
use support::run::quoted;

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
    /// The rows that are asked for, with their numbers.
    rows: Vec<(usize, &'static Row)>,
    /// What is tried, under its heading; the last one is judged.
    columns: Vec<(String, Subject)>,
}

/// What came of a table.
#[derive(Serialize)]
pub struct Judged {
    program: &'static str,
    /// The heading of the judged column.
    subject: String,
    hold: usize,
    rows: usize,
    points: u32,
    /// What the rows are worth, without those that the program makes impossible.
    of: u32,
    cells: Vec<Cell>,
    /// Those of the judged column.
    #[serde(skip)]
    pub verdicts: Vec<Verdict>,
}

#[derive(Serialize)]
struct Cell {
    row: usize,
    name: &'static str,
    points: u32,
    subject: String,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What it says in place of the original's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
}

impl Table {
    pub fn new(
        program: &'static str,
        columns: Vec<(String, Subject)>,
        asked: Option<&str>,
    ) -> Result<Self, EarlyEnd> {
        let rows = (1..).zip(rows_of(program));
        let is_asked = |(number, row): &(usize, &Row)| {
            asked.is_none_or(|asked| asked == row.name || asked == number.to_string())
        };
        let rows: Vec<_> = rows.filter(is_asked).collect();
        match asked {
            Some(asked) if rows.is_empty() => misuse(format!("{program} has no row {asked}")),
            _ => Ok(Self { program, rows, columns }),
        }
    }

    /// Returns what is to be tried, cell by cell.
    pub fn tasks(&self) -> Vec<(&Row, &Subject)> {
        let mut tasks = Vec::new();
        for (_, row) in &self.rows {
            tasks.extend(self.columns.iter().map(|(_, subject)| (*row, subject)));
        }
        tasks
    }

    /// Prints it when the verdict on each cell is there, and returns what came of it.
    pub fn print(
        &self,
        verdicts: &mut dyn Iterator<Item = Verdict>,
        options: &Options,
    ) -> io::Result<Judged> {
        let lines = self.judge(verdicts, options)?;
        let judged = self.judged(&lines);
        if options.as_json {
            return Ok(judged);
        }
        let headings = self.columns.iter().map(|(heading, _)| heading.clone());
        let mut table = vec![iter::once(self.program.to_owned()).chain(headings).collect()];
        for ((number, row), line) in self.rows.iter().zip(&lines) {
            let points =
                if options.with_points { format!(" ({})", row.points) } else { String::new() };
            let label = format!("{number:>2} {}{points}", row.name);
            let cells = line.iter().zip(&self.columns).map(|(verdict, (_, subject))| {
                let mark = if is_marked(subject, *number) { "*" } else { "" };
                match verdict {
                    Ok(()) => format!("yes{mark}"),
                    Err(failure) => failure.to_string().replacen("no:", &format!("no{mark}:"), 1),
                }
            });
            table.push(iter::once(label).chain(cells).collect());
        }
        let mut out = io::stdout().lock();
        out.write_all(&formatted(&table).as_bytes()[self.program.len()..])?;
        if let Some(says) = self.judged_subject().says.as_deref() {
            writeln!(out, "* with its own words, {}", quoted(says))?;
        }
        let points = format!(", {} of {} points", judged.points, judged.of);
        let points = if options.with_points { points.as_str() } else { "" };
        writeln!(out, "{}: {}{points}", self.program, judged.summary())?;
        self.lead_on(&judged.verdicts, &mut out)?;
        Ok(judged)
    }

    /// Says where to go on: at the first row that does not hold, in full.
    fn lead_on(&self, verdicts: &[Verdict], out: &mut impl Write) -> io::Result<()> {
        let first = verdicts.iter().zip(&self.rows).find_map(|(verdict, (number, row))| {
            let failure = verdict.as_ref().err()?;
            matches!(failure, Failure::No { .. }).then_some((number, row.name, failure))
        });
        match first {
            None => writeln!(out, "What each row asks: docs/rows.md"),
            Some((number, name, failure)) => writeln!(
                out,
                "Begin with row {number}: {}\nWhat it asks, and how to fix it: docs/rows.md#{}",
                failure.to_string().trim_start_matches("no: "),
                anchor_of(name)
            ),
        }
    }

    /// Waits for the verdicts, and returns them line by line.
    fn judge(
        &self,
        verdicts: &mut dyn Iterator<Item = Verdict>,
        options: &Options,
    ) -> io::Result<Vec<Vec<Verdict>>> {
        let begun = Instant::now();
        let mut out = io::stdout().lock();
        // The first cell at once, so that it is known early whether anything can be printed.
        out.write_all(if options.as_json { "" } else { self.program }.as_bytes())?;
        out.flush()?;
        let mut lines: Vec<Vec<Verdict>> = Vec::new();
        for (_, row) in &self.rows {
            let (count, seconds) = (lines.len(), begun.elapsed().as_secs());
            progress(&format!(" {count}/{}, {seconds} s: {} ...", self.rows.len(), row.name));
            let mut line: Vec<Verdict> = verdicts.take(self.columns.len()).collect();
            if let ([.., Err(rust), own], true) = (&mut line[..], self.has_own()) {
                if matches!(rust, Failure::No { .. } | Failure::NotTried(Reason::TooSlow)) {
                    *own = Err(Failure::NotTried(Reason::RustNeither));
                }
            }
            for (column, verdict) in line.iter_mut().enumerate() {
                let earlier = self.rows.iter().zip(&lines).find(|((first, _), line)| {
                    match (&*verdict, &line[column]) {
                        (Err(this), Err(earlier)) => this.is_same_as(earlier, *first == 1),
                        _ => false,
                    }
                });
                if let Some(((row, _), _)) = earlier {
                    *verdict = Err(Failure::NotTried(Reason::See(*row)));
                }
            }
            let is_no = matches!(line.last(), Some(Err(Failure::No { .. })));
            lines.push(line);
            if is_no && options.only_to_first_no {
                break;
            }
        }
        progress("");
        Ok(lines)
    }

    /// Returns whether a learner's program is judged, beside the one in Rust.
    fn has_own(&self) -> bool {
        self.columns.iter().rev().nth(1).is_some_and(|(heading, _)| heading == "Rust")
    }

    fn judged_subject(&self) -> &Subject {
        &self.columns[self.columns.len() - 1].1
    }

    fn judged(&self, lines: &[Vec<Verdict>]) -> Judged {
        let mut cells = Vec::new();
        for ((number, row), line) in self.rows.iter().zip(lines) {
            for ((heading, subject), verdict) in self.columns.iter().zip(line) {
                let (word, expected, got, why) = match verdict {
                    Ok(()) => ("yes", None, None, None),
                    Err(Failure::No { expected, got, .. }) => {
                        ("no", Some(expected.clone()), Some(got.clone()), None)
                    }
                    Err(failure @ Failure::NotTried(Reason::See(_))) => {
                        ("not judged", None, None, Some(failure.to_string()))
                    }
                    Err(failure) => {
                        let why = failure.to_string().replace("not tried: ", "");
                        ("not tried", None, None, Some(why))
                    }
                };
                let says = subject.says.as_deref().filter(|_| is_marked(subject, *number));
                cells.push(Cell {
                    row: *number,
                    name: row.name,
                    points: row.points,
                    subject: heading.clone(),
                    verdict: word,
                    expected,
                    got,
                    why,
                    says: says.map(quoted),
                });
            }
        }
        let verdicts: Vec<Verdict> = lines.iter().filter_map(|line| line.last()).cloned().collect();
        let worth = |counts: fn(&Verdict) -> bool| {
            let rows = self.rows.iter().zip(&verdicts).filter(|(_, verdict)| counts(verdict));
            rows.map(|((_, row), _)| row.points).sum()
        };
        Judged {
            program: self.program,
            subject: self.columns[self.columns.len() - 1].0.clone(),
            hold: verdicts.iter().filter(|verdict| verdict.is_ok()).count(),
            rows: verdicts.len(),
            points: worth(Result::is_ok),
            of: worth(|verdict| !matches!(verdict, Err(Failure::NotTried(Reason::Impossible(_))))),
            cells,
            verdicts,
        }
    }
}

impl Judged {
    /// Counts how many rows hold.
    fn summary(&self) -> String {
        let count =
            |is_of: fn(&Verdict) -> bool| self.verdicts.iter().filter(|this| is_of(this)).count();
        let known = count(|verdict| matches!(verdict, Err(Failure::NotTried(Reason::See(_)))));
        let not_tried = count(|verdict| matches!(verdict, Err(Failure::NotTried(_)))) - known;
        let mut summary = format!("{} of {} rows hold", self.hold, self.rows);
        for (count, what) in [(not_tried, "not tried"), (known, "not judged")] {
            if count > 0 {
                summary += &[", ", &count.to_string(), " ", what].concat();
            }
        }
        summary
    }
}

/// Returns whether a row takes a program's own words for the original's: all do but the first one, which asks for these.
fn is_marked(subject: &Subject, row: usize) -> bool {
    subject.says.is_some() && row > 1
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
