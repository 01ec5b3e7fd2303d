//! The rows of the servers.

use std::time::Duration;

use common::printable;

use super::subject::{PATIENCE, Subject, with_few_descriptors};
use super::trace::Trace;
use super::{Row, Verdict, instead, row};
use crate::harness::{Peer, free_address};

pub const SHORT: &[Row] = &[
    row("answers a message with ACK! and closes", conversation),
    row("prints the original's lines", lines),
    row("makes the original's calls in their order", calls),
    row("answers others while one client is silent", silent_client),
    row("a client leaves: serves the next", client_leaves),
    row(
        "a client leaves without a word: serves the next",
        client_leaves_at_once,
    ),
    row(
        "a client resets: one line at most, serves the next",
        client_resets,
    ),
    row(
        "a client half-closes: ACK!, then the end",
        client_half_closes,
    ),
    row(
        "a message of 300,000 bytes: ACK!, then a clean end",
        long_message,
    ),
    row(
        "half a Chinese character at byte 1024: shown",
        half_a_character,
    ),
    row("line breaks and escapes in a message: on one line", escapes),
    row("bytes that are no text: answered, none shown raw", no_text),
    row(
        "descriptors run out: loses nobody who waits",
        descriptors_run_out,
    ),
    row("starts again at once on the same address", starts_again),
    row("send takes a part of the bytes: sends the rest", short_send),
    row("stopped and continued (Ctrl-Z, fg): goes on", stopped),
];

pub const LONG: &[Row] = &[
    row(
        "answers each message of a connection with ACK!",
        conversation,
    ),
    row("prints the original's lines", lines),
    row("makes the original's calls in their order", calls),
    row(
        "a second client waits its turn, then is answered",
        second_client_waits,
    ),
    row("a client leaves: serves the next", client_leaves),
    row(
        "a client leaves without a word: serves the next",
        client_leaves_at_once,
    ),
    row(
        "a client resets: one line at most, serves the next",
        client_resets,
    ),
    row(
        "a client half-closes: one ACK!, then the end",
        client_half_closes,
    ),
    row(
        "a message of 300,000 bytes: ACK!s, then a clean end",
        long_message,
    ),
    row(
        "half a Chinese character at byte 1024: shown",
        half_a_character,
    ),
    row("line breaks and escapes in a message: on one line", escapes),
    row("bytes that are no text: answered, none shown raw", no_text),
    row("descriptors run out: loses nobody who waits", accept_fails),
    row("starts again at once on the same address", starts_again),
    row("send takes a part of the bytes: sends the rest", short_send),
    row("stopped and continued (Ctrl-Z, fg): goes on", stopped),
];

fn conversation(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        server.talk(client)?;
        if subject.is_short() {
            return Ok(());
        }
        server.talk(client)?;
        server.talk(client)?;
        server.comes_to_rest();
        if client.hears_nothing_for(Duration::from_millis(1)) {
            return Ok(());
        }
        instead("more came after the last reply")
    })
}

fn lines(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        let (address, peer, message) = (server.address, client.name()?, subject.message());
        let beginning =
            format!("[*] listening on {address}\n[*] Accepted connection from: {peer}\n");
        let received = format!("[*] Received: {message}\n");
        server.talk(client)?;
        if subject.is_short() {
            return server.has_printed(&(beginning + &received));
        }
        server.talk(client)?;
        let round = received + "[*] Sended: ACK!\n";
        server.has_printed(&(beginning + &round.repeat(2)))
    })
}

fn calls(subject: &Subject) -> Verdict {
    let trace = Trace::new()?;
    subject.serve_on(free_address(), trace.watch(), |server, client| {
        server.talk(client)?;
        client.close();
        trace.shows_server(server.address.port(), subject.is_short())
    })
}

fn silent_client(subject: &Subject) -> Verdict {
    subject.serve(|server, silent| {
        server.serves_another()?;
        server.serves_another()?;
        server.talk(silent)
    })
}

fn second_client_waits(subject: &Subject) -> Verdict {
    subject.serve(|server, first| {
        server.talk(first)?;
        let mut second = server.client()?; // the queue takes it
        second.send(subject.message())?;
        server.comes_to_rest();
        if !second.hears_nothing_for(Duration::from_millis(1)) {
            return instead("the second is served beside the first");
        }
        first.close();
        Ok(second.expect("ACK!")?)
    })
}

