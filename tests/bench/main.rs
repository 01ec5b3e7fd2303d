//! Measures the programs beside their Python twins, and beside the barest loops:
//! `cargo bench [-- --quick]`.

mod bare;
mod load;
mod servers;
mod table;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use bare::Bare;
use harness::frame::{self, Problem, failure, misuse, shown};
use harness::{Server, programs, python_if_found};
use servers::{Edition, bare_server, memory};
use table::Better;

const USAGE: &str = "usage: cargo bench [-- --quick]";

const HELP: &str = "\
Measures the programs in Rust beside their Python twins, and beside the barest loops on sockets.
It takes a minute and a half, on a machine that should do nothing else.

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
    frame::end(USAGE, run(env::args_os().skip(1).map(|word| shown(&word)).collect()))
}

fn run(mut words: Vec<String>) -> Result<ExitCode, Problem> {
    words.retain(|word| word != "--bench"); // cargo adds it
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let extent = match words.as_slice() {
        [] => &FULL,
        ["--quick"] => &QUICK,
        ["-h" | "--help"] => {
            write!(io::stdout(), "{USAGE}\n\n{HELP}")?;
            return Ok(ExitCode::SUCCESS);
        }
        [word, ..] => {
            if let Some(bare) = Bare::ALL.into_iter().find(|bare| bare.name() == *word) {
                bare.serve().expect("a bare server serves until it is killed");
            }
            return misuse(format!("unknown argument '{word}'"));
        }
    };
    programs().or_else(failure)?;
    measure(extent, python_if_found().is_some())?;
    Ok(ExitCode::SUCCESS)
}

fn measure(extent: &Extent, has_python: bool) -> io::Result<()> {
    type Figure<'a> = &'a dyn Fn() -> Option<f64>;
    let row = |name: &str, better, ours: Figure, theirs: Figure| {
        let mut figures = [Vec::new(), Vec::new()];
        for _ in 0..extent.rounds {
            // In turns, so that whatever slows the machine down slows both.
            figures[0].extend(ours());
            figures[1].extend(theirs());
        }
        table::print_row(name, better, figures)
    };
    let beside_python = |name: &str, better, figure: &dyn Fn(Edition) -> Option<f64>| {
        let theirs = || if has_python { figure(Edition::Python) } else { None };
        row(name, better, &|| figure(Edition::Rust), &theirs)
    };
    let beside_bare = |name: &str, ours: &str, bare: Bare, load: &dyn Fn(Server) -> Option<f64>| {
        let ours = || load(Edition::Rust.server(ours));
        row(name, Better::More, &ours, &|| load(bare_server(bare)))
    };
    let short = |clients: usize| {
        move |server: Server| Some(load::short_exchanges(&server, clients, extent.short_exchanges))
    };
    let long = |server: Server| Some(load::round_trips(&server, extent.round_trips));

    // Warms up caches and clocks, and builds what is not built.
    short(4)(Edition::Rust.server("short-server"));

    table::print_heading(extent.rounds, if has_python { "Python" } else { "no python3" })?;
    for clients in [1, 4] {
        let name = format!("short exchanges/s, {clients} at a time");
        beside_python(&name, Better::More, &|edition| {
            short(clients)(edition.server("short-server"))
        })?;
    }
    beside_python("long round trips/s", Better::More, &|edition| {
        long(edition.server("long-server"))
    })?;
    beside_python("long-client, replies/s", Better::More, &|edition| {
        Some(load::long_client(edition, extent.round_trips))
    })?;
    let server = Edition::Rust.server("short-server");
    beside_python("short-client, start to exit, ms", Better::Less, &|edition| {
        Some(load::short_client(edition, &server, extent.starts))
    })?;
    beside_python("idle short-server, MB", Better::Less, &|edition| {
        Some(memory(&edition.server("short-server"))? / 1e6)
    })?;
    beside_python("each waiting client, KiB", Better::Less, &|edition| {
        let server = edition.server("short-server");
        Some(load::memory_of_waiting_clients(&server, extent.waiting_clients)? / 1024.0)
    })?;

    table::print_heading(extent.rounds, "the barest")?;
    for clients in [1, 4] {
        let name = format!("short/s, {clients} at a time, to a loop");
        beside_bare(&name, "short-server", Bare::Loop, &short(clients))?;
        let name = format!("short/s, {clients} at a time, to threads");
        beside_bare(&name, "short-server", Bare::Threads, &short(clients))?;
    }
    beside_bare("long round trips/s, to a loop", "long-server", Bare::Long, &long)
}
