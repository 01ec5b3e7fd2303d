//! Where the programs are.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use escargot::CargoBuild;
use escargot::format::Message;

/// Gives the path of one of the workspace's programs, which is built first if it has to be.
pub fn path_of(program: &str) -> &'static Path {
    static PROGRAMS: LazyLock<HashMap<String, PathBuf>> =
        LazyLock::new(|| build(&["--workspace", "--bins"]));
    PROGRAMS
        .get(program)
        .unwrap_or_else(|| panic!("the workspace has no program {program}"))
}

/// Has cargo build programs, for it does not build those of other packages for a test, and gives
/// their names and paths.
///
/// They are built as this process was, debug or release, and beside it: it stands in a folder of
/// `target/debug` or `target/release`.
pub fn build(which: &[&str]) -> HashMap<String, PathBuf> {
    let this = env::current_exe().expect("a running process has a path");
    let target = this
        .ancestors()
        .nth(3)
        .expect("cargo puts it three folders deep");
    let messages = CargoBuild::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .args(which)
        .current_release()
        .target_dir(target)
        .exec()
        .unwrap_or_else(|error| panic!("cargo does not build the programs: {error}"));
    let mut programs = HashMap::new();
    for message in messages {
        let message = message.unwrap_or_else(|error| panic!("cargo stopped building: {error}"));
        let message = message.decode().expect("cargo speaks its own format");
        if let Message::CompilerArtifact(artifact) = message {
            let name = artifact.target.name.into_owned();
            programs.extend(artifact.executable.map(|path| (name, path.into_owned())));
        }
    }
    programs
}
