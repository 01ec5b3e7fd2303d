//! What the learner is challenged to bring about: predicates over the frames, the newest one last.

use std::collections::BTreeMap;

use serde::Serialize;

use support::session::Machines;
use support::session::recording::{Frame, Segment, Socket, When, Words, descriptor_of, name_of};

use super::clicks::Pair;
use crate::kernel;
use crate::sentence::words;

/// As the page reads it.
#[derive(Serialize)]
pub struct Challenge {
    pub title: Words,
    /// How to get there, on request.
    hint: Words,
    /// Why it is so, once it has been reached.
    pub why: Words,
    /// The scenario that shows it, and the questions, with theirs, of which it shows the answer.
    scenario: &'static str,
    answers: &'static [&'static str],
    needs: Option<Needs>,
    #[serde(skip)]
    is_met: fn(&[Frame]) -> bool,
}

/// With which pair, and on how many machines, where it takes more than one.
#[derive(Serialize)]
struct Needs {
    pair: Pair,
    machines: Machines,
}

impl Challenge {
    /// Returns whether the last of these frames shows it.
    pub fn is_met(&self, frames: &[Frame]) -> bool {
        !frames.is_empty() && (self.is_met)(frames)
    }
}

/// Returns all challenges, the easy ones first.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn all() -> Vec<Challenge> {
    let challenge = |title: Words, hint, why, scenario, answers, is_met| Challenge {
        title,
        hint,
        why,
        scenario,
        answers,
        needs: None,
        is_met,
    };
    let on_two = |pair, small_queues, challenge| Challenge {
        needs: Some(Needs { pair, machines: Machines::Two { small_queues } }),
        ..challenge
    };
    vec![
        challenge(
            words("`connect` is refused", "`connect` 被拒绝"),
            words(
                "Let a client connect while no server listens.",
                "在没有服务器监听时，让客户端去连接。",
            ),
            words(
                "No socket listens on that port, so a kernel answers the SYN with a reset (RST); no program is involved.",
                "没有套接字在这个端口上监听，内核就用 RST 回应 SYN，与任何程序无关。",
            ),
            "first",
            &["first/refused"],
            |frames| {
                results(last(frames), "connect")
                    .any(|(_, it)| it.starts_with("-1 Connection refused"))
            },
        ),
        challenge(
            words(
                "`connect` returns before `accept` is called",
                "`accept` 还没调用，`connect` 就返回了",
            ),
            words(
                "Let the server go on until it asks for `accept`, and stop there. Then let a client connect.",
                "让服务器走到即将调用 `accept` 为止，然后让客户端去连接。",
            ),
            words(
                "The kernels do the handshake alone. `accept` only takes a connection that is ready out of a queue.",
                "握手由两边的内核完成，`accept` 只是从队列里取出一个已建立的连接。",
            ),
            "early",
            &["first/connect", "two/connect"],
            |frames| {
                let connects = |frame| results(frame, "connect").filter(|(_, it)| *it == "0");
                let connected: Vec<usize> =
                    frames.iter().flat_map(connects).map(|(who, _)| who).collect();
                let sockets = &last(frames).sockets;
                let client_of = |it: &Socket| sockets.iter().find(|end| end.is_other_end_of(it));
                let waits = |it| client_of(it).is_some_and(|end| connected.contains(&end.of));
                sockets.iter().any(|it| it.queued && waits(it))
            },
        ),
        challenge(
            words("Bytes wait at the server before `accept`", "`accept` 之前，数据已经到了服务器"),
            words(
                "Leave the server before `accept`, and let a client connect and send.",
                "让服务器停在 `accept` 之前，客户端连接并发送。",
            ),
            words(
                "A connection has a receive queue as soon as the handshake is done, and the kernel fills it.",
                "握手一完成，连接就有了接收队列，数据由内核放进去。",
            ),
            "early",
            &["early/send", "early/nothing"],
            |frames| last(frames).sockets.iter().any(is_waiting),
        ),
        challenge(
            words("`recv` returns 0", "`recv` 返回 0"),
            words(
                "Let one side close, and then let the other one call `recv`.",
                "让一方关闭，再让另一方调用 `recv`。",
            ),
            words(
                "0 is the end of the stream: a FIN has come, and all bytes before it have been read.",
                "0 表示 EOF（流结束）：FIN 已到达，它之前的数据都已读完。",
            ),
            "leaves",
            &["short/end"],
            |frames| results(last(frames), "recv").any(|(_, it)| value(it) == Some(0)),
        ),
        challenge(
            words("TIME_WAIT at the server", "服务器一侧的 TIME_WAIT"),
            words(
                "Who sends the first FIN? In the short pair the server does. The client has to close too.",
                "谁先发出 FIN？短连接里是服务器。客户端也要关闭。",
            ),
            words(
                "The side whose FIN goes out before the other one has come keeps the connection for a minute, so that late segments meet no new one.",
                "在对端的 FIN 到达之前就发出 FIN 的一方，把连接再保留一分钟，免得迟到的报文段落到新连接上。",
            ),
            "short",
            &[],
            |frames| last(frames).sockets.iter().any(|it| it.of == 0 && it.state == "TIME_WAIT"),
        ),
        challenge(
            words("TIME_WAIT at a client", "客户端一侧的 TIME_WAIT"),
            words(
                "Now a client has to send the first FIN: in the long pair, give it a COUNT (⋯), let it read all replies, and end it.",
                "这次要由客户端先发出 FIN：在长连接里给它设一个 COUNT（⋯），让它读完响应后结束。",
            ),
            words(
                "Here the client’s FIN went out before the server’s had come, so the client’s kernel keeps the connection.",
                "这里客户端在服务器的 FIN 到达之前就发出了 FIN，所以由客户端的内核保留连接。",
            ),
            "long",
            &["long/time-wait"],
            |frames| last(frames).sockets.iter().any(|it| it.of > 0 && it.state == "TIME_WAIT"),
        ),
        challenge(
            words("A socket in CLOSE_WAIT", "处于 CLOSE_WAIT 的套接字"),
            words(
                "Let one side close, and do not let the other one go on.",
                "让一方关闭，另一方先不要继续。",
            ),
            words(
                "A FIN has come, and this program has not closed yet. No timer ends this state: the program has to close.",
                "FIN 已到达，而这个程序还没有关闭。没有定时器会结束这个状态：要由程序自己关闭。",
            ),
            "leaves",
            &["leaves/reset", "dies/notice"],
            |frames| last(frames).sockets.iter().any(|it| it.state == "CLOSE_WAIT"),
        ),
        challenge(
            words("Two clients are served at once", "两个客户端同时得到服务"),
            words(
                "Short pair, two clients: both have got their reply, and the server has closed neither conversation.",
                "短连接，两个客户端：都收到了响应，而服务器一个会话也还没有关闭。",
            ),
            words(
                "The short server has a thread for each client, so one conversation does not wait for another.",
                "短连接服务器为每个客户端开一个线程，会话之间互不等待。",
            ),
            "threads",
            &[],
            |frames| served(frames).len() > 1,
        ),
        challenge(
            words(
                "One client is served, another one waits with its bytes",
                "一个客户端得到服务，另一个的数据在等待",
            ),
            words(
                "Long pair, two clients: the first one gets a reply, the second one connects and sends.",
                "长连接，两个客户端：第一个收到响应，第二个连接并发送。",
            ),
            words(
                "The long server talks with one client until it leaves. The other one's bytes wait in its receive queue.",
                "长连接服务器要等一个客户端离开才服务下一个，另一个的数据留在接收队列里。",
            ),
            "two",
            &["two/whose"],
            |frames| {
                let has_threads = !last(frames).sides[0].threads.is_empty();
                !has_threads
                    && !served(frames).is_empty()
                    && last(frames).sockets.iter().any(is_waiting)
            },
        ),
        challenge(
            words("One `send`, several `recv`s", "一次 `send`，多次 `recv`"),
            words(
                "Long pair: start a client with a message of 3,000 bytes (⋯).",
                "长连接：用 3000 字节的消息启动客户端（⋯）。",
            ),
            words(
                "A `recv` takes at most as many bytes as it asks for, and leaves the rest. TCP is a stream without messages.",
                "一次 `recv` 最多取走它所要的字节数，其余留在队列里。TCP 面向字节流，不保留消息边界。",
            ),
            "parts",
            &["parts/limit"],
            |frames| taken(frames).1,
        ),
        challenge(
            words("One `recv` takes what two `send`s sent", "一次 `recv` 取走两次 `send` 的数据"),
            words(
                "Long pair: a message of 3,000 bytes (⋯) gets several replies. Let the server send two before the client reads.",
                "长连接：3000 字节的消息（⋯）会得到多个响应。让服务器先 `send` 两次，客户端再读。",
            ),
            words(
                "What has come stands in one queue, and nothing there marks where a `send` ended.",
                "到达的数据排在同一个队列里，没有任何标记说明一次 `send` 到哪里结束。",
            ),
            "parts",
            &["parts/stream"],
            |frames| taken(frames).0,
        ),
        challenge(
            words("A reset (RST) ends a connection", "RST 终止一个连接"),
            words(
                "Kill a program (⋯) in whose socket bytes wait that it has not read.",
                "某个程序的套接字里还有未读的数据时，杀掉它（⋯）。",
            ),
            words(
                "A socket that is closed over unread bytes sends RST in place of FIN. Bytes for a socket that is gone get RST too, and so does a connection that nobody has accepted when the listening socket is closed.",
                "还有未读数据就关闭，发出的是 RST 而不是 FIN；发给已不存在的套接字的数据，回应也是 RST；监听套接字关闭时还没有被 accept 的连接，同样以 RST 终止。",
            ),
            "killed",
            &["killed/reset", "linger/reset", "leaves/send", "dies/send", "two/crash"],
            is_reset,
        ),
        challenge(
            words(
                "A full accept queue, and a client in SYN_SENT",
                "全连接队列已满，一个客户端处于 SYN_SENT",
            ),
            words(
                "Start a Rust server with BACKLOG 0 (⋯), leave it before `accept`, and let two clients connect.",
                "以 BACKLOG 0 启动 Rust 服务器（⋯），让它停在 `accept` 之前，再让两个客户端去连接。",
            ),
            words(
                "The kernel drops the SYN and says nothing. The client’s kernel sends it again, so `connect` waits.",
                "内核丢弃 SYN，什么也不回应。客户端的内核会重传 SYN，所以 `connect` 一直等待。",
            ),
            "full",
            &["full/connect", "full/room"],
            |frames| {
                let sockets = || last(frames).sockets.iter();
                sockets().any(|it| it.state == "LISTEN" && it.queue > Some(0))
                    && sockets().any(|it| it.state == "SYN_SENT")
            },
        ),
        challenge(
            words("`bind` fails: Address already in use", "`bind` 失败：Address already in use"),
            words(
                "Long pair, Python server (⋯): Ctrl-C while a client is connected, then Ctrl-C for the client, and start the server again.",
                "用长连接和 Python 服务器（⋯）：有客户端连着时对它按 Ctrl-C，再对客户端按 Ctrl-C，然后重新启动服务器。",
            ),
            words(
                "The connection in TIME_WAIT still uses the address, and the Python program does not set `SO_REUSEADDR`, which would allow it.",
                "处于 TIME_WAIT 的连接还占着这个地址，而 Python 版没有设置允许重用地址的 `SO_REUSEADDR`。",
            ),
            "again",
            &["again/time-wait"],
            |frames| {
                results(last(frames), "bind")
                    .any(|(_, it)| it.starts_with("-1 Address already in use"))
            },
        ),
        on_two(
            Pair::Short,
            false,
            challenge(
                words("What got lost is sent again", "丢失之后的重传"),
                words(
                    "Let the client connect. Then press `>` or `<` until the wire is to lose 1, let somebody send, and wait.",
                    "让客户端连接。然后按 `>` 或 `<`，直到线路“丢 1 个”，再让一方发送，稍等片刻。",
                ),
                words(
                    "No ACK came in time, so the kernel sent the bytes again. The programs notice no more than the delay.",
                    "没有按时收到 ACK，内核就重传。两个程序除了慢一点，什么也没有察觉。",
                ),
                "lost",
                &["lost/sent", "lost/twice"],
                is_sent_again,
            ),
        ),
        on_two(
            Pair::Short,
            false,
            challenge(
                words(
                    "A client is ESTABLISHED, and its server only in SYN_RECV",
                    "客户端已是 ESTABLISHED，服务器还在 SYN_RECV",
                ),
                words(
                    "Hold what travels to the server (`<`), let the client connect, and let only its SYN go (`G`).",
                    "扣住发往服务器的报文段（`<`），让客户端去连接，只放行它的 SYN（`G`）。",
                ),
                words(
                    "The client is ESTABLISHED as soon as the SYN ACK comes, the server only when the third segment does.",
                    "客户端收到 SYN ACK 就算建立了连接，服务器要等第三个报文段到达。",
                ),
                "",
                &[],
                |frames| last(frames).sockets.iter().any(|it| is_half_open(it, last(frames))),
            ),
        ),
        on_two(
            Pair::Short,
            false,
            challenge(
                words("A connection in CLOSING", "处于 CLOSING 的连接"),
                words(
                    "Two FINs have to cross: hold both directions, let server and client close, and let one FIN go.",
                    "要让两个 FIN 在途中交错：扣住两个方向，让服务器和客户端都关闭，再放行一个 FIN。",
                ),
                words(
                    "This side has sent its FIN and got the other one, but no ACK for its own: that is CLOSING.",
                    "这一方发出了 FIN，也收到了对端的 FIN，却没有收到对自己 FIN 的确认：这就是 CLOSING。",
                ),
                "closing",
                &["closing/closing"],
                |frames| {
                    last(frames).sockets.iter().any(|it| it.state == "CLOSING" && !it.unsent_fin)
                },
            ),
        ),
        on_two(
            Pair::Long,
            true,
            challenge(
                words("A `send` that blocks", "阻塞的 `send`"),
                words(
                    "Small queues: start a client with 20,000 bytes (⋯), let it send, and do not let the server read.",
                    "小队列：用 20000 字节的消息启动客户端（⋯），让它发送，服务器不要读取。",
                ),
                words(
                    "The other side’s receive queue has no room for the next segment, and the sender’s own send queue takes no more. `send` waits until the other side reads.",
                    "对端的接收队列放不下下一个报文段，发送方自己的发送队列也不能再接收数据。要等对端读取，`send` 才能继续。",
                ),
                "blocks",
                &[],
                |frames| {
                    let mut at = last(frames).sides.iter().flat_map(|side| &side.at);
                    at.any(|at| at.1 == When::Blocked && name_of(&at.2) == "send")
                },
            ),
        ),
    ]
}

