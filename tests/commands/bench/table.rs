//! The table: a row compares the figures of the two languages.

use std::io::{self, Write};

/// Which figures are good.
#[derive(Clone, Copy)]
pub enum Better {
    More,
    Less,
}

pub fn print_heading(rounds: usize) -> io::Result<()> {
    let name = match rounds {
        1 => "a trial: the figures mean nothing".to_owned(),
        _ => format!("median (min-max) of {rounds}"),
    };
    writeln!(io::stdout(), "\n{name:<36}{:>26}{:>26}   ratio", "Rust", "Python")
}

/// Prints the figures of Rust and of Python: one each round, or none where it cannot be measured.
pub fn print_row(name: &str, better: Better, figures: [Vec<f64>; 2]) -> io::Result<()> {
    let [rust, python] = figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures
    });
    let ratio = match (median(&rust), median(&python), better) {
        (Some(rust), Some(python), Better::More) => rust / python,
        (Some(rust), Some(python), Better::Less) => python / rust,
        _ => f64::NAN,
    };
    let row = format!("{name:<36}{:>26}{:>26}", summary(&rust), summary(&python));
    if ratio.is_nan() {
        return writeln!(io::stdout(), "{row}");
    }
    writeln!(io::stdout(), "{row} {ratio:>7.2} {}", bar(ratio))
}

fn summary(sorted: &[f64]) -> String {
    match (sorted.first(), median(sorted), sorted.last()) {
        (Some(min), Some(median), Some(max)) => {
            format!("{} ({}-{})", shown(median), shown(*min), shown(*max))
        }
        _ => "-".to_owned(),
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

/// Returns about three digits.
fn shown(figure: f64) -> String {
    match figure {
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// Returns a bar of three characters for each time; the longest means ten times or more.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn bar(ratio: f64) -> String {
    let length = (ratio * 3.0).round().clamp(1.0, 30.0) as usize;
    "#".repeat(length)
}
