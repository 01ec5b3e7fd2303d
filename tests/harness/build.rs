//! Where the programs are.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use escargot::CargoBuild;
use escargot::format::Message;

/// Returns the path of one of the workspace's programs, which is built first if it has to be.
///
/// # Errors
///
/// Says that it does not compile; why, cargo has then said on standard error.
pub fn path_of(program: &str) -> Result<&'static Path, String> {
    static PROGRAMS: LazyLock<Result<HashMap<String, PathBuf>, String>> =
        LazyLock::new(|| build(&["--workspace", "--bins"]));
    let programs = PROGRAMS.as_ref().map_err(String::clone)?;
    let path = programs.get(program);
    path.map(PathBuf::as_path)
        .ok_or_else(|| format!("the workspace has no program {program}"))
}

/// Has cargo build programs, for it does not build those of other packages for a test, and returns
/// their names and paths.
///
/// They are built as this process was, debug or release, and beside it: it stands in a folder of
/// `target/debug` or `target/release`. What the compiler says goes to standard error.
///
/// # Errors
///
/// Says that they do not compile; why, cargo has then said on standard error.
pub fn build(which: &[&str]) -> Result<HashMap<String, PathBuf>, String> {
    let this = env::current_exe().expect("a running process has a path");
    let target = this
        .ancestors()
        .nth(3)
        .expect("cargo puts it three folders deep");
    let output = CargoBuild::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .args(which)
        .current_release()
        .target_dir(target)
        .into_command()
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err("the programs do not compile".to_owned());
    }
    let mut programs = HashMap::new();
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    for message in messages.lines() {
        let message = serde_json::from_str(message).expect("cargo speaks its own format");
        if let Message::CompilerArtifact(artifact) = message {
            let name = artifact.target.name.into_owned();
            programs.extend(artifact.executable.map(|path| (name, path.into_owned())));
        }
    }
    Ok(programs)
}
