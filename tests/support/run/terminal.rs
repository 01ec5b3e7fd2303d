//! Pseudo-terminals.
#![cfg(unix)]

use std::fs::File;
use std::io;

use rustix::fs::{Mode, OFlags, open as open_file};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// Returns both ends of a new pseudo-terminal, the reader's and the program's. What is written
/// comes out as it was written, without the carriage returns that terminals add.
///
/// # Errors
///
/// The system's, where it has no pseudo-terminals.
pub fn open() -> io::Result<(File, File)> {
    #[cfg(target_os = "linux")]
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let its = open_file(name.as_c_str(), flags, Mode::empty())?;
    let mut settings = tcgetattr(&its)?;
    settings.make_raw();
    tcsetattr(&its, OptionalActions::Now, &settings)?;
    Ok((ours.into(), its.into()))
}
