//! The processes that a program has started and left behind, as daemons are. Only Linux tells which.

use std::fs;
use std::process;

/// Kills all that this process has started when it is dropped.
pub struct Orphans;

impl Orphans {
    /// Makes this process the parent of those whose own parents end, so that it can find them.
    pub fn adopt() -> Self {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{getpid, set_child_subreaper};
            let _ = set_child_subreaper(Some(getpid())); // or the system is too old for it
        }
        Self
    }
}

impl Drop for Orphans {
    fn drop(&mut self) {
        kill_children();
    }
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
            let _ = waitpid(child, WaitOptions::empty());
        }
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