fn last(frames: &[Frame]) -> &Frame {
    &frames[frames.len() - 1]
}

/// Returns the results of the calls of this name that have returned in a frame, and who made them.
fn results<'a>(frame: &'a Frame, call: &'static str) -> impl Iterator<Item = (usize, &'a str)> {
    let sides = frame.sides.iter().enumerate();
    let made = sides.flat_map(|(who, side)| side.did.iter().map(move |did| (who, did)));
    made.filter(move |(_, did)| name_of(&did.1) == call).map(|(who, did)| (who, did.2.as_str()))
}

/// Returns what a call returned, if that is a number.
fn value(result: &str) -> Option<usize> {
    result.split(' ').next()?.parse().ok()
}

/// Returns whether a reset arrives at a connection that is over then, and does not only tell that one has been
/// given up.
fn is_reset(frames: &[Frame]) -> bool {
    let [.., before, last] = frames else {
        return false;
    };
    let gives_up = |pair: &[Frame], who| kernel::given_up(&pair[1], &pair[0], who).is_some();
    let was_connected = |it: &&Socket| {
        it.peer.is_some() && !["SYN_SENT", "SYN_RECV", "CLOSED"].contains(&&*it.state)
    };
    let is_there = |socket: &Socket| {
        last.sockets.iter().any(|it| it.is_same_end_as(socket) && it.state != "CLOSED")
    };
    let ends = |who| {
        let mut its = before.sockets.iter().filter(|it| it.of == who).filter(was_connected);
        its.any(|it| !is_there(it))
    };
    let arrives = |it: &&Segment| it.2.contains("RST") && !it.5.lost && !it.5.held;
    last.segments
        .iter()
        .filter(arrives)
        .any(|it| ends(it.1) && !frames.windows(2).any(|pair| gives_up(pair, it.0)))
}

