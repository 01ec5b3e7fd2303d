//! The rows of the clients.

use std::time::{Duration, Instant};

use super::{FailingStep, Failure, Reason, Row, Under, both, long, short, unexpected};
use crate::run::{address_where_nobody_listens, quoted};

/// How long a client may take for 1,000 rounds: a learner's can sleep in each.
const LONGEST: Duration = Duration::from_secs(20);

pub const ROWS: &[Row] = &[
    short(30, "sends its message, takes the reply and closes").when(|client, server| {
        server.expect(client.original())?;
        let more = client.hears_now(server)?;
        if !more.is_empty() {
            let all = [client.original().as_bytes(), &*more].concat();
            return unexpected(quoted(client.original().as_bytes()), quoted(&all));
        }
        server.send("ACK!")?;
        server.send_no_more()?;
        Ok(server.expect_end()?)
    }),
    long(30, "sends its message after each reply").when(|client, server| {
        for _ in 0..3 {
            server.expect(client.original())?;
            let more = client.hears_now(server)?;
            if !more.is_empty() {
                return unexpected("nothing before the reply", quoted(&more));
            }
            server.send("ACK!")?;
        }
        Ok(())
    }),
    short(15, "prints the reply and a line break, nothing else").when(|client, server| {
        client.answer(server, "ACK!")?;
        server.expect_end()?;
        client.has_printed("ACK!\n")
    }),
    long(15, "prints each reply and a line break, nothing else").when(|client, server| {
        (0..3).try_for_each(|_| client.answer(server, "ACK!"))?;
        client.has_printed("ACK!\nACK!\nACK!\n")
    }),
    both(10, "makes the original's calls in their order").under(Under::Traced).when(
        |client, server| {
            client.answer(server, "ACK!")?;
            client.makes_its_calls()
        },
    ),
    short(10, "ends with status 0 after the reply").when(|client, server| {
        client.answer(server, "ACK!")?;
        server.expect_end()?;
        match client.ends()? {
            status if status.success() => Ok(()),
            status => unexpected("exit status: 0", status.to_string()),
        }
    }),
    long(10, "goes on until it is stopped, for 1,000 rounds").when(|client, server| {
        let begun = Instant::now();
        for _ in 0..1000 {
            if begun.elapsed() > LONGEST {
                return Err(Failure::NotTried(Reason::TooSlow));
            }
            client.answer(server, "ACK!")?;
        }
        client.has_shown("ACK!", 1000)
    }),
    both(10, "no server: a short error, status not 0").when(|client, _| {
        let (address, _reserved) = address_where_nobody_listens()?;
        client.start_again(address)?;
        client.fails_briefly()
    }),
    both(5, "the server closes without a reply: the same").when(|client, server| {
        server.expect(client.message())?;
        server.close();
        client.fails_briefly()
    }),
    both(5, "the server resets: the same").when(|client, server| {
        server.expect(client.message())?;
        server.reset()?;
        client.fails_briefly()
    }),
    short(5, "a reply in two parts: shows what came first").when(|client, server| {
        client.answer(server, "AC")?;
        client.has_shown("AC", 1)
    }),
    long(5, "a reply in two parts: shows both, goes on").when(|client, server| {
        client.answer(server, "AC")?;
        client.answer(server, "K!")?;
        server.expect(client.message())?;
        client.has_shown("AC", 1)?;
        client.has_shown("K!", 1)
    }),
    both(3, "line breaks and escapes in a reply: on one line").when(|client, server| {
        client.answer(server, "hi\nACK!\r\u{1b}[31m\u{7}\u{202e}\u{2028}end")?;
        client.has_shown_on_one_line("hi", "end")
    }),
    short(4, "a reply of 5,000 bytes: shows the first 4,096").when(|client, server| {
        client.answer(server, "x".repeat(5000))?;
        client.has_shown("x", 4096)
    }),
    long(4, "a reply of 5,000 bytes: shows all of it").when(|client, server| {
        client.answer(server, "x".repeat(5000))?;
        server.expect(client.message())?;
        server.expect(client.message())?;
        client.has_shown("x", 5000)
    }),
    // The call is skipped, and said to have taken two bytes: these never arrive.
    both(3, "send takes a part of the bytes: sends the rest")
        .with_fault(FailingStep::Send, "retval=2")
        .when(|client, server| match client.message().get(2..) {
            Some(rest) if !rest.is_empty() => Ok(server.expect(rest)?),
            _ => Err(Failure::NotTried(Reason::Impossible("its message has no third byte"))),
        }),
];
