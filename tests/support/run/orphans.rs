//! The processes that a program has started and left behind, as daemons are. Only Linux tells which.

use std::fs;
use std::process::{self, Child, Stdio};
use std::sync::LazyLock;
use std::time::SystemTime;

use crate::run::system::setsid;

/// Kills all that this process has started when it is dropped.
pub struct Orphans {
    /// Does the same when this process is killed: then its standard input ends.
    _guard: Option<Child>,
}

/// The name of the variable by which the guard knows what this process has started.
pub const MARK: &str = "STARTED_BY";

/// Returns the value of the variable.
pub fn mark() -> &'static str {
    static MARK: LazyLock<String> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}", process::id(), now.as_nanos())
    });
    &MARK
}

/// Waits for the end of its input, and kills all that has the variable: children of children, too.
const GUARD: &str = r#"
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    for process in $(grep -lsz "^$0\$" /proc/[0-9]*/environ); do
        process=${process#/proc/}
        kill -KILL "${process%/environ}"
    done
    sleep 0.05 # what is just being started does not show its variables yet
done
"#;

impl Orphans {
    /// Makes this process the parent of those whose own parents end, so that it can find them.
    pub fn adopt() -> Self {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{getpid, set_child_subreaper};
            let _ = set_child_subreaper(Some(getpid())); // or the system is too old for it
        }
        Self { _guard: start_guard() }
    }
}

impl Drop for Orphans {
    fn drop(&mut self) {
        kill_children();
    }
}

/// Starts the guard in a session of its own, so that no key of the terminal ends it.
fn start_guard() -> Option<Child> {
    if !cfg!(target_os = "linux") {
        return None; // nothing tells there what has the variable
    }
    let mut command = setsid()?;
    command.args(["sh", "-c", GUARD, &format!("{MARK}={}", mark())]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok()
}

/// Kills all that this process has started, and all that it has adopted.
pub fn kill_children() {
    // Killing a parent makes its children ours, so this goes on until there are none, or for as
    // long as anybody could take for reasonable.
    #[cfg(unix)]
    for _ in 0..1000 {
        use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

        let children = children(process::id());
        if children.is_empty() {
            return;
        }
        for (child, _) in children {
            let child = child.try_into().ok().and_then(Pid::from_raw);
            let _ = child.map(|child| kill_process(child, Signal::KILL));
            // It does not wait: a process that another one traces can stay for ever.
            let _ = waitpid(child, WaitOptions::NOHANG);
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Returns whether every thread of a group sleeps: nothing that was begun is still under way.
pub fn group_sleeps(group: u32) -> bool {
    let is_asleep =
        |thread: String| state_and_group(&thread).is_none_or(|(state, _)| "SIZXT".contains(state));
    // All of /proc would tell the same, but to read it takes a hundred times as long.
    let mut processes = children(process::id());
    processes.retain(|(_, its_group)| *its_group == group);
    while let Some((process, _)) = processes.pop() {
        if !threads(process).into_iter().all(is_asleep) {
            return false;
        }
        processes.extend(children(process).into_iter().filter(|child| child.1 == group));
    }
    true
}

/// Returns the children of a process, each with its group.
fn children(process: u32) -> Vec<(u32, u32)> {
    let mut children = Vec::new();
    for thread in threads(process) {
        let ids = fs::read_to_string(thread + "/children").unwrap_or_default();
        for id in ids.split_whitespace() {
            let group = state_and_group(&format!("/proc/{id}")).map(|(_, group)| group);
            children.extend(id.parse().ok().zip(group));
        }
    }
    children
}

/// Returns the folders of a process's threads.
fn threads(process: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    threads.map(|thread| thread.path().display().to_string()).collect()
}

/// Returns the state and the group of a process or of one of its threads: see `proc_pid_stat(5)`.
fn state_and_group(folder: &str) -> Option<(char, u32)> {
    let stat = fs::read(format!("{folder}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let _parent = fields.next()?;
    Some((state, fields.next()?.parse().ok()?))
}
