//! What the kernel has done, in words, and why a call has failed: what the general sentences of the
//! programs leave open.

use support::session::recording::{Did, Frame, Segment, Socket, State, Words, name_of};

use crate::sentence::{self, subject, words};

/// Says what a frame shows that the one before it did not.
pub fn of_change(frame: &Frame, before: Option<&Frame>) -> Words {
    let programs = sentence::of_frame(frame);
    let mut said: Vec<Words> = Some(programs).filter(|it| !it.en.is_empty()).into_iter().collect();
    if let Some(before) = before {
        said.extend(of_failures(frame, before));
        said.extend(of_interrupt(frame));
        said.extend(of_segments(frame, before));
        said.extend(of_sockets(frame, before));
    }
    if said.is_empty() {
        said.extend(of_questions(frame, before));
    }
    if said.is_empty() {
        said.push(words("A program goes on by itself.", "有程序自己继续运行。"));
    }
    let (en, zh): (Vec<String>, Vec<String>) = said.into_iter().map(|it| (it.en, it.zh)).unzip();
    words(en.join(" "), zh.concat())
}

/// Says why calls have failed.
fn of_failures(frame: &Frame, before: &Frame) -> Vec<Words> {
    let all = frame.sides.iter().flat_map(|side| &side.did);
    all.filter_map(|Did(_, call, result, _)| {
        let reason = result.strip_prefix("-1 ")?;
        let time_wait = || before.sockets.iter().any(|it| it.state == "TIME_WAIT" && it.of == 0);
        Some(match (name_of(call), reason) {
            ("connect", reason) if reason.starts_with("Connection refused") => words(
                "No socket listens there, so a kernel answers the SYN with a reset (RST).",
                "那里没有监听的套接字，所以内核用 RST 回应 SYN。",
            ),
            (_, reason) if reason.starts_with("Address already in use") && time_wait() => words(
                "The connection in TIME_WAIT still has this address, and the program has not set `SO_REUSEADDR`.",
                "处于 TIME_WAIT 的连接还占着这个地址，而程序没有设置 `SO_REUSEADDR`。",
            ),
            (_, reason) if reason.starts_with("Address already in use") => {
                words("Another socket has this address.", "另一个套接字占着这个地址。")
            }
            (_, reason) if reason.starts_with("Connection reset") => words(
                "A reset (RST) has come: the other side closed over bytes that it had not read, or its socket was gone.",
                "收到了 RST：对方还有未读的数据就关闭了，或者对方的套接字已不存在。",
            ),
            (_, reason) if reason.starts_with("Broken pipe") => words(
                "A reset (RST) came before: the connection is over, and nobody can get these bytes.",
                "之前已收到 RST：连接已经结束，这些数据没有人能收到。",
            ),
            _ => return None,
        })
    })
    .collect()
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

fn of_segments(frame: &Frame, before: &Frame) -> Vec<Words> {
    let programs = frame.sides.len();
    let mut said: Vec<Words> = Vec::new();
    for Segment(from, _, flags, _, length, extra) in &frame.segments {
        let Words { en, zh } = subject(*from, programs);
        let is_answer = frame.segments.iter().any(|it| it.2 == "SYN" && it.0 != *from);
        let new = if extra.again && flags == "SYN" {
            words(format!("{en}’s kernel sends its SYN again."), format!("{zh}的内核重发 SYN。"))
        } else if extra.again && *length > 0 {
            words(
                format!("{en}’s kernel sends its bytes again, since nothing has confirmed them."),
                format!("{zh}的数据没有得到确认，它的内核再次发送。"),
            )
        } else if flags.contains("RST") && !is_answer {
            let unread = |it: &Socket| it.of == *from && it.rx > Some(0) && it.state != "LISTEN";
            if before.sockets.iter().any(unread) {
                words(
                    format!(
                        "{en}’s socket was closed over unread bytes, so its kernel sends a reset (RST)."
                    ),
                    format!("{zh}的套接字里还有未读数据就被关闭，所以内核发出 RST。"),
                )
            } else {
                words(
                    format!(
                        "{en}’s kernel answers with a reset (RST): nobody has that socket any more."
                    ),
                    format!("{zh}的内核用 RST 回应：那个套接字已不存在。"),
                )
            }
        } else {
            continue;
        };
        if !said.contains(&new) {
            said.push(new);
        }
    }
    said
}

fn of_sockets(frame: &Frame, before: &Frame) -> Vec<Words> {
    let programs = frame.sides.len();
    let key = |it: &Socket| (it.of, it.port, it.peer);
    let find = |frame: &'_ Frame, socket: &Socket| {
        frame.sockets.iter().position(|it| key(it) == key(socket) && it.port.is_some())
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
        if old.is_some_and(|old| old.state == socket.state) {
            continue;
        }
        match &*socket.state {
            "CLOSE_WAIT" => said.push(words(
                format!("A FIN has come: {}’s socket is in CLOSE_WAIT until it is closed.", en.to_lowercase()),
                format!("FIN 已到达：{zh}的套接字处于 CLOSE_WAIT，直到它被关闭。"),
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
