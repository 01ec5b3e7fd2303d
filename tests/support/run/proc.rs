//! What Linux tells of processes: see `proc(5)`. Elsewhere there is nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// What `proc_pid_stat(5)` says of a process, or of one of its threads.
pub struct Stat {
    pub state: char,
    pub group: u32,
    pub session: u32,
    /// How long it has been on a CPU.
    pub seconds: f64,
}

/// Reads the `stat` in the folder of a process or of a thread.
pub fn stat(folder: impl AsRef<Path>) -> Option<Stat> {
    let stat = fs::read(folder.as_ref().join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name, in parentheses, can hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let hundredths = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(Stat {
        state: fields[0].chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        seconds: (hundredths(11)? + hundredths(12)?) / 100.0,
    })
}

/// Returns the folder of a process.
pub fn folder(process: u32) -> PathBuf {
    Path::new("/proc").join(process.to_string())
}

/// Lists one of a process's folders: `fd`, its descriptors, or `task`, its threads.
pub fn entries(process: u32, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(process).join(name)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Returns the children of a process.
pub fn children(process: u32) -> Vec<u32> {
    let lists = entries(process, "task").into_iter();
    let lists = lists.filter_map(|thread| fs::read_to_string(thread.join("children")).ok());
    let ids = lists.flat_map(|ids| ids.split(' ').map(str::to_owned).collect::<Vec<_>>());
    ids.filter_map(|id| id.parse().ok()).collect()
}

/// Returns whether none of the threads of a process runs.
pub fn is_asleep(process: u32) -> bool {
    entries(process, "task").iter().filter_map(stat).all(|stat| "SIZXT".contains(stat.state))
}

/// Returns whether a thread of a process waits in a function of the kernel of about this name: see `proc_pid_wchan(5)`.
pub fn waits_in(process: u32, name: &str) -> bool {
    let functions = entries(process, "task").into_iter();
    let mut functions = functions.flat_map(|thread| fs::read_to_string(thread.join("wchan")));
    functions.any(|function| function.contains(name))
}

/// Returns the processes of a session.
pub fn session(leader: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    ids.filter(|id| stat(folder(*id)).is_some_and(|stat| stat.session == leader)).collect()
}

/// Returns how many processes have a word in their command line, which no change of session, of variables or of namespace
/// takes from them.
pub fn count_with(word: &str) -> usize {
    let lines = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = lines.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(word)).count()
}