/// Returns whether something with SYN, bytes or FIN arrives that was lost before.
fn is_sent_again(frames: &[Frame]) -> bool {
    let key = |it: &Segment| (it.0, it.1, it.5.seq);
    let lost = frames.iter().flat_map(|frame| &frame.segments).filter(|it| it.5.lost);
    let lost: Vec<_> = lost.filter(|it| it.4 > 0 || it.2 != "ACK").map(key).collect();
    let mut again = last(frames).segments.iter().filter(|it| it.5.again);
    again.any(|it| !it.5.lost && !it.5.held && lost.contains(&key(it)))
}

/// Returns whether the server's kernel waits for the end of a handshake that is over for the client.
fn is_half_open(socket: &Socket, frame: &Frame) -> bool {
    let is_open = |it: &Socket| it.is_other_end_of(socket) && it.state == "ESTABLISHED";
    socket.state == "SYN_RECV" && frame.sockets.iter().any(is_open)
}

/// Returns whether it waits for `accept`, and bytes in it too.
fn is_waiting(socket: &Socket) -> bool {
    socket.of == 0 && socket.queued && socket.rx > Some(0)
}

/// Returns the clients that have got a reply on a connection that the server still holds.
fn served(frames: &[Frame]) -> Vec<usize> {
    let mut has_reply = BTreeMap::new();
    for frame in frames {
        has_reply.extend(results(frame, "connect").map(|(who, _)| (who, false)));
        let replies = results(frame, "recv").filter(|(_, it)| value(it) > Some(0));
        has_reply.extend(replies.map(|(who, _)| (who, true)));
    }
    let sockets = &last(frames).sockets;
    let is_held = |who: usize| {
        let ports = sockets.iter().filter(|it| it.of == who).map(|it| it.port);
        ports
            .flat_map(|port| sockets.iter().filter(move |it| it.peer == port))
            .any(|it| it.of == 0 && it.fd.is_some() && it.state != "CLOSED")
    };
    let all = has_reply.into_iter();
    all.filter(|(who, has_reply)| *who > 0 && *has_reply && is_held(*who)).map(|it| it.0).collect()
}

