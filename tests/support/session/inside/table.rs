//! What the kernel's table of sockets says of what is under way.

use std::time::Duration;

use crate::run;
use crate::run::sockets::{Entry, Timer};

/// Returns the kernel's sockets. How much time a timer has left says nothing of what there is to see.
pub fn sockets() -> Vec<Entry> {
    let without_time = |entry: Entry| {
        let timer = entry.timer.map(|(timer, _)| (timer, Duration::ZERO));
        Entry { timer, ..entry }
    };
    run::sockets::sockets().into_iter().map(without_time).collect()
}

/// Returns whether nothing is under way between these sockets.
pub fn is_at_rest(sockets: &[Entry]) -> bool {
    // Only a full queue leaves a SYN unanswered.
    let clients_wait = sockets.iter().any(|it| it.state == "LISTEN" && it.unread > 0);
    sockets.iter().all(|socket| is_confirmed(socket, clients_wait))
}

/// Returns whether all that a socket sent is confirmed, or cannot be: the peer's queue is full.
fn is_confirmed(socket: &Entry, clients_wait: bool) -> bool {
    let timer = socket.timer.map(|(timer, _)| timer);
    match socket.state {
        "TIME_WAIT" => true,
        "SYN_SENT" => clients_wait,
        _ => {
            timer != Some(Timer::Retransmission)
                && (socket.sent == 0 || timer == Some(Timer::Probe))
        }
    }
}

/// Returns how many bytes of a socket's the peer has not confirmed; an end of the stream counts there.
pub fn unconfirmed(socket: &Entry) -> usize {
    match socket.state {
        "SYN_SENT" | "SYN_RECV" | "LISTEN" => 0,
        "FIN_WAIT_1" | "CLOSING" | "LAST_ACK" => socket.sent.saturating_sub(1),
        _ => socket.sent,
    }
}
