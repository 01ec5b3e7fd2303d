//! What the kernel has done, in words: what the general sentences of the programs leave open.

use support::session::recording::{Extra, Frame, Segment, Socket, State, Words, name_of};

use crate::sentence::{self, joined, subject, words};

/// Says what a frame shows that the one before it did not.
pub fn of_change(frame: &Frame, before: Option<&Frame>) -> Words {
    let (acting, others) = sentence::of_sides(frame);
    let mut said = of_wire(frame, LATE, false);
    said.extend(acting);
    // In the order in which it happens: what a call sends, what becomes of that, and which calls return then.
    if let Some(before) = before {
        said.extend(of_interrupt(frame));
        said.extend(of_sent_resets(frame, before));
        said.extend(of_wire(frame, LOST_OR_HELD, false));
        said.extend(of_segments(frame, before));
        said.extend(of_wire(frame, LOST_OR_HELD, true));
        said.extend(of_known(frame));
        said.extend(of_unanswered(frame));
        said.extend(of_handshake(frame, before));
    }
    said.extend(others);
    if let Some(before) = before {
        said.extend(of_reset(frame, before));
        said.extend(of_sockets(frame, before));
    }
    if said.is_empty() {
        said.extend(of_questions(frame, before));
    }
    if said.is_empty() {
        let has_news = frame.sides.iter().any(|side| !side.new.is_empty());
        said.push(if has_news {
            words("A program goes on by itself.", "有程序自己继续运行。")
        } else {
            of_quiet_kernels(frame, before)
        });
    }
    joined(said)
}

/// Says what has happened where no program has done anything, and no kernel anything that needs more words.
fn of_quiet_kernels(frame: &Frame, before: Option<&Frame>) -> Words {
    let name = |who| subject(who, frame.sides.len());
    let mut said = Vec::new();
    for who in 0..frame.sides.len() {
        let Words { en, zh } = name(who);
        let bytes: usize = frame.segments.iter().filter(|it| it.0 == who).map(|it| it.4).sum();
        said.extend((bytes > 0).then(|| {
            words(
                format!("{en}’s kernel sends {} more.", sentence::bytes(bytes)),
                format!("{zh}的内核又发出 {bytes} 字节。"),
            )
        }));
    }
    for socket in &frame.sockets {
        let mut old = before.iter().flat_map(|before| &before.sockets);
        let Some(old) = old.find(|it| is_same(it, socket)) else {
            continue;
        };
        let Words { en, zh } = name(socket.of);
        let taken = socket.tx.unwrap_or(0).saturating_sub(old.tx.unwrap_or(0));
        if taken > 0 && frame.segments.is_empty() {
            said.push(words(
                format!(
                    "{en}’s kernel takes {} more from the program into the send queue.",
                    sentence::bytes(taken)
                ),
                format!("{zh}的内核又把程序的 {taken} 字节复制进发送队列。"),
            ));
        }
        if socket.full && !old.full {
            said.push(words(
                format!("{en}’s kernel announces a window of 0."),
                format!("{zh}的内核通告窗口为 0。"),
            ));
        }
    }
    let bare = frame.segments.iter().find(|it| it.2 == "ACK" && it.4 == 0);
    if let Some(segment) = bare.filter(|_| said.is_empty()) {
        let Words { en, zh } = name(segment.0);
        return words(
            format!("{en}’s kernel confirms what has come."),
            format!("{zh}的内核确认已收到的数据。"),
        );
    }
    let states = |frame: &Frame| {
        let seen = frame.sockets.iter().map(|it| (it.of, it.state.clone(), it.rx, it.tx, it.queue));
        seen.collect::<Vec<_>>()
    };
    if said.is_empty() && before.is_some_and(|before| states(before) != states(frame)) {
        said.push(words("Only the kernel’s sockets have changed.", "只有内核里的套接字有变化。"));
    }
    if said.is_empty() {
        said.push(words("Nothing changes.", "没有任何变化。"));
    }
    joined(said)
}

/// Returns whether a socket is the same in two frames, still held under its descriptor.
fn is_same(one: &Socket, other: &Socket) -> bool {
    one.fd == other.fd && one.is_same_end_as(other)
}

