//! A thread for each client, and a limit on how many.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use log::warn;

use crate::error::Result;

/// How many clients are served at once. A thread takes 4 of the 65,530 memory maps that Linux
/// allows a process, and at about 16,000 threads the standard library aborts the process
/// (rust-lang/rust#78497).
const CLIENTS_AT_ONCE: usize = 10_000;

/// The stack of a client's thread, in bytes: ample for a conversation. The standard library's 2 MiB
/// would use up a limited address space (`ulimit -v`) eight times as fast.
const STACK: usize = 256 * 1024;

static CLIENTS: Mutex<usize> = Mutex::new(0);
static A_CLIENT_HAS_LEFT: Condvar = Condvar::new();

/// Runs the conversation with the client `peer` in a thread of its own, and logs an error that ends
/// it.
///
/// Returns as soon as there is room for another client: at once, unless 10,000 are being served.
/// The next ones then wait in the listening socket's queue until one leaves. If the system refuses
/// a thread, that is logged, and the client is turned away.
pub fn start_thread(peer: SocketAddr, conversation: impl FnOnce() -> Result<()> + Send + 'static) {
    let counted = CountedClient::new();
    let run = move || {
        let _counted = counted;
        if let Err(error) = conversation() {
            warn!("{peer}: {error}");
        }
    };
    if let Err(error) = thread::Builder::new().stack_size(STACK).spawn(run) {
        warn!("{peer}: no thread for this client: {error}");
    }
    wait_for_room();
}

fn wait_for_room() {
    let full = |clients: &mut usize| *clients >= CLIENTS_AT_ONCE;
    let room = A_CLIENT_HAS_LEFT.wait_while(clients(), full);
    drop(room.unwrap_or_else(PoisonError::into_inner));
}

fn clients() -> MutexGuard<'static, usize> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a client for as long as it exists.
struct CountedClient;

impl CountedClient {
    fn new() -> Self {
        *clients() += 1;
        Self
    }
}

impl Drop for CountedClient {
    fn drop(&mut self) {
        *clients() -= 1;
        A_CLIENT_HAS_LEFT.notify_one();
    }
}
