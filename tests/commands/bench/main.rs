//! Measures the programs beside their Python twins: `cargo bench [-- --quick]`.

mod load;
mod servers;
mod table;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use servers::memory;
use support::command_line::{EarlyEnd, failure, misuse, report, shown, tell};
use support::run::{Edition, NO_PYTHON, contained, programs, python};
use table::Better;

const USAGE: &str = "usage: cargo bench [-- --quick]";

const HELP: &str = "\
Measures the programs in Rust beside their Python twins.
It takes a minute, on a machine that should do nothing else.

--quick  takes a few seconds, to see that everything runs; its figures mean nothing
";

/// How often everything is done, and how much of it.
struct Extent {
    rounds: usize,
    /// In a round; closed connections stay for a minute, and must not use up the ports.
    short_exchanges: usize,
    round_trips: usize,
    starts: usize,
    waiting_clients: usize,
}

const FULL: Extent = Extent {
    rounds: 9,
    short_exchanges: 2000,
    round_trips: 20_000,
    starts: 20,
    waiting_clients: 500,
};

const QUICK: Extent =
    Extent { rounds: 1, short_exchanges: 200, round_trips: 1000, starts: 2, waiting_clients: 50 };

fn main() -> ExitCode {
    let words = env::args_os().skip(1).map(|word| shown(&word)).collect();
    contained(|| report(USAGE, run(words)))
}

fn run(mut words: Vec<String>) -> Result<ExitCode, EarlyEnd> {
    words.retain(|word| word != "--bench"); // cargo adds it
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let extent = match words.as_slice() {
        [] => &FULL,
        ["--quick"] => &QUICK,
        ["-h" | "--help"] => {
            write!(io::stdout(), "{USAGE}\n\n{HELP}")?;
            return Ok(ExitCode::SUCCESS);
        }
        [word, ..] => return misuse(format!("unknown argument '{word}'")),
    };
    programs().or_else(failure)?;
    measure(extent)?;
    if python().is_none() {
        tell(&format!("note: {NO_PYTHON}, so there is nothing to compare with"));
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(extent: &Extent) -> io::Result<()> {
    let row = |name: &str, better, figure: &dyn Fn(Edition) -> Option<f64>| {
        let mut figures = [Vec::new(), Vec::new()];
        for _ in 0..extent.rounds {
            // In turns, so that whatever slows the machine down slows both.
            figures[0].extend(figure(Edition::Rust));
            figures[1].extend(python().and_then(|_| figure(Edition::Python)));
        }
        table::print_row(name, better, figures)
    };
    let short = |edition: Edition, clients| {
        let server = servers::start(edition, "short-server");
        load::short_exchanges(&server, clients, extent.short_exchanges)
    };
    short(Edition::Rust, 4); // warms up caches and clocks, and builds what is not built

    table::print_heading(extent.rounds)?;
    for clients in [1, 4] {
        let name = format!("short exchanges/s, {clients} at a time");
        row(&name, Better::More, &|edition| Some(short(edition, clients)))?;
    }
    row("long round trips/s", Better::More, &|edition| {
        Some(load::round_trips(&servers::start(edition, "long-server"), extent.round_trips))
    })?;
    row("long-client, replies/s", Better::More, &|edition| {
        Some(load::long_client(edition, extent.round_trips))
    })?;
    let server = servers::start(Edition::Rust, "short-server");
    row("short-client, start to exit, ms", Better::Less, &|edition| {
        Some(load::short_client(edition, &server, extent.starts))
    })?;
    row("idle short-server, MB", Better::Less, &|edition| {
        Some(memory(&servers::start(edition, "short-server"))? / 1e6)
    })?;
    row("each waiting client, KiB", Better::Less, &|edition| {
        let server = servers::start(edition, "short-server");
        Some(load::memory_of_waiting_clients(&server, extent.waiting_clients)? / 1024.0)
    })
}