/// Returns whether the last frame has a `recv` that takes what two `send`s have sent, and one that takes
/// the rest of what an earlier one has begun.
fn taken(frames: &[Frame]) -> (bool, bool) {
    // Of what one program has sent to another: how much of each `send` is not read, and whether some of
    // it is.
    let mut unread = BTreeMap::<(usize, usize), Vec<(usize, bool)>>::new();
    let mut found = (false, false);
    for (number, frame) in frames.iter().enumerate() {
        found = (false, false);
        let peer_of = |who, call: &str| {
            if who > 0 { Some(0) } else { peer_of(&frames[..=number], call) }
        };
        for (who, side) in frame.sides.iter().enumerate() {
            for did in &side.did {
                let name = name_of(&did.1);
                if name == "connect" && who > 0 {
                    unread.retain(|(from, to), _| ![from, to].contains(&&who));
                } else if let Some(peer) = peer_of(who, &did.1).filter(|_| name == "send") {
                    let queue = unread.entry((who, peer)).or_default();
                    queue.extend(value(&did.2).map(|count| (count, false)));
                }
            }
        }
        for (who, side) in frame.sides.iter().enumerate() {
            for did in side.did.iter().filter(|did| name_of(&did.1) == "recv") {
                let (Some(peer), Some(mut count)) = (peer_of(who, &did.1), value(&did.2)) else {
                    continue;
                };
                let queue = unread.entry((peer, who)).or_default();
                let mut segments = 0;
                while let Some((rest, is_begun)) = queue.first_mut().filter(|_| count > 0) {
                    let part = count.min(*rest);
                    found.1 |= *is_begun;
                    (*rest, *is_begun) = (*rest - part, true);
                    (count, segments) = (count - part, segments + 1);
                    if *rest == 0 {
                        queue.remove(0);
                    }
                }
                found.0 |= segments > 1;
            }
        }
    }
    found
}

