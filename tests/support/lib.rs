//! What the tests and the commands share.
//!
//! [`run`] starts programs and plays the peer, [`rows`] holds the behaviours of the four programs, and [`session`]
//! what is recorded of real runs.

// Only the tests and commands of this workspace use it: plain names say enough, and panics end a test.
#![allow(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc)]
#![allow(clippy::must_use_candidate, clippy::return_self_not_must_use)]

pub mod command_line;
pub mod rows;
pub mod run;
pub mod session;

use std::path::Path;

/// Returns the folder of the project.
pub fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate is in tests/support")
}

/// Returns the anchor that GitHub makes of a heading.
pub fn anchor_of(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
