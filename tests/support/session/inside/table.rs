//! What the kernel's table of sockets says of what is under way.

use std::time::Duration;

use crate::run::sockets::{Entry, Timer};

/// Returns sockets without the time that their timers have left: that tells no moment from another.
pub fn without_time(sockets: Vec<Entry>) -> Vec<Entry> {
    let without_time = |entry: Entry| {
        let timer = entry.timer.map(|(timer, _)| (timer, Duration::ZERO));
        Entry { timer, ..entry }
    };
    sockets.into_iter().map(without_time).collect()
}

/// Returns what a socket's kernel waits for, and for how many seconds more.
pub fn timer_of(socket: &Entry) -> Option<(String, f64)> {
    let (timer, left) = socket.timer?;
    let name = match timer {
        Timer::Retransmission => "retransmission",
        Timer::Keepalive => "keepalive",
        Timer::TimeWait => "TIME_WAIT",
        Timer::Probe => "probe",
    };
    Some((name.to_owned(), left.as_secs_f64()))
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
