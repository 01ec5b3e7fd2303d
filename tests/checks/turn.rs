//! Turns of the tests that keep a CPU busy: a browser's page, a lesson that is recorded, rows that are tried. There is one
//! turn for each CPU; with more of them at a time each would be late. The others mostly wait.

use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A turn, as long as it is kept.
pub struct Turn;

static TURNS: LazyLock<(Sender<Turn>, Mutex<Receiver<Turn>>)> = LazyLock::new(|| {
    let (give, take) = mpsc::channel();
    let count = thread::available_parallelism().map_or(1, NonZero::get);
    (0..count).for_each(|_| give.send(Turn).expect("it is kept"));
    (give, Mutex::new(take))
});

impl Turn {
    /// Waits for a turn. A test has one at a time, and takes it before it starts what would have to wait with it.
    pub fn wait() -> Self {
        let turns = TURNS.1.lock().expect("no thread panics while it holds this");
        turns.recv().expect("turns are given back")
    }

    /// Waits for the turn of rows, many of which are tried at the same time: one test has it.
    pub fn wait_for_rows() -> (MutexGuard<'static, ()>, Self) {
        static ROWS: Mutex<()> = Mutex::new(());
        (ROWS.lock().unwrap_or_else(PoisonError::into_inner), Self::wait())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = TURNS.0.send(Self);
    }
}
