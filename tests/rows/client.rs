//! The rows of the clients.

use super::subject::{Running, Subject};
use super::trace::Trace;
use super::{Row, Verdict, instead, row};
use crate::harness::{Peer, address_where_nobody_listens};

pub const SHORT: &[Row] = &[
    row(
        "sends its message, takes the reply and closes",
        conversation,
    ),
    row("prints the reply and a line break, nothing else", lines),
    row("makes the original's calls in their order", calls),
    row("ends with status 0 after the reply", ends_with_success),
    row("no server: a short error, status not 0", no_server),
    row("the server closes without a reply: the same", no_reply),
    row("the server resets: the same", reset),
    row("a reply in two parts: shows what came first", two_parts),
    row("line breaks and escapes in a reply: on one line", escapes),
    row("a reply of 5,000 bytes: shows the first 4,096", long_reply),
    row("send takes a part of the bytes: sends the rest", short_send),
];

pub const LONG: &[Row] = &[
    row("sends its message after each reply", conversation),
    row("prints each reply and a line break, nothing else", lines),
    row("makes the original's calls in their order", calls),
    row("goes on until it is stopped, for 1,000 rounds", goes_on),
    row("no server: a short error, status not 0", no_server),
    row("the server closes without a reply: the same", no_reply),
    row("the server resets: the same", reset),
    row("a reply in two parts: shows both, goes on", two_parts),
    row("line breaks and escapes in a reply: on one line", escapes),
    row("a reply of 5,000 bytes: shows all of it", long_reply),
    row("send takes a part of the bytes: sends the rest", short_send),
];

/// Plays the server's part of the conversation, to its end or three times.
fn talk(subject: &Subject, client: &mut Running, server: &mut Peer) -> Verdict {
    if subject.is_short() {
        client.reply(server, "ACK!")?;
        return Ok(server.expect_end()?);
    }
    (0..3).try_for_each(|_| client.reply(server, "ACK!"))
}

fn conversation(subject: &Subject) -> Verdict {
    subject.visit(|client, server| talk(subject, client, server))
}

fn lines(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        talk(subject, client, server)?;
        let replies = if subject.is_short() { 1 } else { 3 };
        client.has_printed(&"ACK!\n".repeat(replies))
    })
}

fn calls(subject: &Subject) -> Verdict {
    let trace = Trace::new()?;
    subject.visit_under(trace.watch(), |client, server| {
        talk(subject, client, server)?;
        trace.shows_client(client.address.port())
    })
}

fn ends_with_success(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        talk(subject, client, server)?;
        match client.ends()? {
            status if status.success() => Ok(()),
            status => instead(format!("it ended with {status}")),
        }
    })
}

fn goes_on(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        (0..1000).try_for_each(|_| client.reply(server, "ACK!"))?;
        client.has_printed(&"ACK!\n".repeat(1000))
    })
}

fn no_server(subject: &Subject) -> Verdict {
    let (address, _reserved) = address_where_nobody_listens();
    let address = address.parse().expect("it is IP:PORT");
    Running::start(subject, address, None)?.fails_briefly()
}

fn no_reply(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        server.expect(subject.message())?;
        server.close();
        client.fails_briefly()
    })
}

fn reset(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        server.expect(subject.message())?;
        server.reset()?;
        client.fails_briefly()
    })
}

fn two_parts(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        client.reply(server, "AC")?;
        if subject.is_short() {
            return client.has_printed("AC\n");
        }
        client.reply(server, "K!")?;
        server.expect(subject.message())?;
        client.has_printed("AC\nK!\n")
    })
}

fn escapes(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        client.reply(server, "hi\nACK!\r\u{1b}[31m\u{7}\u{202e}\u{2028}end")?;
        client.has_shown_on_one_line("hi", "end")
    })
}

fn long_reply(subject: &Subject) -> Verdict {
    subject.visit(|client, server| {
        client.reply(server, "x".repeat(5000))?;
        let first = "x".repeat(4096) + "\n";
        if subject.is_short() {
            return client.has_printed(&first);
        }
        server.expect(subject.message())?;
        server.expect(subject.message())?;
        client.has_printed(&(first + &"x".repeat(5000 - 4096) + "\n"))
    })
}

fn short_send(subject: &Subject) -> Verdict {
    let trace = Trace::new()?;
    // The call is skipped, and said to have taken two bytes: these never arrive.
    let fault = trace.inject("sendto,sendmsg:retval=2:when=1");
    subject.visit_under(fault, |_, server| {
        let rest = server.expect(&subject.message()[2..]);
        trace.was_injected("it does not call send")?;
        Ok(rest?)
    })
}