/// Returns the sockets of a program, as they were before, whose connections are over now, though it still holds them:
/// an error has ended them.
fn ended_by_errors<'a>(
    frame: &Frame,
    before: &'a Frame,
    who: usize,
) -> impl Iterator<Item = &'a Socket> {
    let is_over =
        |it: &Socket| frame.sockets.iter().any(|now| is_same(now, it) && now.state == "CLOSED");
    let its = before.sockets.iter().filter(move |it| it.of == who && it.fd.is_some());
    its.filter(move |it| it.state != "CLOSED" && is_over(it))
}

/// Returns the socket of a program, as it was before, whose connection its kernel has given up: nothing has
/// come from the other end, and it is over all the same.
pub fn given_up<'a>(frame: &Frame, before: &'a Frame, who: usize) -> Option<&'a Socket> {
    let has_come = frame.segments.iter().any(|it| it.1 == who && !it.5.lost && !it.5.held);
    let waits = |it: &&Socket| ["ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1"].contains(&&*it.state);
    ended_by_errors(frame, before, who).find(waits).filter(|_| !has_come)
}

/// Says that a kernel has given a connection up, and why.
fn of_given_up(socket: &Socket, frame: &Frame) -> Words {
    let Words { en, zh } = subject(socket.of, frame.sides.len());
    let what = match socket.tx {
        Some(_) => words("what its kernel has sent again and again", "内核反复重传的数据"),
        None => words("its kernel’s keepalive probes", "内核的保活探测"),
    };
    let has_reset = frame.segments.iter().any(|it| it.0 == socket.of && it.2.contains("RST"));
    let reset =
        if has_reset { words(" by a reset (RST)", "，并发出 RST") } else { Words::default() };
    let given_up = words(
        format!(
            "{en}: nothing has answered {}, so the kernel gives the connection up{}.",
            what.en, reset.en
        ),
        format!("{}：{}一直没有得到回应，内核放弃这个连接{}。", zh.trim(), what.zh, reset.zh),
    );
    let mut did = frame.sides[socket.of].did.iter();
    let is_told = did.any(|did| did.2.starts_with("-1 Connection timed out"));
    let next = next_calls(socket, "Connection timed out");
    joined([given_up].into_iter().chain((!is_told).then_some(next)))
}

/// Says what a reset means for the next call: one that answers a `send`, or that was held and arrives now.
fn of_reset(frame: &Frame, before: &Frame) -> Option<Words> {
    let sends = frame.who.filter(|_| frame.call.as_deref() == Some("send"));
    let means = |it: &&Segment| it.2.contains("RST") && (it.5.late || Some(it.1) == sends);
    let Segment(_, who, _, _, _, extra) = frame.segments.iter().find(means)?;
    let Words { en, zh } = subject(*who, frame.sides.len());
    if extra.held {
        return Some(words(
            format!("Once the RST arrives, the connection is over for {}, too.", en.to_lowercase()),
            format!("RST 一旦送达，对{}来说，这个连接也就终止。", zh.trim()),
        ));
    }
    let is_told = frame.sides[*who].did.iter().any(|did| did.2.starts_with("-1 "));
    let socket = ended_by_errors(frame, before, *who).next().filter(|_| !is_told)?;
    let is_half_closed = socket.state == "CLOSE_WAIT";
    let error = if is_half_closed { "Broken pipe" } else { "Connection reset by peer" };
    Some(next_calls(socket, error))
}

/// Says what calls return on a socket that was in this state when its connection ended by an error.
fn next_calls(socket: &Socket, error: &str) -> Words {
    match &*socket.state {
        "CLOSE_WAIT" => words(
            format!("After that, `recv` still returns 0, and the next `send` fails: {error}."),
            format!("此后 recv 仍返回 0，而下一次 send 会失败：{error}。"),
        ),
        "CLOSING" | "LAST_ACK" => {
            words("After that, `recv` still returns 0.", "此后 recv 仍返回 0。")
        }
        "FIN_WAIT_1" | "FIN_WAIT_2" => words(
            format!("After that, a `recv` that finds no bytes fails: {error}."),
            format!("此后，接收队列为空时 recv 会失败：{error}。"),
        ),
        _ => words(
            format!(
                "After that, the next `send` fails, and so does a `recv` that finds no bytes: {error}."
            ),
            format!("此后，下一次 send 会失败，接收队列为空时 recv 也会失败：{error}。"),
        ),
    }
}

