//! `cargo lesson` of programs that are less tame than the project's: what it shows of them is true.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use crate::turn::Turn;
use support::run::{Program, or_skip, own_network, path_of_alias, python};
use support::session::recording::{
    Frame, Lesson, Recording, Segment, Socket, State, Thread, descriptor_of,
};
use tempfile::tempdir;

/// A server, a client, and what the recording shows, in this order; what begins with `not` it never
/// shows.
struct Case {
    name: &'static str,
    server: &'static str,
    client: &'static str,
    shows: &'static [&'static str],
}

const SERVER: &str = "\
import os, select, socket, struct, sys, threading, time
listener = socket.create_server(('127.0.0.1', 12345))
";

const CLIENT: &str = "\
import select, socket, struct
s = socket.socket()
s.connect(('127.0.0.1', 12345))
";

/// Behind `=`, a program stands alone; otherwise it begins as above.
const CASES: [Case; 24] = [
    Case {
        name: "a send that blocks, and bytes by their numbers",
        server: "listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
c, _ = listener.accept()
input('read? ')
n = 0
while n < 100000: n += len(c.recv(65536))
c.send(b'done')",
        client: "s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
s.sendall(b''.join(b'%07d ' % i for i in range(12500)))
s.recv(9)",
        shows: &[
            "1 waits send(3, ",
            "1 at send(3, ",
            "1 did send(3, ",
            "Both programs have ended.",
        ],
    },
    Case {
        name: "who waits, and a time limit",
        server: "select.select([listener], [], [])
c, _ = listener.accept()
print(c.recv(9), c.recv(9))",
        client: "s.settimeout(0.3)
try: s.recv(9)
except OSError: pass
s.send(b'hello')",
        shows: &[
            "0 waits select",
            "1 waits recv(3, 9), at most 0.3 s",
            "The client’s `recv` gives up: its time limit is over.",
            "1 did send(3, \"hello\") = 5",
            "not nothing more happens",
        ],
    },
    Case {
        name: "another process",
        server: "c, _ = listener.accept()
if os.fork() == 0:
    c.recv(9)
c.close()
listener.accept()",
        client: "s.recv(9)",
        shows: &["The server has started another process.", "not queued"],
    },
    Case {
        name: "ten megabytes of output",
        server: "c, _ = listener.accept()
print('x' * 10_000_000)
c.send(b'ACK!')",
        client: "s.recv(9)",
        shows: &["0 shows ... 99", "1 did recv(3, 9) = 4 \"ACK!\"", "Both programs have ended."],
    },
    Case {
        name: "two queues, and a client that binds",
        server: "=import socket
ls = []
for _ in range(2):
    l = socket.socket()
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    l.bind(('127.0.0.1', 40150))
    l.listen(5)
    ls.append(l)
input()",
        client: "=import socket
s = socket.socket()
s.bind(('127.0.0.1', 12346))
s.connect(('127.0.0.1', 40150))",
        shows: &["1>0 SYN,", "0>1 SYN ACK,", "queued at", "not 0>1 SYN,"],
    },
    Case {
        name: "sockets that are not TCP",
        server: "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a, b = socket.socketpair()
listener.accept()",
        client: "",
        shows: &["0 socket 4 udp", "0 socket 5 pair"],
    },
    Case {
        name: "IPv6",
        server: "=import socket
listener = socket.create_server(('::1', 12345), family=socket.AF_INET6)
c, _ = listener.accept()
c.send(c.recv(9))",
        client: "=import socket
s = socket.create_connection(('::1', 12345))
s.send(b'hello')
s.recv(9)",
        shows: &[
            "0 socket 3 LISTEN ::1",
            "1>0 SYN,",
            "0 socket 4 ESTABLISHED ::1 rx 5 hello",
            "1 did recv(3, 9) = 5",
        ],
    },
    Case {
        name: "a socket after a reset",
        server: "c, _ = listener.accept()
input()
c.recv(9)",
        client: "s.send(b'hello')
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
s.close()",
        shows: &["1>0 RST", "0 socket 4 CLOSED 127.0.0.1 rx 5 hello", "0 did recv(4, 9) = 5"],
    },
    Case {
        name: "a half-closed end",
        server: "c, _ = listener.accept()
c.shutdown(socket.SHUT_WR)
input()
c.recv(9)",
        client: "s.recv(9)
s.send(b'one')
s.send(b'two')
s.close()",
        shows: &["0 socket 4 TIME_WAIT 127.0.0.1 rx 6 onetwo fin", "0 did recv(4, 9) = 6"],
    },
    Case {
        name: "a socket that does not block",
        server: "c, _ = listener.accept()
c.recv(9)",
        client: "=import select, socket
s = socket.socket()
s.setblocking(False)
s.connect_ex(('127.0.0.1', 12345))
select.select([], [s], [])
s.send(b'hello')",
        shows: &[
            "The client’s `connect` does not wait",
            "1 did send(3, \"hello\") = 5",
            "not fails",
        ],
    },
    Case {
        name: "the listening socket in place of the client's",
        server: "c, _ = listener.accept()
c.recv(9)
listener.send(b'ACK!')",
        client: "s.send(b'hello')
s.recv(9)",
        shows: &[
            "descriptor 3 is the listening socket",
            "0 raised 4",
            "raises an exception: BrokenPipeError",
        ],
    },
    Case {
        name: "a descriptor that is never closed",
        server: "kept = []
while True: kept.append(listener.accept())",
        client: "s.recv(9)",
        shows: &["The server has never closed descriptor 4: so the other side’s `recv` waits"],
    },
    Case {
        name: "lines that look like calls",
        server: "c, _ = listener.accept()
print('[.] recv(9, 10) = 3 \"abc\"')
sys.stderr.write('next: close(9)  [Enter] ')
c.recv(9)",
        client: "s.send(b'hello')",
        shows: &["0 did recv(4, 9) = 5", "not did recv(9", "not asks close(9)"],
    },
    Case {
        name: "a program that Python cannot read",
        server: "listener.accept(",
        client: "",
        shows: &[
            "Python cannot read the server’s program, so none of it runs: SyntaxError",
            "no socket listens on 127.0.0.1:12345",
        ],
    },
    Case {
        name: "another address",
        server: "=import socket
socket.create_server(('127.0.0.1', 9999)).accept()",
        client: "",
        shows: &["the server listens on 127.0.0.1:9999, and not on 127.0.0.1:12345"],
    },
    Case {
        name: "a send into a connection that is gone",
        server: "c, _ = listener.accept()
c.recv(9)
c.send(b'one')
c.send(b'two')",
        client: "s.close()",
        shows: &[
            "After that, `recv` still returns 0, and the next `send` fails: Broken pipe.",
            "0 did send(4, \"two\") = -1 Broken pipe",
        ],
    },
    Case {
        name: "time limits of sockets and threads",
        server: "c, _ = listener.accept()
c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 0, 200000))
try: c.recv(9)
except OSError: pass
threading.Event().wait(2)
c.close()",
        client: "s.recv(9)",
        shows: &[
            "0 waits recv(4, 9), at most 0.2 s",
            "The server’s `recv` gives up: its time limit is over.",
            "0 waits another thread, at most 2 s",
            "0 did close(4)",
        ],
    },
    Case {
        name: "a lock, a join, and the turns of STEP",
        server: "c, _ = listener.accept()
lock = threading.Lock()
lock.acquire()
read = lambda: c.recv(1)
threads = [threading.Thread(target=it) for it in (read, read, lock.acquire)]
for it in threads: it.start()
for it in threads[:2]: it.join()
lock.release()",
        client: "s.send(b'ab')",
        shows: &[
            " waits its turn",
            "0 main waits another thread",
            "0 thread 3 waits another thread",
            "0 did close(4)",
            "not main waits its turn",
            "not thread 3 waits its turn",
        ],
    },
    Case {
        name: "a client that resets while it waits to be accepted",
        server: "input()
c, _ = listener.accept()
c.recv(9)",
        client: "s.send(b'hello')
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
s.close()",
        shows: &[
            "`SO_LINGER` is 0 seconds: so closing the client’s socket sends a reset",
            "0 socket - CLOSED 127.0.0.1 rx 5 hello queued",
            "0 socket 4 CLOSED 127.0.0.1 rx 5 hello",
            "0 did recv(4, 9) = 5",
        ],
    },
    Case {
        name: "a listening socket that is closed over waiting clients",
        server: "input()
listener.close()",
        client: "s.recv(9)",
        shows: &[
            "queued",
            "The server’s listening socket is closed, so its kernel ends what waits",
            "1 did recv(3, 9) = -1 Connection reset by peer",
        ],
    },
    Case {
        name: "a server that does not listen",
        server: "=import socket
s = socket.socket()
s.bind(('127.0.0.1', 12345))
s.accept()",
        client: "",
        shows: &["this socket does not listen, since `listen` has not been called"],
    },
    Case {
        name: "bytes that nobody reads",
        server: "c, _ = listener.accept()
listener.accept()",
        client: "s.send(b'hello')
s.recv(9)",
        shows: &["5 bytes still wait at the server’s descriptor 4"],
    },
    Case {
        name: "bytes that look like markup, and a server that raises an exception",
        server: "=import socket
server = socket.create_server(('0.0.0.0', 9999))
client, peer = server.accept()
client.send(client.recv(1024).decode())",
        client: "=import socket
client = socket.create_connection(('localhost', 9999))
client.sendall(b'</script><b>' + input('name? ').encode())
print(client.recv(1024))",
        shows: &[
            "1 shows name? ",
            "1 shows hello",
            "0 did recv(4, 1024) = 17 \"</script><b>hello\"",
            "0 shows   File \"server.py\", line 4, in <module>",
            "0 raised 3",
            "1 shows b''",
            "1 did close(3)",
            "Both programs have ended.",
        ],
    },
    Case {
        name: "a keyboard loop, and a second start",
        server: "c, _ = listener.accept()
while c.recv(9): pass
c.close()
listener.accept()",
        client: "while True: s.send(input().encode())",
        shows: &[
            "1 did send(3, \"hello\") = 5",
            "0 did recv(4, 9) = 5",
            "The client’s input ends",
            "1 ended status 1",
            "1 did connect(3, 127.0.0.1:12345) = 0",
        ],
    },
];