fn client_leaves(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        server.talk(client)?;
        client.close();
        server.serves_on()
    })
}

fn client_leaves_at_once(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        client.close();
        server.serves_on()
    })
}

fn client_resets(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        server.comes_to_rest(); // so that it waits for this client's message
        client.reset()?;
        server.serves_on()?;
        server.complains_briefly()
    })
}

fn client_half_closes(subject: &Subject) -> Verdict {
    subject.serve(|_, client| {
        client.send(subject.message())?;
        client.send_no_more()?;
        match client.rest()?.as_slice() {
            b"ACK!" => Ok(()),
            b"" => instead("the connection was closed without an answer"),
            replies => instead(format!("{} came", printable(replies))),
        }
    })
}

fn long_message(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        client.send(vec![b'x'; 300_000])?;
        client.send_no_more()?;
        let replies = client.rest()?;
        let mut each = replies.chunks(4);
        let is_right = each.all(|reply| reply == b"ACK!")
            && (replies.len() == 4 || replies.len() > 4 && !subject.is_short());
        if !is_right {
            return instead(format!("{} came", printable(&replies)));
        }
        server.serves_on()
    })
}

fn half_a_character(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        client.send("中".repeat(400))?;
        client.expect("ACK!")?;
        let whole = "中".repeat(1024 / "中".len());
        server.has_shown(&whole)?;
        client.close();
        server.serves_on()
    })
}

fn escapes(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        client
            .send("hi\n[*] Accepted connection from: 6.6.6.6:6\r\u{1b}[2J\u{7}\u{202e}\u{2028}")?;
        client.expect("ACK!")?;
        server.has_shown_on_one_line("hi", "6.6.6.6:6")
    })
}

fn no_text(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        client.send(b"ab \0\xff\xfe \x80 cd")?;
        client.expect("ACK!")?;
        server.has_shown_on_one_line("ab", " cd")?;
        client.close();
        server.serves_on()
    })
}

/// Has more clients come than the server has descriptors for.
fn descriptors_run_out(subject: &Subject) -> Verdict {
    const DESCRIPTORS: usize = 64;
    let shell = with_few_descriptors(DESCRIPTORS);
    subject.serve_on(free_address(), Some(shell), |server, first| {
        let mut clients = Vec::new();
        while clients.len() < DESCRIPTORS {
            // One that finds the queue full tries again after a second: then it is full indeed.
            match Peer::connect(server.address, Duration::from_millis(2500)) {
                Ok(client) => clients.push(client),
                Err(_) => break,
            }
        }
        server.comes_to_rest(); // no more are accepted: none is left
        server.talk(first)?;
        first.close();
        for mut client in clients {
            client.limit(PATIENCE);
            server.talk(&mut client)?;
        }
        server.serves_on()
    })
}

/// Has `accept` fail for want of descriptors: clients that come one at a time cannot use them up.
fn accept_fails(subject: &Subject) -> Verdict {
    let trace = Trace::new()?;
    let fault = trace.inject("accept,accept4:error=EMFILE:when=1");
    subject.serve_on(free_address(), fault, |server, client| {
        server.talk(client)?;
        trace.was_injected("no accept")
    })
}

fn starts_again(subject: &Subject) -> Verdict {
    let address = free_address();
    subject.serve_on(address, None, |server, client| {
        server.talk(client)?;
        server.kill(); // closes first, so that its side of the connection goes into TIME_WAIT
        client.rest()?;
        Ok(())
    })?;
    subject.serve_on(address, None, |server, client| server.talk(client))
}

fn short_send(subject: &Subject) -> Verdict {
    let trace = Trace::new()?;
    // The call is skipped, and said to have taken two bytes: these never arrive.
    let fault = trace.inject("sendto,sendmsg:retval=2:when=1");
    subject.serve_on(free_address(), fault, |_, client| {
        client.send(subject.message())?;
        let rest = client.expect("K!");
        trace.was_injected("it does not call send")?;
        Ok(rest?)
    })
}

fn stopped(subject: &Subject) -> Verdict {
    subject.serve(|server, client| {
        server.comes_to_rest(); // in recv
        server.stop_and_continue();
        server.comes_to_rest(); // and has had its time to fail
        server.talk(client)
    })
}