/// Says why Ctrl-C has not ended a program.
fn of_interrupt(frame: &Frame) -> Option<Words> {
    let side = &frame.sides[frame.who.filter(|_| frame.call.as_deref() == Some("kill"))?];
    if !side.state.is_running() {
        return None;
    }
    let waits = side.threads.iter().any(|it| matches!(it.state, State::Waits(_)));
    Some(if side.state.asks().is_some_and(|call| name_of(call) == "close") {
        words(
            "It is about to end, and asks before it closes its sockets.",
            "它就要结束了，在关闭套接字之前还会询问。",
        )
    } else if waits {
        words(
            "It has not ended: Python waits for its other threads, and a thread still waits for its client.",
            "它还没有结束：Python 要等其他线程结束，而有线程还在等它的客户端。",
        )
    } else {
        words("It has not ended: it handles Ctrl-C itself.", "它没有结束：它自己处理 Ctrl-C。")
    })
}

/// Says that bytes complete a handshake whose third segment has not arrived: they carry an ACK, too.
fn of_handshake(frame: &Frame, before: &Frame) -> Option<Words> {
    let is_open = |it: &Socket| it.state == "ESTABLISHED" || it.state == "CLOSE_WAIT";
    let opens = |old: &Socket| frame.sockets.iter().any(|it| it.is_same_end_as(old) && is_open(it));
    let opened = before.sockets.iter().find(|old| old.state == "SYN_RECV" && opens(old))?;
    let mut arrived =
        frame.segments.iter().filter(|it| it.1 == opened.of && !it.5.lost && !it.5.held);
    let Segment(from, _, _, _, length, _) = arrived.find(|it| !it.2.contains("SYN"))?;
    let Words { en, zh } = subject(*from, frame.sides.len());
    (*length > 0).then(|| {
        words(
            format!("{en}’s bytes carry an ACK, too: that completes the handshake in place of its third segment."),
            format!("{zh}的数据报文段自带 ACK：它代替第三个报文段，完成了握手。"),
        )
    })
}

fn of_segments(frame: &Frame, before: &Frame) -> Vec<Words> {
    let programs = frame.sides.len();
    let mut said = Vec::<Words>::new();
    for Segment(from, to, flags, _, length, extra) in &frame.segments {
        let Words { en, zh } = subject(*from, programs);
        let is_full = |frame: &Frame| frame.sockets.iter().any(|it| it.of == *to && it.full);
        let new = if extra.again
            && (flags.starts_with("SYN") || (flags.contains("FIN") && *length == 0))
        {
            let flag = if flags.contains("FIN") { "FIN" } else { flags };
            words(
                format!("{en}’s kernel sends its {flag} again."),
                format!("{zh}的内核重传 {flag}。"),
            )
        } else if extra.again && *length > 0 {
            words(
                format!("{en}’s kernel sends its bytes again, since nothing has confirmed them."),
                format!("{zh}的数据没有得到确认，内核重传。"),
            )
        } else if extra.probe && !extra.late && (is_full(frame) || is_full(before)) {
            words(
                format!(
                    "{en}’s kernel sends a probe: the other side has announced a window of 0. Can it take more now?"
                ),
                format!("{zh}的内核发出探测：对端通告的窗口是 0，现在能否再接收？"),
            )
        } else if extra.probe && !extra.late {
            words(
                format!("{en}’s kernel asks whether the other side is still there: keepalive."),
                format!("{zh}的内核询问对端是否还在：保活。"),
            )
        } else {
            continue;
        };
        if !said.contains(&new) {
            said.push(new);
        }
    }
    said
}

/// Says that kernels drop what they have had before.
fn of_known(frame: &Frame) -> Vec<Words> {
    let mut known =
        frame.segments.iter().filter(|it| it.5.known).map(|it| it.1).collect::<Vec<_>>();
    known.dedup();
    let said = |to| {
        let Words { en, zh } = subject(to, frame.sides.len());
        words(
            format!(
                "{en}’s kernel has had that already: it drops the copy, and only confirms it once more."
            ),
            format!("{zh}的内核早已收到过，丢弃这一份，只再确认一次。"),
        )
    };
    known.into_iter().map(said).collect()
}

