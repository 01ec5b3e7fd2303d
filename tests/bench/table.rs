//! The table: a row compares our figures with those of a rival.

/// The longest bar, in characters; it stands for a ratio of ten or more.
const LONGEST_BAR: usize = 30;

/// Which figures are good.
#[derive(Clone, Copy)]
pub enum Better {
    More,
    Less,
}

/// The figures of one measurement, as many as there were rounds.
pub struct Row {
    name: String,
    better: Better,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

pub fn print_heading(rounds: usize, rival: &str) {
    let name = match rounds {
        1 => "a trial: the figures mean nothing".to_owned(),
        _ => format!("median (min-max) of {rounds}"),
    };
    println!("\n{name:<36}{:>26}{rival:>26}   ratio", "Rust");
}

impl Row {
    pub fn new(name: &str, better: Better) -> Self {
        Self { name: name.to_owned(), better, ours: Vec::new(), theirs: Vec::new() }
    }

    /// Adds a figure of ours, if it could be measured.
    pub fn add_ours(&mut self, figure: Option<f64>) {
        self.ours.extend(figure);
    }

    /// Adds a figure of the rival's, if there is a rival and it could be measured.
    pub fn add_theirs(&mut self, figure: Option<f64>) {
        self.theirs.extend(figure);
    }

    pub fn print(mut self) {
        self.ours.sort_by(f64::total_cmp);
        self.theirs.sort_by(f64::total_cmp);
        let (ours, theirs) = (summary(&self.ours), summary(&self.theirs));
        print!("{:<36}{ours:>26}{theirs:>26}", self.name);
        let ratio = match (median(&self.ours), median(&self.theirs), self.better) {
            (Some(ours), Some(theirs), Better::More) => ours / theirs,
            (Some(ours), Some(theirs), Better::Less) => theirs / ours,
            _ => return println!(),
        };
        println!(" {ratio:>7.2} {}", bar(ratio));
    }
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

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn bar(ratio: f64) -> String {
    let length = (ratio * 3.0).round().clamp(1.0, 30.0) as usize;
    "#".repeat(length.min(LONGEST_BAR))
}