/// Returns the client with which the server talks in this call of the last of these frames: the one
/// whose connection had the descriptor last.
fn peer_of(frames: &[Frame], call: &str) -> Option<usize> {
    let descriptor = descriptor_of(call)?;
    let has = |it: &&Socket| it.of == 0 && it.fd == Some(descriptor) && it.peer.is_some();
    let sockets = frames.iter().rev().map(|frame| &frame.sockets);
    let sockets = sockets.into_iter().find(|sockets| sockets.iter().any(|it| has(&it)))?;
    let peer = sockets.iter().find(has)?.peer;
    sockets.iter().find(|it| it.of > 0 && it.port == peer).map(|it| it.of)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::kernel::tests::{frame, segment};
    use support::session::recording::{Did, Extra, Lesson, Side};

    static LESSON: LazyLock<Lesson> = LazyLock::new(|| {
        let page = include_str!("../../../../docs/lesson.html");
        Lesson::in_page(page).expect("it is a lesson")
    });

    /// Which scenarios show a challenge, in one of the languages.
    fn shown_by(challenge: &Challenge) -> Vec<String> {
        let shows =
            |frames: &[Frame]| (1..=frames.len()).any(|end| challenge.is_met(&frames[..end]));
        let scenarios = LESSON.scenarios.iter();
        let scenarios =
            scenarios.filter(|it| it.editions.values().any(|recording| shows(&recording.frames)));
        scenarios.map(|scenario| scenario.id.clone()).collect()
    }

    #[test]
    fn scenarios_show_the_challenges_that_they_are_about_and_no_others() {
        let only: [(&str, &[&str]); 10] = [
            ("`connect` is refused", &["first"]),
            ("Two clients are served at once", &[]),
            ("One client is served, another one waits with its bytes", &["two"]),
            ("One `recv` takes what two `send`s sent", &["parts"]),
            ("A full accept queue, and a client in SYN_SENT", &["full"]),
            ("`bind` fails: Address already in use", &["again"]),
            ("What got lost is sent again", &["lost", "harm"]),
            ("A client is ESTABLISHED, and its server only in SYN_RECV", &[]),
            ("A connection in CLOSING", &["closing"]),
            ("A `send` that blocks", &["blocks"]),
        ];
        let only = BTreeMap::from(only);
        for challenge in all() {
            let (title, shown) = (&*challenge.title.en, shown_by(&challenge));
            match only.get(title) {
                Some(only) => assert_eq!(shown, *only, "{title}"),
                None => {
                    assert!(shown.iter().any(|id| id == challenge.scenario), "{title}: {shown:?}");
                }
            }
        }
    }

    #[test]
    fn questions_that_a_challenge_answers_are_asked_where_it_is_shown() {
        let scenarios = &LESSON.scenarios;
        for challenge in all() {
            for question in challenge.answers {
                let (id, about) = question.split_once('/').expect("both have a name");
                let recordings =
                    scenarios.iter().filter(|it| it.id == id).flat_map(|it| it.editions.values());
                let is_asked =
                    |frame: &Frame| frame.ask.as_ref().is_some_and(|ask| ask.about == about);
                let is_shown = |frames: &[Frame]| {
                    let step = frames.iter().position(is_asked)?;
                    Some((step..frames.len()).any(|last| challenge.is_met(&frames[..=last])))
                };
                let shown: Vec<_> = recordings.filter_map(|it| is_shown(&it.frames)).collect();
                assert!(!shown.is_empty(), "{question} is not asked");
                assert!(shown.contains(&true), "{question}: {}", challenge.title.en);
            }
        }
    }

    #[test]
    fn both_keep_a_connection_whose_fins_have_crossed() {
        let kept = |of| Socket { of, state: "TIME_WAIT".to_owned(), ..Socket::default() };
        let (sides, sockets) = (vec![Side::default(); 2], vec![kept(0), kept(1)]);
        let frames = [Frame { sides, sockets, ..Frame::default() }];
        let met = all().into_iter().filter(|it| it.is_met(&frames)).map(|it| it.title.en);
        assert!(met.eq(["TIME_WAIT at the server", "TIME_WAIT at a client"]));
    }

    #[test]
    fn client_that_has_no_reply_is_not_served() {
        let connection = |of, port, peer, fd| Socket {
            of,
            fd,
            state: "ESTABLISHED".to_owned(),
            port: Some(port),
            peer: Some(peer),
            ..Socket::default()
        };
        let did = |call: &str, result: &str| Did(None, call.to_owned(), result.to_owned(), None);
        let side = |did| Side { did, ..Side::default() };
        let frame = |first: Vec<Did>, second: Vec<Did>| Frame {
            sides: vec![side(Vec::new()), side(first), side(second)],
            sockets: vec![
                connection(0, 12345, 40100, Some(4)),
                connection(0, 12345, 40200, Some(5)),
                connection(1, 40100, 12345, Some(3)),
                connection(2, 40200, 12345, Some(3)),
            ],
            ..Frame::default()
        };
        let connected = frame(vec![did("connect(3, x)", "0")], vec![did("connect(3, x)", "0")]);
        let one = frame(vec![did("recv(3, 4096)", "4 \"ACK!\"")], Vec::new());
        let two = frame(Vec::new(), vec![did("recv(3, 4096)", "4 \"ACK!\"")]);
        let frames = [connected, one, two];
        let served = |count: usize| served(&frames[..count]).len();
        assert_eq!([served(1), served(2), served(3)], [0, 1, 2]);
    }

    fn is_met(title: &str, frames: &[Frame]) -> bool {
        let all = all();
        let challenge = all.iter().find(|it| it.title.en == title);
        challenge.expect("there is such a challenge").is_met(frames)
    }

    fn socket(of: usize, state: &str) -> Socket {
        kernel::tests::socket(of, None, state)
    }

    #[test]
    fn reset_ends_only_what_was_a_connection() {
        let with_reset =
            |from, sockets: &[Socket]| frame(sockets, &[segment(from, "RST", 0, Extra::default())]);
        let is_met = |frames: &[Frame]| is_met("A reset (RST) ends a connection", frames);
        let connects = frame(&[socket(1, "SYN_SENT")], &[]);
        assert!(!is_met(&[connects, with_reset(0, &[])]));
        let open = frame(&[socket(1, "ESTABLISHED")], &[]);
        assert!(is_met(&[open.clone(), with_reset(0, &[socket(1, "CLOSED")])]));
        assert!(!is_met(&[open.clone(), with_reset(0, &[socket(1, "ESTABLISHED")])]));
        let sender_ends = with_reset(1, &[]);
        assert!(!is_met(&[open, sender_ends]));
    }

    #[test]
    fn client_is_connected_before_accept_also_where_its_handshake_ends_later() {
        let did = Did(None, "connect(3, x)".to_owned(), "0".to_owned(), None);
        let half_open = [socket(0, "SYN_RECV"), socket(1, "ESTABLISHED")];
        let mut connects = frame(&half_open, &[]);
        connects.sides[1].did.push(did);
        let queued = Socket { queued: true, ..socket(0, "ESTABLISHED") };
        let waits = frame(&[queued, socket(1, "ESTABLISHED")], &[]);
        let is_met =
            |frames: &[Frame]| is_met("`connect` returns before `accept` is called", frames);
        assert!(!is_met(std::slice::from_ref(&connects)));
        assert!(is_met(&[connects, waits]));
    }

    #[test]
    fn nothing_is_closing_before_its_own_fin_has_been_sent() {
        let closing = socket(0, "CLOSING");
        let unsent = Socket { unsent_fin: true, ..closing.clone() };
        let is_met = |socket| is_met("A connection in CLOSING", &[frame(&[socket], &[])]);
        assert!(is_met(closing) && !is_met(unsent));
    }
}