/// Says what becomes of a connection whose keepalive probes are not answered.
fn of_unanswered(frame: &Frame) -> Option<Words> {
    let is_stopped = |it: &Segment| (it.5.probe || it.5.answer) && (it.5.lost || it.5.held);
    let stopped = frame.segments.iter().find(|it| is_stopped(it))?;
    let who = if stopped.5.probe { stopped.0 } else { stopped.1 };
    let mut its = frame.sockets.iter().filter(|it| it.of == who);
    let probes = its.find_map(|it| it.probes)?;
    Some(words(
        format!("After {probes} probes without an answer it gives the connection up."),
        format!("连续 {probes} 次探测没有回应，它就放弃这个连接。"),
    ))
}

/// Says which connections kernels have given up, and why they send resets.
fn of_sent_resets(frame: &Frame, before: &Frame) -> Vec<Words> {
    let mut said = Vec::<Words>::new();
    for who in 0..frame.sides.len() {
        let refuses = frame.segments.iter().any(|it| it.2 == "SYN" && it.0 != who);
        let mut its = frame.segments.iter().filter(|it| it.0 == who && !it.5.late);
        if let Some(socket) = given_up(frame, before, who) {
            said.push(of_given_up(socket, frame));
        } else if its.any(|it| it.2.contains("RST")) && !refuses {
            said.push(of_sent_reset(frame, before, who));
        }
    }
    said
}

/// Says why a program's kernel sends a reset.
fn of_sent_reset(frame: &Frame, before: &Frame, from: usize) -> Words {
    let Words { en, zh } = subject(from, frame.sides.len());
    let is_there = |socket: &&Socket| frame.sockets.iter().any(|it| it.is_same_end_as(socket));
    let mut gone = before.sockets.iter().filter(|it| it.of == from && it.peer.is_some());
    let gone = gone.find(|it| (it.fd.is_some() || it.queued) && !is_there(it));
    let has = |sender: bool, what: fn(&Segment) -> bool| {
        frame.segments.iter().any(|it| (it.0 == from) == sender && what(it))
    };
    let is_over = |it: &Socket| it.of == from && it.state == "CLOSED" && it.peer.is_some();
    let is_orphan = |it: &Socket| {
        it.of == from && it.fd.is_none() && ["FIN_WAIT_1", "FIN_WAIT_2"].contains(&&*it.state)
    };
    match gone {
        Some(socket) if socket.queued => words(
            format!(
                "{en}’s listening socket is closed, so its kernel ends what waits in the accept queue by a reset (RST)."
            ),
            format!("{zh}的监听套接字被关闭，内核用 RST 终止还在全连接队列中的连接。"),
        ),
        Some(socket)
            if socket.rx > Some(0)
                || has(false, |it| it.4 > 0) && !has(true, |it| it.2.contains("FIN")) =>
        {
            words(
                format!(
                    "{en}’s socket was closed over unread bytes, so its kernel sends a reset (RST)."
                ),
                format!("{zh}的套接字里还有未读数据就被关闭，所以内核发出 RST。"),
            )
        }
        Some(_) if !has(false, |it| it.4 > 0) => words(
            format!(
                "`SO_LINGER` is 0 seconds: so closing {}’s socket sends a reset (RST) in place of a FIN.",
                en.to_lowercase()
            ),
            format!("SO_LINGER 设为 0 秒：{zh}的套接字关闭时，内核发出的是 RST，而不是 FIN。"),
        ),
        _ if before.sockets.iter().any(is_over) => words(
            format!("{en}’s kernel answers with a reset (RST): for it, the connection is over."),
            format!("{zh}的内核用 RST 回应：对它来说，这个连接已经结束。"),
        ),
        _ if before.sockets.iter().any(is_orphan) && has(false, |it| it.4 > 0) => words(
            format!(
                "{en}’s kernel answers with a reset (RST): no program can read these bytes any more."
            ),
            format!("{zh}的内核用 RST 回应：已经没有程序能读取这些数据。"),
        ),
        _ if frame.segments.iter().any(|it| it.1 == from && !it.5.lost && !it.5.held) => words(
            format!("{en}’s kernel answers with a reset (RST): nobody has that socket any more."),
            format!("{zh}的内核用 RST 回应：那个套接字已不存在。"),
        ),
        _ => words(
            format!("{en}’s kernel ends the connection by a reset (RST)."),
            format!("{zh}的内核用 RST 终止连接。"),
        ),
    }
}

/// What can become of segments between two machines, and how that is said of one, and of several.
type Fates = &'static [(fn(&Extra) -> bool, [&'static str; 2], &'static str)];

const LATE: Fates = &[(|it| it.late, ["arrives now", "arrive now"], "现在送达")];

