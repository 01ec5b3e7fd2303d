//! For how long this process could do nothing: it was stopped (Ctrl-Z, or a machine that sleeps), or waited for a CPU.
//! That time counts for nobody.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);

/// A busy machine wakes a thread later, too, but seldom by so much.
const LATE: Duration = Duration::from_millis(500);

/// The most that waiting for a CPU is counted in all: a machine can be starved for ever.
const MOST_WAITED: Duration = Duration::from_secs(60);

static STOPPED: AtomicU64 = AtomicU64::new(0);

/// Returns for how long this process could do nothing since it was first asked.
pub fn so_far() -> Duration {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without this thread it counts as never stopped.
        let _ = thread::Builder::new().spawn(watch);
    });
    Duration::from_millis(STOPPED.load(Ordering::Relaxed))
}

fn watch() {
    let (mut stopped, mut waited, mut waited_before) =
        (Duration::ZERO, Duration::ZERO, for_a_cpu());
    loop {
        let begun = Instant::now();
        thread::sleep(TICK);
        let late = begun.elapsed().saturating_sub(TICK);
        let waits = for_a_cpu();
        if late > LATE {
            let for_a_cpu = late.min(waits.saturating_sub(waited_before));
            waited += for_a_cpu;
            stopped += late.saturating_sub(for_a_cpu);
            let all = stopped + waited.min(MOST_WAITED);
            STOPPED.store(u64::try_from(all.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        waited_before = waits;
    }
}

/// Returns for how long this thread has waited for a CPU, as far as the system tells.
fn for_a_cpu() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited = times.split(' ').nth(1).and_then(|nanoseconds| nanoseconds.parse().ok());
    waited.map_or(Duration::ZERO, Duration::from_nanos)
}
