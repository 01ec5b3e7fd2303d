//! The tests of the four programs: whole processes, real sockets, exact bytes.

#[cfg(target_os = "linux")]
mod command_line;
mod compare;
mod crowd;
mod demo;
mod differences;
mod documents;
mod injected_errors;
mod narration;
mod output;
mod pairs;
mod rows_hold;
#[cfg(unix)] // elsewhere a descriptor is any number
mod stepping;
mod survival;

#[cfg(not(target_os = "linux"))]
#[test]
fn tests_that_need_linux_are_skipped() {
    use std::io::Write;

    // Past the test harness, which hides what a test prints unless it fails.
    let _ = writeln!(std::io::stderr(), "skipped: all tests that need Linux");
}