#[test]
fn what_is_shown_of_programs_of_any_kind_is_true() {
    if own_network().zip(or_skip("python3", python())).is_none() {
        return;
    }
    let _turn = Turn::wait();
    let (cases, problems) = (Mutex::new(CASES.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = { cases.lock().unwrap().next() } {
                    let problem = record(&[case.server, case.client]).and_then(|recording| {
                        bytes_are_those_that_recv_returns(&recording)?;
                        is_shown(&recording, case.shows)
                    });
                    let problem = problem.err().map(|problem| format!("{}: {problem}", case.name));
                    problems.lock().unwrap().extend(problem);
                }
            });
        }
    });
    assert_eq!(problems.into_inner().unwrap().join("\n\n"), "");
}

#[test]
fn several_clients_are_shown_with_a_lane_each() {
    if own_network().zip(or_skip("python3", python())).is_none() {
        return;
    }
    let server = "for _ in range(2):
    c, _ = listener.accept()
    c.send(c.recv(9))
    c.close()";
    let recording = record(&[server, "s.send(b'one')\ns.recv(9)", "s.send(b'two')\ns.recv(9)"]);
    let shows = [
        "1 did recv(3, 9) = 3 \"one\"",
        "2 did recv(3, 9) = 3 \"two\"",
        "All programs have ended.",
    ];
    assert_eq!(recording.and_then(|recording| is_shown(&recording, &shows)), Ok(()));
}

