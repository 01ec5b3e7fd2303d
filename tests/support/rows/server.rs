//! The rows of the servers.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::verdict::RESET;
use super::{FailingStep, Failure, Kind, Reason, Row, Under, both, long, short, unexpected};
use crate::run::{Peer, poll, quoted};

/// The length of a long message.
const LONG: usize = 300_000;

const DESCRIPTORS: usize = 64;

/// How long a client is silent. A server that sends first has sent by then.
const SILENCE: Duration = Duration::from_millis(200);

/// What a server holds.
const HELD: [&str; 3] = ["descriptors", "child processes", "threads"];

/// How many more of each a server may hold after 140 clients: a runtime opens some for itself, and a pool of threads
/// grows until it is full.
const MAY_GROW_BY: [usize; 3] = [20, 20, 120];

/// What one client says, and then another one, or the same.
const LONGER: &str = "this message is the longer one, and its end must not come again";
const SHORTER: &str = "now a shorter one";

/// How often two clients speak at the same time.
const ROUNDS: usize = 20;

/// How long a server may take to accept a client, before the next one comes.
const A_MOMENT: Duration = Duration::from_millis(100);

/// What two clients say at the same time.
const TWO: [&str; 2] = ["this is the one", "and that the other"];

pub const ROWS: &[Row] = &[
    short(20, "answers a message with ACK! and closes").when(|server, client| {
        client.send(server.message())?;
        server.answers(client, b"ACK!")
    }),
    long(25, "answers each message of a connection with ACK!").when(|server, client| {
        for _ in 0..3 {
            client.send(server.message())?;
            server.answers(client, b"ACK!")?;
            let more = server.hears_now(client)?;
            if !more.is_empty() {
                return unexpected(quoted(b"ACK!"), quoted(&[b"ACK!", &*more].concat()));
            }
        }
        Ok(())
    }),
    both(10, "prints the original's lines").when(|server, client| {
        let (address, peer, message) = (server.address, client.name()?, server.original());
        let beginning =
            format!("[*] listening on {address}\n[*] Accepted connection from: {peer}\n");
        let received = format!("[*] Received: {message}\n");
        server.talk(client)?;
        if server.is_short() {
            return server.has_printed(&(beginning + &received));
        }
        server.talk(client)?;
        let round = received + "[*] Sended: ACK!\n";
        server.has_printed(&(beginning + &round.repeat(2)))
    }),
    both(10, "makes the original's calls in their order").under(Under::Traced).when(
        |server, client| {
            server.talk(client)?;
            client.close();
            server.makes_its_calls()
        },
    ),
    both(6, "a client leaves: serves the next").when(|server, client| {
        server.talk(client)?;
        client.close();
        server.serves_on()
    }),
    short(10, "answers others while one client is silent").when(|server, silent| {
        server.serves_another()?;
        server.serves_another()?;
        server.talk(silent)
    }),
    short(5, "two clients speak at once: each gets its own").when(|server, client| {
        client.close();
        for _ in 0..ROUNDS {
            let clients = [server.client()?, server.client()?];
            clients[0].send(TWO[0])?;
            clients[1].send(TWO[1])?;
            for client in clients {
                server.answers(&client, server.reply())?;
            }
        }
        server.has_shown_on_lines(TWO, ROUNDS)
    }),
    long(10, "a second client waits its turn, then is answered").when(|server, first| {
        server.talk(first)?;
        let second = server.client()?; // the queue takes it
        second.send(server.message())?;
        server.wait_until_idle();
        if !second.hears_nothing_for(Duration::from_millis(1)) {
            return unexpected("that the second waits", "an answer beside the first");
        }
        first.close();
        Ok(second.expect(server.reply())?)
    }),
    both(3, "a client is silent at first: gets nothing").when(|server, client| {
        let early = server.hears_within(client, SILENCE)?;
        if !early.is_empty() {
            return unexpected("nothing before the client's message", quoted(&early));
        }
        server.talk(client)
    }),
    both(3, "a client leaves without a word: serves the next").when(|server, client| {
        client.close();
        server.serves_on()
    }),
    both(3, "a client resets: one line at most, serves the next").when(|server, client| {
        server.wait_until_idle(); // so that it waits for this client's message
        let before = server.complaints().len();
        client.reset()?;
        server.complains_briefly(before)?;
        server.serves_another()
    }),
    both(3, "a client half-closes: one ACK!, then the end").when(|server, client| {
        client.send(server.message())?;
        client.send_no_more()?;
        client.expect(server.reply())?;
        match client.rest()?.as_slice() {
            [] => Ok(()),
            more => {
                let expected = format!("one {}, then the end", quoted(server.reply()));
                unexpected(expected, quoted(&[server.reply(), more].concat()))
            }
        }
    }),
    both(3, "a message of exactly 1,024 bytes: answered")
        .when(|server, client| server.say(client, [b'x'; 1024])),
    both(3, "a shorter message after a longer one: shown alone").when(|server, client| {
        server.say(client, LONGER)?;
        if server.is_short() {
            *client = server.client()?;
        }
        server.say(client, SHORTER)?;
        server.has_shown_alone(SHORTER, &LONGER[SHORTER.len()..])
    }),
    both(3, "a message of 300,000 bytes: answered, a clean end").when(|server, client| {
        // A long server can take them in many parts, and answers each.
        let said_all = client.send(vec![b'x'; LONG]).and_then(|()| client.send_no_more());
        let replies =
            said_all.and_then(|()| client.rest_up_to(4 * LONG)).map_err(reset_at_any_time)?;
        let reply = server.reply();
        let is_answer = replies.chunks(reply.len()).all(|part| part == reply);
        if !is_answer || replies.is_empty() || server.is_short() && replies.len() > reply.len() {
            return unexpected(quoted(reply), quoted(&replies));
        }
        // A reset that comes behind the end is kept in the socket.
        server.wait_until_idle();
        if client.stream()?.take_error()?.is_some() {
            return unexpected("the end", format!("the end, then {RESET}"));
        }
        server.serves_on()
    }),
    both(2, "half a Chinese character at byte 1024: shown").when(|server, client| {
        client.send("中".repeat(400))?;
        client.expect(server.reply())?;
        server.has_shown("中", 1024 / "中".len())?;
        client.close();
        server.serves_on()
    }),
    both(2, "line breaks and escapes in a message: on one line").when(|server, client| {
        client
            .send("hi\n[*] Accepted connection from: 6.6.6.6:6\r\u{1b}[2J\u{7}\u{202e}\u{2028}")?;
        client.expect(server.reply())?;
        server.has_shown_on_one_line("hi", "6.6.6.6:6")
    }),
    both(2, "bytes that are not text: answered, none shown raw").when(|server, client| {
        client.send(b"ab \0\xff\xfe \x80 cd")?;
        client.expect(server.reply())?;
        server.has_shown_on_one_line("ab", " cd")?;
        client.close();
        server.serves_on()
    }),
    short(3, "descriptors run out: loses nobody who waits")
        .under(Under::Descriptors(DESCRIPTORS))
        .when(|server, client| {
            server.talk(client)?; // so that it has loaded what it needs descriptors for
            client.close();
            let mut first = server.client()?;
            let mut clients = Vec::new();
            while clients.len() < DESCRIPTORS {
                // A client that finds the queue full tries again after a second. If that fails
                // too, it stays full. As long as the server accepts, none has to.
                let _ = poll(A_MOMENT, || server.queue_is_empty().then_some(()));
                match Peer::connect(server.address, Duration::from_millis(2500)) {
                    Ok(client) => clients.push(client),
                    Err(error) if error.kind() == ErrorKind::TimedOut => break,
                    Err(error) => return Err(error.into()),
                }
            }
            server.wait_until_idle(); // no more are accepted: none is left
            server.talk(&first)?;
            first.close();
            for mut client in clients {
                client.limit(server.limit());
                server.talk(&client)?;
            }
            server.serves_on()
        }),
    // Clients that come one at a time cannot use them up, so `accept` is made to fail.
    long(3, "descriptors run out: loses nobody who waits")
        .with_fault(FailingStep::Accept, "error=EMFILE")
        .when(|server, client| server.talk(client)),
    both(2, "150 clients one after another: nothing stays open").when(|server, client| {
        server.talk(client)?;
        client.close();
        (0..9).try_for_each(|_| server.serves_another())?;
        server.wait_until_idle();
        let before = server.holds();
        (0..140).try_for_each(|_| server.serves_another())?;
        let too_many =
            || (0..3).find(|kind| server.holds()[*kind] > before[*kind] + MAY_GROW_BY[*kind]);
        if poll(server.limit(), || too_many().is_none().then_some(())).is_some() {
            return Ok(());
        }
        let Some(kind) = too_many() else { return Ok(()) };
        let count = server.holds()[kind].saturating_sub(before[kind]);
        unexpected("nothing more open", format!("{count} {}", HELD[kind]))
    }),
    both(2, "starts again at once on the same address").when(|server, client| {
        server.talk(client)?;
        server.kill(); // closes first, so that its side of the connection goes into TIME_WAIT
        client.rest()?;
        server.start_again(server.address)?;
        let next = server.meet()?;
        server.talk(&next)
    }),
    // The call is skipped, and said to have taken two bytes: these never arrive.
    both(3, "send takes a part of the bytes: sends the rest")
        .with_fault(FailingStep::Send, "retval=2")
        .when(|server, client| {
            client.send(server.message())?;
            match server.reply().get(2..) {
                Some(rest) if !rest.is_empty() => Ok(client.expect(rest)?),
                _ => Err(Failure::NotTried(Reason::Impossible("its reply has no third byte"))),
            }
        }),
    both(2, "stopped and continued (Ctrl-Z, fg): goes on").when(|server, client| {
        server.wait_until_idle(); // in recv
        server.stop_and_continue();
        server.wait_until_idle(); // and has had its time to fail
        server.talk(client)
    }),
];

/// Returns the same failure whether a reset comes while a client still sends, or later.
fn reset_at_any_time(error: io::Error) -> Failure {
    match Failure::from(error) {
        Failure::No { got, kind: Kind::ConnectionLost, .. } if got.ends_with(RESET) => {
            Failure::No {
                expected: "the end".to_owned(),
                got: RESET.to_owned(),
                kind: Kind::ConnectionLost,
            }
        }
        failure => failure,
    }
}