const LOST_OR_HELD: Fates = &[
    (|it| it.lost, ["gets lost on its way", "get lost on their way"], "在途中丢失"),
    (|it| it.held, ["is held on the wire", "are held on the wire"], "被扣在线路上"),
];

/// Says what has become of segments between two machines, where they have not simply arrived: of those that
/// are sent again, or of the others.
fn of_wire(frame: &Frame, fates: Fates, again: bool) -> Vec<Words> {
    let mut said = Vec::new();
    for (is_it, en, zh) in fates {
        for from in 0..frame.sides.len() {
            let its = frame.segments.iter().filter(|it| it.0 == from && it.5.again == again);
            let its: Vec<&Segment> = its.filter(|it| is_it(&it.5)).collect();
            let name = subject(from, frame.sides.len());
            let new = match &its[..] {
                [] => None,
                [Segment(_, _, _, _, _, Extra { again: true, lost, held, .. })]
                    if *lost || *held =>
                {
                    Some(words(
                        if *lost { "It gets lost again." } else { "The copy is held, too." },
                        if *lost { "又丢失了。" } else { "这一份也被扣住。" },
                    ))
                }
                [segment] => {
                    let what = what_travels(segment);
                    Some(words(
                        format!("{}’s {} {}.", name.en, what.en, en[0]),
                        format!("{}的{}{}。", name.zh, what.zh, zh),
                    ))
                }
                several => Some(words(
                    format!(
                        "{} of {}’s segments {}.",
                        several.len(),
                        name.en.to_lowercase(),
                        en[1]
                    ),
                    format!("{}的 {} 个报文段{}。", name.zh, several.len(), zh),
                )),
            };
            said.extend(new.filter(|new| !said.contains(new)));
        }
    }
    said
}

/// Returns what a segment is called.
fn what_travels(Segment(_, _, flags, text, length, extra): &Segment) -> Words {
    match *length {
        0 => {
            let flag = ["SYN ACK", "SYN", "FIN", "RST"].into_iter().find(|it| flags.contains(it));
            let flag = flag.unwrap_or("ACK");
            match extra {
                Extra { probe: true, .. } => words("probe", "探测"),
                Extra { answer: true, .. } => words("answer to the probe", "对探测的回答"),
                _ => words(flag, format!(" {flag} ")),
            }
        }
        length if length <= 20 && !text.contains('`') => {
            words(format!("`\"{text}\"`"), format!(" `\"{text}\"` "))
        }
        length => words(
            format!("segment of {}", sentence::bytes(length)),
            format!(" {length} 字节报文段"),
        ),
    }
}