/// Records a server and its clients.
fn record(programs: &[&str]) -> Result<Recording, String> {
    let folder = tempdir().expect("a folder can be made");
    let names = programs.iter().enumerate().map(|(number, text)| {
        let name = if number == 0 { "server.py".to_owned() } else { format!("client{number}.py") };
        let beginning = if number == 0 { SERVER } else { CLIENT };
        let text =
            text.strip_prefix('=').map_or_else(|| format!("{beginning}{text}"), str::to_owned);
        fs::write(folder.path().join(&name), text).expect("it can be written");
        name
    });
    let words = ["own.html".to_owned()].into_iter().chain(names).collect::<Vec<_>>();
    let made = Program::of(Command::new(path_of_alias("lesson"))).in_folder(folder.path());
    let made = made.args(words).run();
    let page = fs::read_to_string(folder.path().join("own.html")).map_err(|_| made.stderr)?;
    let lesson = Lesson::in_page(&page).expect("the page holds recordings");
    let mut editions = lesson.scenarios.into_iter().flat_map(|scenario| scenario.editions);
    Ok(editions.next().expect("it is recorded").1)
}

/// Looks for each of these in the frames, the next one not before the last one.
fn is_shown(recording: &Recording, shows: &[&str]) -> Result<(), String> {
    let frames: Vec<String> = recording.frames.iter().map(text_of).collect();
    let mut from = 0;
    for expected in shows {
        if let Some(never) = expected.strip_prefix("not ") {
            if let Some(frame) = frames.iter().find(|frame| frame.contains(never)) {
                return Err(format!("it shows {never:?}:\n{frame}"));
            }
            continue;
        }
        let found = frames[from..].iter().position(|frame| frame.contains(expected));
        from += found.ok_or_else(|| format!("no {expected:?} in\n{}", frames[from..].concat()))?;
    }
    Ok(())
}

