//! The tests of the four programs and of the tools: whole processes, real sockets, exact bytes.

#[cfg(target_os = "linux")]
mod browser;
#[cfg(target_os = "linux")]
mod reliance;
#[cfg(target_os = "linux")]
mod turn;

mod programs {
    mod command_line;
    #[cfg(target_os = "linux")]
    mod injected_errors;
    mod lingering;
    mod narration;
    mod output;
    #[cfg(unix)] // elsewhere a descriptor is any number
    mod stepping;
    #[cfg(target_os = "linux")]
    mod survival;
    #[cfg(target_os = "linux")]
    mod watch;
}

#[cfg(target_os = "linux")]
mod commands {
    mod compare;
    pub mod demo;
    mod left_behind;
    mod lesson;
    mod live;
    mod own_programs;
    mod rows_hold;
}

#[cfg(target_os = "linux")]
mod pages {
    mod documents;
    pub mod page;
    mod site;
    mod solutions;
}

#[cfg(not(target_os = "linux"))]
#[test]
fn tests_that_need_linux_are_skipped() {
    use std::io::Write;

    // Past the test harness, which hides what a test prints unless it fails.
    let _ = writeln!(std::io::stderr(), "skipped: all tests that need Linux");
}
