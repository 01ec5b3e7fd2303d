//! What a process has started ends with it, however it ends: even killed.
//!
//! A command of this package runs with [`own_processes`], and the kernel kills whatever is left of them. Elsewhere, in
//! the tests for example, a guard outlives the process and kills the groups that it has left.

use std::env;
use std::io::Write;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::LazyLock;

use crate::run::system::own_processes;

/// The variable by which a command knows that the kernel ends what it starts.
const CONTAINED: &str = "CONTAINED";

/// Runs a command's `main` so that nothing of what it starts outlives it, not even a daemon: where the system permits
/// it, this process only waits for another one, which runs `main` among processes of its own.
pub fn contained(main: impl FnOnce() -> ExitCode) -> ExitCode {
    let (false, Some(mut command), Ok(this)) =
        (is_contained(), own_processes(), env::current_exe())
    else {
        return main();
    };
    command.arg(this).args(env::args_os().skip(1)).env(CONTAINED, "1");
    let Ok(status) = command.status() else {
        return main();
    };
    let status = status.code().and_then(|status| u8::try_from(status).ok());
    status.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Returns whether this process runs among processes of its own.
pub fn is_contained() -> bool {
    env::var_os(CONTAINED).is_some()
}

/// Reads which groups run, `+` and a number, and which have ended, `-` and a number, and at the end of its input kills
/// those that still run.
const GUARD: &str = r#"
groups=' '
while read -r sign group; do
    case $sign in
        +) groups="$groups$group " ;;
        -) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -KILL "-$group"; done
"#;

/// Tells the guard, if there is one, that a group runs.
pub fn guard(group: u32) {
    tell('+', group);
}

/// Tells the guard that a group has ended.
pub fn forget(group: u32) {
    tell('-', group);
}

fn tell(sign: char, group: u32) {
    static GUARD: LazyLock<Option<Child>> = LazyLock::new(start_guard);
    let input = GUARD.as_ref().and_then(|guard| guard.stdin.as_ref());
    // Whole, since other threads write too. Without the guard only a killed process leaves something behind.
    let _ = input.map(|mut input| input.write_all(format!("{sign} {group}\n").as_bytes()));
}

/// Starts the guard. Its input ends with this process, since no other one inherits the pipe.
fn start_guard() -> Option<Child> {
    if is_contained() {
        return None;
    }
    let mut command = Command::new("sh");
    // No key of the terminal is to end it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.args(["-c", GUARD]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok()
}