/// Writes what a frame shows, a line for each thing.
fn text_of(frame: &Frame) -> String {
    let mut text = format!("{}\n", frame.words.en);
    for (who, side) in frame.sides.iter().enumerate() {
        let (is, what) = match &side.state {
            State::Absent => ("is", "absent"),
            State::Asks(call) => ("asks", call.as_str()),
            State::Waits(what) => ("waits", what.as_str()),
            State::Runs => ("runs", ""),
            State::Stopped => ("is", "stopped"),
            State::Ended(how) => ("ended", how.as_str()),
        };
        let _ = writeln!(text, "{who} {is} {what}");
        for Thread { name, state } in &side.threads {
            if let State::Waits(what) = state {
                let _ = writeln!(text, "{who} {name} waits {what}");
            }
        }
        for line in side.new.lines().filter(|line| line.len() < 200) {
            let _ = writeln!(text, "{who} shows {line}");
        }
        let _ = side.raised.map(|line| writeln!(text, "{who} raised {line}"));
        for at in &side.at {
            let _ = writeln!(text, "{who} at {}", at.2);
        }
        for did in &side.did {
            let _ = writeln!(text, "{who} did {} = {}", did.1, did.2);
        }
    }
    for socket in &frame.sockets {
        let Socket { of, kind, state, rx, text: bytes, fin, queued, .. } = socket;
        let fd = socket.fd.map_or_else(|| "-".to_owned(), |fd| fd.to_string());
        let address = socket.address.as_deref().unwrap_or("127.0.0.1");
        let _ = write!(text, "{of} socket {fd} {kind}{state} {address}");
        let _ = rx.map(|rx| write!(text, " rx {rx} {bytes}"));
        let queued = if *queued { " queued" } else { "" };
        let listener = socket.listener.map(|fd| format!(" at {fd}")).unwrap_or_default();
        let _ = writeln!(text, "{}{queued}{listener}", if *fin { " fin" } else { "" });
    }
    for Segment(from, to, flags, _, length, _) in &frame.segments {
        let _ = writeln!(text, "{from}>{to} {flags}, {length} bytes");
    }
    text
}

/// Compares what `recv` returns with how the receive queue began before.
fn bytes_are_those_that_recv_returns(recording: &Recording) -> Result<(), String> {
    for pair in recording.frames.windows(2) {
        for (who, side) in pair[1].sides.iter().enumerate() {
            let Some(did) = side.did.iter().find(|did| did.1.starts_with("recv(")) else {
                continue;
            };
            let descriptor = descriptor_of(&did.1);
            let is_its = |it: &&Socket| it.of == who && it.fd == descriptor && !it.text.is_empty();
            let Some(socket) = pair[0].sockets.iter().find(is_its) else {
                continue;
            };
            let shown = socket.text.trim_end_matches("...");
            let returned = did.2.split_once('"').map_or("", |(_, bytes)| bytes);
            let returned = returned.trim_end_matches("...").trim_end_matches('"');
            if !shown.starts_with(returned) && !returned.starts_with(shown) {
                return Err(format!("{} = {}, and {shown:?} was shown", did.1, did.2));
            }
        }
    }
    Ok(())
}
