//! Processes that left the group in which they were started, as daemons do; only Linux finds them.

#[cfg(not(target_os = "linux"))]
use elsewhere::adopt;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{end, sleeps};
#[cfg(target_os = "linux")]
use on_linux::adopt;
#[cfg(target_os = "linux")]
pub use on_linux::{end, sleeps};

/// Ends all that this process has started when it is dropped.
pub struct Strays;

impl Strays {
    /// Has processes whose parents end become children of this one, so that they are found.
    pub fn adopt() -> Self {
        adopt();
        Self
    }
}

impl Drop for Strays {
    fn drop(&mut self) {
        end();
    }
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::fs;

    use rustix::process::{
        Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
    };

    /// The state and the group of a process or of one of its threads: see `proc_pid_stat(5)`.
    fn state_and_group(folder: &str) -> Option<(char, u32)> {
        let stat = fs::read(format!("{folder}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.chars().next()?;
        let _parent = fields.next()?;
        Some((state, fields.next()?.parse().ok()?))
    }

    /// Returns the folders of a process's threads.
    fn threads(process: i32) -> Vec<String> {
        let threads = fs::read_dir(format!("/proc/{process}/task"));
        let threads = threads.into_iter().flatten().flatten();
        threads.map(|thread| thread.path().display().to_string()).collect()
    }

    /// Returns the children of a process, each with its group.
    fn children(process: i32) -> Vec<(i32, u32)> {
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

    pub fn adopt() {
        let _ = set_child_subreaper(Some(getpid())); // or the system is too old for it
    }

    /// Kills all that this process has started, and all that has been handed over to it.
    pub fn end() {
        // Killing a parent hands its children over, so this goes on until there are none, or for
        // as long as anybody could take for reasonable.
        for _ in 0..1000 {
            let children = children(getpid().as_raw_nonzero().get());
            if children.is_empty() {
                return;
            }
            for pid in children.into_iter().filter_map(|(child, _)| Pid::from_raw(child)) {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }

    /// Returns whether every thread of a group sleeps: nothing that was begun is still under way.
    pub fn sleeps(group: u32) -> bool {
        let is_asleep = |thread: String| {
            state_and_group(&thread).is_none_or(|(state, _)| "SIZXT".contains(state))
        };
        // All of /proc would tell the same, but to read it takes a hundred times as long.
        let mut processes = children(getpid().as_raw_nonzero().get());
        processes.retain(|(_, its_group)| *its_group == group);
        while let Some((process, _)) = processes.pop() {
            if !threads(process).into_iter().all(is_asleep) {
                return false;
            }
            processes.extend(children(process).into_iter().filter(|child| child.1 == group));
        }
        true
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    pub fn adopt() {}

    pub fn end() {}

    pub fn sleeps(_group: u32) -> bool {
        true
    }
}
