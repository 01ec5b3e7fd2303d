//! The rows of the servers.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::verdict::RESET;
use super::{Failure, Kind, Reason, Row, Setup, Step, both, long, short, unexpected};
use crate::run::{Peer, poll, quoted};

/// The length of a long message.
const LONG: usize = 300_000;

const DESCRIPTORS: usize = 64;

/// How long a client is silent. A server that sends first has sent by then.
const SILENCE: Duration = Duration::from_millis(200);

/// How many descriptors a runtime may open for itself while it serves 140 clients.
const OWN: usize = 20;

/// How often two clients speak at the same time.
const ROUNDS: usize = 20;

/// How long a server may take to accept a client, before the next one comes.
const A_MOMENT: Duration = Duration::from_millis(100);

/// What two clients say at the same time.
const TWO: [&str; 2] = ["this is the one", "and that the other"];

pub const ROWS: &[Row] = &[
    short("answers a message with ACK! and closes").when(|server, client| server.talk(client)),
    long("answers each message of a connection with ACK!").when(|server, client| {
        for _ in 0..3 {
            server.talk(client)?;
            server.wait_until_idle();
            let more = hears_within(client, Duration::from_millis(1))?;
            if !more.is_empty() {
                return unexpected(quoted(b"ACK!"), quoted(&[b"ACK!", &*more].concat()));
            }
        }
        Ok(())
    }),
    both("prints the original's lines").when(|server, client| {
        let (address, peer, message) = (server.address, client.name()?, server.message());
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
    both("makes the original's calls in their order").under(Setup::Traced).when(
        |server, client| {
            server.talk(client)?;
            client.close();
            server.makes_its_calls()
        },
    ),
    short("answers others while one client is silent").when(|server, silent| {
        server.serves_another()?;
        server.serves_another()?;
        server.talk(silent)
    }),
    long("a second client waits its turn, then is answered").when(|server, first| {
        server.talk(first)?;
        let second = server.client()?; // the queue takes it
        second.send(server.message())?;
        server.wait_until_idle();
        if !second.hears_nothing_for(Duration::from_millis(1)) {
            return unexpected("that the second waits", "an answer beside the first");
        }
        first.close();
        Ok(second.expect("ACK!")?)
    }),
    short("two clients speak at once: each gets its own").when(|server, client| {
        client.close();
        for _ in 0..ROUNDS {
            let clients = [server.client()?, server.client()?];
            clients[0].send(TWO[0])?;
            clients[1].send(TWO[1])?;
            for client in clients {
                client.expect("ACK!")?;
                client.expect_end()?;
            }
        }
        server.has_shown_on_lines(TWO, ROUNDS)
    }),
    both("a client is silent at first: gets nothing").when(|server, client| {
        let early = hears_within(client, SILENCE)?;
        if !early.is_empty() {
            return unexpected("nothing before the client's message", quoted(&early));
        }
        server.talk(client)
    }),
    both("a client leaves: serves the next").when(|server, client| {
        server.talk(client)?;
        client.close();
        server.serves_on()
    }),
    both("a client leaves without a word: serves the next").when(|server, client| {
        client.close();
        server.serves_on()
    }),
    both("a client resets: one line at most, serves the next").when(|server, client| {
        server.wait_until_idle(); // so that it waits for this client's message
        let before = server.complaints().len();
        client.reset()?;
        server.complains_briefly(before)?;
        server.serves_another()
    }),
    both("a client half-closes: one ACK!, then the end").when(|server, client| {
        client.send(server.message())?;
        client.send_no_more()?;
        client.expect("ACK!")?;
        match client.rest()?.as_slice() {
            [] => Ok(()),
            more => unexpected("one \"ACK!\", then the end", quoted(&[b"ACK!", more].concat())),
        }
    }),
    both("a message of 300,000 bytes: answered, a clean end").when(|server, client| {
        // A long server can take them in many parts, and answers each.
        let said_all = client.send(vec![b'x'; LONG]).and_then(|()| client.send_no_more());
        let replies =
            said_all.and_then(|()| client.rest_up_to(4 * LONG)).map_err(reset_at_any_time)?;
        let is_answer = replies.chunks(4).all(|reply| reply == b"ACK!");
        if !is_answer || replies.is_empty() || server.is_short() && replies.len() > 4 {
            return unexpected(quoted(b"ACK!"), quoted(&replies));
        }
        server.serves_on()
    }),
    both("half a Chinese character at byte 1024: shown").when(|server, client| {
        client.send("中".repeat(400))?;
        client.expect("ACK!")?;
        server.has_shown_escaped("中", 1024 / "中".len())?;
        client.close();
        server.serves_on()
    }),
    both("line breaks and escapes in a message: on one line").when(|server, client| {
        client
            .send("hi\n[*] Accepted connection from: 6.6.6.6:6\r\u{1b}[2J\u{7}\u{202e}\u{2028}")?;
        client.expect("ACK!")?;
        server.has_shown_on_one_line("hi", "6.6.6.6:6")
    }),
    both("bytes that are not text: answered, none shown raw").when(|server, client| {
        client.send(b"ab \0\xff\xfe \x80 cd")?;
        client.expect("ACK!")?;
        server.has_shown_on_one_line("ab", " cd")?;
        client.close();
        server.serves_on()
    }),
    short("descriptors run out: loses nobody who waits")
        .under(Setup::Descriptors(DESCRIPTORS))
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
    long("descriptors run out: loses nobody who waits")
        .with_fault(Step::Accept, "error=EMFILE")
        .when(|server, client| server.talk(client)),
    both("150 clients one after another: nothing stays open").when(|server, client| {
        server.talk(client)?;
        client.close();
        (0..9).try_for_each(|_| server.serves_another())?;
        server.wait_until_idle();
        let before = server.holds();
        (0..140).try_for_each(|_| server.serves_another())?;
        let is_flat = || (server.holds() <= before + OWN).then_some(());
        if poll(server.limit(), is_flat).is_some() {
            return Ok(());
        }
        let more = server.holds() - before;
        unexpected("nothing more open", format!("{more} descriptors or children"))
    }),
    both("starts again at once on the same address").when(|server, client| {
        server.talk(client)?;
        server.kill(); // closes first, so that its side of the connection goes into TIME_WAIT
        client.rest()?;
        server.start_again(server.address)?;
        let next = server.meet()?;
        server.talk(&next)
    }),
    // The call is skipped, and said to have taken two bytes: these never arrive.
    both("send takes a part of the bytes: sends the rest").with_fault(Step::Send, "retval=2").when(
        |server, client| {
            client.send(server.message())?;
            Ok(client.expect("K!")?)
        },
    ),
    both("stopped and continued (Ctrl-Z, fg): goes on").when(|server, client| {
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

/// Returns what comes in this time; the end of the stream is an error.
fn hears_within(client: &mut Peer, time: Duration) -> Result<Vec<u8>, Failure> {
    client.limit(time);
    let heard = client.receive();
    client.limit(super::running::PATIENCE);
    match heard {
        Ok(bytes) if bytes.is_empty() => Err(client
            .expect("ACK!")
            .map_or_else(Failure::from, |()| Failure::NotTried(Reason::TooSlow))),
        Err(error) if error.kind() != ErrorKind::TimedOut => Err(error.into()),
        heard => Ok(heard.unwrap_or_default()),
    }
}
