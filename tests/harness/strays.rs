//! Processes that left the group in which they were started, as daemons do; only Linux finds them.

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{adopt, end, sleeps};
#[cfg(target_os = "linux")]
pub use on_linux::{adopt, end, sleeps};

#[cfg(target_os = "linux")]
mod on_linux {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use rustix::process::{
        Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, set_child_subreaper, waitpid,
    };

    /// A process, or one of its threads, as `proc_pid_stat(5)` tells it.
    struct Entry {
        folder: PathBuf,
        id: i32,
        state: char,
        parent: i32,
        group: i32,
    }

    fn entries(folder: &Path) -> Vec<Entry> {
        let folders = fs::read_dir(folder).into_iter().flatten().flatten();
        folders.filter_map(|entry| read(entry.path())).collect()
    }

    fn read(folder: PathBuf) -> Option<Entry> {
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        let stat = fs::read(folder.join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        Some(Entry {
            folder,
            id,
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    }

    /// Has processes whose parents end become children of this one, so that `end` finds them.
    pub fn adopt() {
        let _ = set_child_subreaper(Some(getpid())); // or the system is too old for it
    }

    /// Kills the adopted processes that belong to none of the running groups, and all that they
    /// have started.
    pub fn end(running: &BTreeSet<u32>) {
        let this = getpid().as_raw_nonzero().get();
        let own_group = getpgrp().as_raw_nonzero().get();
        // Killing a parent hands its children over, so this goes on until there are none, or for
        // as long as anybody could take for reasonable.
        for _ in 0..1000 {
            let mut strays = entries(Path::new("/proc"));
            strays.retain(|entry| {
                let is_expected = |group: u32| running.contains(&group);
                entry.parent == this
                    && entry.group != own_group
                    && !entry.group.try_into().is_ok_and(is_expected)
            });
            if strays.is_empty() {
                return;
            }
            for pid in strays.iter().filter_map(|stray| Pid::from_raw(stray.id)) {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }

    /// Returns whether every thread of a group sleeps: nothing that was begun is still under way.
    pub fn sleeps(group: u32) -> bool {
        let mut processes = entries(Path::new("/proc"));
        processes.retain(|process| process.group.try_into() == Ok(group));
        let mut threads =
            processes.iter().flat_map(|process| entries(&process.folder.join("task")));
        threads.all(|thread| "SIZXT".contains(thread.state))
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::collections::BTreeSet;

    pub fn adopt() {}

    pub fn end(_running: &BTreeSet<u32>) {}

    pub fn sleeps(_group: u32) -> bool {
        true
    }
}
