//! The rows of the servers.

use std::io::ErrorKind;
use std::time::Duration;

use super::running::PATIENCE;
use super::{Row, Under, both, instead, long, short};
use harness::{Peer, came};

const DESCRIPTORS: usize = 64;

pub const ROWS: &[Row] = &[
    short("answers a message with ACK! and closes").when(|server, client| server.talk(client)),
    long("answers each message of a connection with ACK!").when(|server, client| {
        server.talk(client)?;
        server.talk(client)?;
        server.talk(client)?;
        server.comes_to_rest();
        if client.hears_nothing_for(Duration::from_millis(1)) {
            return Ok(());
        }
        instead("more came after the last reply")
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
    both("makes the original's calls in their order").under(Under::Strace, |server, client| {
        server.talk(client)?;
        client.close();
        server.makes_its_calls()
    }),
    short("answers others while one client is silent").when(|server, silent| {
        server.serves_another()?;
        server.serves_another()?;
        server.talk(silent)
    }),
    long("a second client waits its turn, then is answered").when(|server, first| {
        server.talk(first)?;
        let second = server.client()?; // the queue takes it
        second.send(server.message())?;
        server.comes_to_rest();
        if !second.hears_nothing_for(Duration::from_millis(1)) {
            return instead("the second is served beside the first");
        }
        first.close();
        Ok(second.expect("ACK!")?)
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
        server.comes_to_rest(); // so that it waits for this client's message
        let before = server.complaints().len();
        client.reset()?;
        server.complains_briefly(before)?;
        server.serves_another()
    }),
    both("a client half-closes: one ACK!, then the end").when(|server, client| {
        client.send(server.message())?;
        client.send_no_more()?;
        match client.rest()?.as_slice() {
            b"ACK!" => Ok(()),
            replies => instead(came(replies)),
        }
    }),
    both("a message of 300,000 bytes: answered, a clean end").when(|server, client| {
        client.send(vec![b'x'; 300_000])?;
        client.send_no_more()?;
        let replies = client.rest()?;
        let is_answer = replies.chunks(4).all(|reply| reply == b"ACK!");
        if !is_answer || replies.is_empty() || server.is_short() && replies.len() > 4 {
            return instead(came(&replies));
        }
        server.serves_on()
    }),
    both("half a Chinese character at byte 1024: shown").when(|server, client| {
        client.send("中".repeat(400))?;
        client.expect("ACK!")?;
        server.has_shown_on_one_line("中", &"中".repeat(1024 / "中".len()))?;
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
    short("descriptors run out: loses nobody who waits").under(
        Under::Descriptors(DESCRIPTORS),
        |server, first| {
            let mut clients = Vec::new();
            while clients.len() < DESCRIPTORS {
                // A client that finds the queue full tries again after a second. If that fails
                // too, it stays full.
                match Peer::connect(server.address, Duration::from_millis(2500)) {
                    Ok(client) => clients.push(client),
                    Err(error) if error.kind() == ErrorKind::TimedOut => break,
                    Err(error) => return Err(error.into()),
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
        },
    ),
    // Clients that come one at a time cannot use them up, so `accept` is made to fail.
    long("descriptors run out: loses nobody who waits")
        .under(Under::Fault("accept,accept4:error=EMFILE:when=1"), |server, client| {
            server.talk(client)
        }),
    both("starts again at once on the same address").when(|server, client| {
        server.talk(client)?;
        server.kill(); // closes first, so that its side of the connection goes into TIME_WAIT
        client.rest()?;
        server.start_again(server.address)?;
        let mut next = server.meet()?;
        server.talk(&mut next)
    }),
    // The call is skipped, and said to have taken two bytes: these never arrive.
    both("send takes a part of the bytes: sends the rest").under(
        Under::Fault("sendto,sendmsg:retval=2:when=1"),
        |server, client| {
            client.send(server.message())?;
            Ok(client.expect("K!")?)
        },
    ),
    both("stopped and continued (Ctrl-Z, fg): goes on").when(|server, client| {
        server.comes_to_rest(); // in recv
        server.stop_and_continue();
        server.comes_to_rest(); // and has had its time to fail
        server.talk(client)
    }),
];