/// Returns whether a socket's other end has sent a FIN too before it got one.
fn has_crossed(socket: &Socket, frame: &Frame) -> bool {
    let states = ["FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "TIME_WAIT"];
    let mut sockets = frame.sockets.iter();
    sockets.any(|it| it.is_other_end_of(socket) && states.contains(&&*it.state))
}

fn of_sockets(frame: &Frame, before: &Frame) -> Vec<Words> {
    let programs = frame.sides.len();
    let find = |frame: &'_ Frame, socket: &Socket| {
        frame.sockets.iter().position(|it| it.is_same_end_as(socket) && it.port.is_some())
    };
    let mut said = Vec::new();
    for socket in &frame.sockets {
        let old = find(before, socket).map(|at| &before.sockets[at]);
        let Words { en, zh } = subject(socket.of, programs);
        if socket.queued && !old.is_some_and(|old| old.queued) {
            said.push(words(
                "The connection waits in the accept queue.",
                "连接在全连接队列中等待 accept。",
            ));
        }
        if let Some(old) = old.filter(|old| old.state == socket.state) {
            if old.unsent_fin && !socket.unsent_fin {
                said.push(words(
                    format!("{en}’s kernel sends its FIN only now."),
                    format!("{zh}的内核到现在才发出 FIN。"),
                ));
            }
            continue;
        }
        match &*socket.state {
            "CLOSE_WAIT" => said.push(words(
                format!("A FIN has come: {}’s socket is in CLOSE_WAIT until it is closed.", en.to_lowercase()),
                format!("FIN 已到达：{zh}的套接字处于 CLOSE_WAIT，直到它被关闭。"),
            )),
            "SYN_RECV" => said.push(words(
                format!("In SYN_RECV, {}’s kernel waits for the third segment of the handshake.", en.to_lowercase()),
                format!("{zh}的内核处于 SYN_RECV，等待握手的第三个报文段。"),
            )),
            "FIN_WAIT_1" | "LAST_ACK" if socket.unsent_fin => said.push(words(
                format!("{en}’s FIN has not been sent: it waits behind the bytes that are not confirmed."),
                format!("{zh}的 FIN 还没有发出：它排在尚未得到确认的数据之后。"),
            )),
            "CLOSING" if socket.unsent_fin => said.push(words(
                format!("A FIN has come, and {}’s own has not been sent: it waits behind the bytes that are not confirmed. This is CLOSING, too.", en.to_lowercase()),
                format!("FIN 已到达，而{zh}自己的 FIN 还没有发出：它排在尚未得到确认的数据之后。这也是 CLOSING。"),
            )),
            "CLOSING" => said.push(words(
                format!("The two FINs have crossed. {en}’s is not confirmed yet: CLOSING."),
                format!("两个 FIN 在途中交错。{zh}的 FIN 尚未得到确认：CLOSING。"),
            )),
            "TIME_WAIT" if old.is_some_and(|old| old.state == "CLOSING") => said.push(words(
                format!("{en}’s FIN is confirmed. This side was closed before the other one’s FIN came, so its kernel keeps the connection for a minute, in TIME_WAIT."),
                format!("{zh}的 FIN 得到确认。这一方在对端的 FIN 到达之前就已关闭，所以{zh}的内核也要把连接保留一分钟，状态为 TIME_WAIT。"),
            )),
            "TIME_WAIT" if [frame, before].iter().any(|frame| has_crossed(socket, frame)) => said.push(words(
                format!("{en}’s kernel sent its FIN before the other one came, so it keeps the connection for a minute, in TIME_WAIT."),
                format!("{zh}的内核在对端的 FIN 到达之前就已发出自己的 FIN，所以它也要把连接保留一分钟，状态为 TIME_WAIT。"),
            )),
            "TIME_WAIT" => said.push(words(
                format!("{en}’s kernel sent the first FIN, so it keeps the connection for a minute, in TIME_WAIT."),
                format!("先发出 FIN 的是{zh}的内核，所以它还要把连接保留一分钟，状态为 TIME_WAIT。"),
            )),
            _ => {}
        }
    }
    for socket in before.sockets.iter().filter(|socket| socket.state == "TIME_WAIT") {
        if find(frame, socket).is_none() {
            let Words { en, zh } = subject(socket.of, programs);
            said.push(words(
                format!("{en}’s TIME_WAIT is over: the kernel has forgotten the connection."),
                format!("{zh}的 TIME_WAIT 结束了：内核不再保留这个连接。"),
            ));
        }
    }
    said
}

