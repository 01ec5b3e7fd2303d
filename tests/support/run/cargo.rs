//! Where the programs are.

use crate::root;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Returns the path of one of the workspace's programs, which is built first if it has to be.
#[track_caller]
pub fn path_of(program: &str) -> PathBuf {
    let folder = programs().expect("the programs compile");
    folder.join(format!("{program}{}", env::consts::EXE_SUFFIX))
}

/// Returns the path of what one of cargo's aliases runs, `demo` or `compare`.
#[track_caller]
pub fn path_of_alias(name: &str) -> PathBuf {
    static FOLDER: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| build(&["--package", "tests", "--examples"]));
    let folder = FOLDER.as_deref().expect("the tools compile");
    folder.join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// Returns the folder of the workspace's programs, which are built first if they have to be.
///
/// # Errors
///
/// One line; what is wrong has been written to standard error by cargo.
pub fn programs() -> Result<&'static Path, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| build(&["--workspace", "--bins"]));
    FOLDER.as_deref().map_err(Clone::clone)
}

/// Builds the workspace's programs again, whose sources may have changed.
///
/// # Errors
///
/// One line; what is wrong has been written to standard error by cargo.
pub fn build_programs() -> Result<(), String> {
    build(&["--workspace", "--bins"]).map(drop)
}

/// Builds programs with cargo, which does not build other packages' programs for a test, and
/// returns the folder in which it puts them.
///
/// They are built as this process was, debug or release, and beside it: it is in a folder of
/// `target/debug` or `target/release`.
///
/// # Errors
///
/// One line; what is wrong has been written to standard error by cargo.
fn build(which: &[&str]) -> Result<PathBuf, String> {
    let this =
        env::current_exe().map_err(|error| format!("the programs are not found: {error}"))?;
    let mut folders = this.ancestors().skip(2);
    let (Some(folder), Some(target)) = (folders.next(), folders.next()) else {
        panic!("cargo puts it three folders deep");
    };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--manifest-path"]);
    cargo.arg(root().join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target).args(which);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(folder.to_owned()),
        Ok(_) => Err("cargo cannot build the programs".to_owned()),
        Err(error) => Err(format!("the programs cannot be built: cargo: {error}")),
    }
}
