//! For how long this process was stopped (Ctrl-Z, or a machine that sleeps): that time counts for
//! nobody.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);

static STOPPED: AtomicU64 = AtomicU64::new(0);

/// Returns for how long this process has been stopped since it was first asked.
pub fn so_far() -> Duration {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without this thread it counts as never stopped.
        let _ = thread::Builder::new().spawn(watch);
    });
    Duration::from_millis(STOPPED.load(Ordering::Relaxed))
}

fn watch() {
    loop {
        let begun = Instant::now();
        thread::sleep(TICK);
        let late = begun.elapsed().saturating_sub(TICK);
        // A busy machine wakes it later, too, but not by so much.
        if late > 5 * TICK {
            let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            STOPPED.fetch_add(late, Ordering::Relaxed);
        }
    }
}