/// Says which calls are asked for now, and were not before.
fn of_questions(frame: &Frame, before: Option<&Frame>) -> Vec<Words> {
    let sides = frame.sides.iter().enumerate();
    sides
        .filter_map(|(who, side)| {
            let call = side.state.asks()?;
            let was = before.and_then(|before| before.sides.get(who)?.state.asks());
            let Words { en, zh } = subject(who, frame.sides.len());
            let call = name_of(call);
            (was.map(name_of) != Some(call)).then(|| {
                words(
                    format!("{en} goes on by itself, and asks to call `{call}`."),
                    format!("{zh}自己继续运行，接下来要调用 {call}。"),
                )
            })
        })
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use support::session::recording::Side;

    pub fn socket(of: usize, fd: Option<u32>, state: &str) -> Socket {
        let (port, peer) = if of == 0 { (12345, 40100) } else { (40100, 12345) };
        let (port, peer, state) = (Some(port), Some(peer), state.to_owned());
        Socket { of, fd, state, port, peer, ..Socket::default() }
    }

    pub fn segment(from: usize, flags: &str, length: usize, extra: Extra) -> Segment {
        Segment(from, 1 - from, flags.to_owned(), String::new(), length, extra)
    }

    fn held() -> Extra {
        Extra { held: true, ..Extra::default() }
    }

    fn late() -> Extra {
        Extra { late: true, ..Extra::default() }
    }

    pub fn frame(sockets: &[Socket], segments: &[Segment]) -> Frame {
        let sides = vec![Side::default(); 2];
        Frame { sides, sockets: sockets.into(), segments: segments.into(), ..Frame::default() }
    }

    #[track_caller]
    fn says(before: &Frame, frame: &Frame, expected: &str) {
        let said = of_change(frame, Some(before)).en;
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn reset_makes_calls_fail_once_it_has_arrived() {
        let [open, over] = ["ESTABLISHED", "CLOSED"].map(|it| socket(0, Some(4), it));
        let before = frame(&[open.clone(), socket(1, None, "FIN_WAIT_1")], &[]);
        let sent = segment(0, "ACK", 4, Extra::default());
        let reset = |extra| segment(1, "RST", 0, extra);
        let sends = Frame {
            who: Some(0),
            call: Some("send".to_owned()),
            ..frame(&[open], &[sent, reset(held())])
        };
        says(&before, &sends, "no program can read these bytes any more");
        says(&before, &sends, "Once the RST arrives, the connection is over for the server, too.");
        let arrives = frame(&[over], &[reset(late())]);
        says(&sends, &arrives, "After that, the next `send` fails");
        let over = |state| frame(&[socket(0, Some(4), state)], &[]);
        says(
            &over("CLOSE_WAIT"),
            &over("CLOSED"),
            "`recv` still returns 0, and the next `send` fails: Connection timed out",
        );
    }

    #[test]
    fn fins_cross_only_where_both_have_been_sent() {
        let waiting = |state| Socket { unsent_fin: true, ..socket(0, Some(4), state) };
        let open = frame(&[socket(0, Some(4), "ESTABLISHED")], &[]);
        let closes = frame(&[waiting("FIN_WAIT_1")], &[]);
        says(&open, &closes, "The server’s FIN has not been sent: it waits behind the bytes");
        let fin = segment(1, "FIN ACK", 0, late());
        let closing = frame(&[waiting("CLOSING")], std::slice::from_ref(&fin));
        says(&closes, &closing, "the server’s own has not been sent");
        let sent = frame(&[socket(0, Some(4), "FIN_WAIT_1")], &[]);
        says(&closes, &sent, "The server’s kernel sends its FIN only now.");
        let closing = frame(&[socket(0, Some(4), "CLOSING")], &[fin]);
        says(&sent, &closing, "The two FINs have crossed.");
    }

    #[test]
    fn bytes_complete_a_handshake_whose_third_segment_is_held() {
        let half_open = frame(&[socket(0, None, "SYN_RECV")], &[]);
        let open =
            |extra| frame(&[socket(0, Some(4), "ESTABLISHED")], &[segment(1, "ACK", 15, extra)]);
        says(&half_open, &open(late()), "The client’s bytes carry an ACK, too");
        assert!(of_handshake(&open(held()), &half_open).is_none());
    }

    #[test]
    fn probe_of_a_window_of_zero_says_nothing_of_how_full_the_queue_is() {
        let [open, client] = [socket(0, Some(4), "ESTABLISHED"), socket(1, Some(3), "ESTABLISHED")];
        let full = Socket { rx: Some(932), full: true, ..open.clone() };
        let probe = Extra { probe: true, ..Extra::default() };
        let answer = Extra { answer: true, ..Extra::default() };
        let probes = |end| {
            let segments =
                [segment(1, "ACK", 0, probe.clone()), segment(0, "ACK", 0, answer.clone())];
            frame(&[end, client.clone()], &segments)
        };
        says(
            &frame(std::slice::from_ref(&full), &[]),
            &probes(full),
            "announced a window of 0. Can it take",
        );
        says(&frame(std::slice::from_ref(&open), &[]), &probes(open), "is still there: keepalive.");
    }

    #[test]
    fn kernel_gives_up_after_so_many_probes_without_an_answer() {
        let client = Socket { probes: Some(6), ..socket(1, Some(3), "ESTABLISHED") };
        let before = frame(std::slice::from_ref(&client), &[]);
        let lost = segment(0, "ACK", 0, Extra { answer: true, lost: true, ..Extra::default() });
        let lost = frame(&[client], &[lost]);
        says(
            &before,
            &lost,
            "The server’s answer to the probe gets lost on its way. After 6 probes",
        );
    }

    #[test]
    fn copy_that_comes_late_is_dropped() {
        let copy = segment(1, "ACK", 15, Extra { known: true, ..late() });
        says(
            &frame(&[], &[]),
            &frame(&[], &[copy]),
            "arrives now. The server’s kernel has had that",
        );
    }
}
