//! General sentences, one for each call and result, in both languages.

use std::fmt::Display;

use support::session::recording::{
    At, Did, Frame, Side, Socket, State, When, Words, descriptor_of, name_of,
};

use crate::scenario::Event;

pub fn words(en: impl Into<String>, zh: impl Into<String>) -> Words {
    Words { en: en.into(), zh: zh.into() }
}

/// Counts bytes in English.
pub fn bytes(count: impl Display) -> String {
    match count.to_string() {
        one if one == "1" => "1 byte".to_owned(),
        more => format!("{more} bytes"),
    }
}

/// Puts sentences together.
pub fn joined(said: impl IntoIterator<Item = Words>) -> Words {
    let (en, zh): (Vec<String>, Vec<String>) = said.into_iter().map(|it| (it.en, it.zh)).unzip();
    words(en.join(" "), zh.concat())
}

/// Returns what a program is called at the beginning of a sentence.
pub fn subject(who: usize, programs: usize) -> Words {
    match who {
        0 => words("The server", "服务器"),
        _ if programs == 2 => words("The client", "客户端"),
        _ => words(format!("Client {who}"), format!("客户端 {who} ")),
    }
}

/// Says what a step shows of the program that acted, and of the others.
pub fn of_sides(frame: &Frame) -> (Vec<Words>, Vec<Words>) {
    let acting = frame.who.map(|who| of_side(frame, who)).unwrap_or_default();
    let others = (0..frame.sides.len()).filter(|who| Some(*who) != frame.who);
    (acting, others.flat_map(|who| of_side(frame, who)).collect())
}

fn of_side(frame: &Frame, who: usize) -> Vec<Words> {
    let (side, subject) = (&frame.sides[who], subject(who, frame.sides.len()));
    let Words { en, zh } = &subject;
    let call = frame.call.as_deref().filter(|_| frame.who == Some(who));
    let has_ended = matches!(side.state, State::Ended(_));
    let mut said = Vec::new();
    match call {
        Some("start") => said.push(words(format!("{en} is started."), format!("{zh}启动。"))),
        Some("input") => {
            let line = side.new.lines().next().unwrap_or_default();
            said.push(words(
                format!("{en} reads a line from its terminal: {line}."),
                format!("{zh}从终端读入一行：{line}。"),
            ));
        }
        Some("end of input") => said.push(words(
            format!("{en}’s input ends, as with Ctrl-D in its terminal."),
            format!("{zh}的输入结束，如同在终端里按 Ctrl-D。"),
        )),
        Some("kill") if has_ended => said.push(words(
            format!("Ctrl-C ends {}.", en.to_lowercase()),
            format!("Ctrl-C 终止了{}。", zh.trim_end()),
        )),
        Some("kill") => said.push(words(
            format!("{en} is interrupted by Ctrl-C."),
            format!("{zh}被 Ctrl-C 打断。"),
        )),
        Some("kill -9") => said.push(words(
            format!("{en} is ended at once by `kill -9`, and the kernel closes its sockets."),
            format!("{zh}被 kill -9 立即终止，套接字由内核关闭。"),
        )),
        _ => {}
    }
    said.extend(side.did.iter().map(|did| returned(frame, who, did)));
    let has_blocked =
        |at: &&At| at.1 == When::Blocked && call == Some(name_of(&at.2)) && has_begun(side, &at.2);
    said.extend(side.at.iter().find(has_blocked).map(|at| waits(&subject, &at.2)));
    if !matches!(call, Some("kill" | "kill -9")) {
        said.extend(exception_in(&side.new).map(|error| raised(&subject, side, error)));
    }
    let is_killed = matches!(call, Some("kill" | "kill -9"));
    if side.new.ends_with("$ ") && has_ended && !is_killed {
        said.push(words(format!("{en} ends."), format!("{zh}结束。")));
    }
    said
}

/// Returns whether a call has begun in this step, and is not one in which another thread has waited before. A `send`
/// does not say that it begins: it has, unless the one that was let go has returned.
fn has_begun(side: &Side, call: &str) -> bool {
    match name_of(call) {
        "send" => !side.did.iter().any(|did| name_of(&did.1) == "send"),
        _ => side.new.contains(&format!("[.] {call} ...\n")),
    }
}

/// Returns the last line of an exception that Python has shown.
fn exception_in(new: &str) -> Option<&str> {
    let begins =
        |line: &str| line.starts_with("Traceback (") || line.contains("Exception in thread");
    let is_error = |line: &&str| {
        let name = line.split([':', ' ']).next().unwrap_or_default();
        !name.is_empty()
            && !line.starts_with(' ')
            && name.chars().all(|it| it.is_alphanumeric() || "._".contains(it))
    };
    let mut lines = new.lines().skip_while(|line| !begins(line) && !line.starts_with("  File \""));
    let beginning = lines.next()?;
    let rest: Vec<&str> = lines.filter(|line| !begins(line)).collect();
    let error = rest.iter().find(|line| is_error(line) && line.contains("Error"));
    let error = error.or_else(|| rest.iter().find(|line| is_error(line)));
    error.copied().filter(|error| {
        begins(beginning) || error.starts_with("SyntaxError") || error.contains("Error:")
    })
}

fn raised(Words { en, zh }: &Words, side: &Side, error: &str) -> Words {
    let error = error.replace('`', "'");
    let is_syntax =
        ["SyntaxError", "IndentationError", "TabError"].iter().any(|it| error.starts_with(it));
    match side.raised {
        _ if is_syntax => words(
            format!(
                "Python cannot read {}’s program, so none of it runs: {error}.",
                en.to_lowercase()
            ),
            format!("Python 读不懂{zh}的程序，一行也没有运行：{error}。"),
        ),
        Some(_) => words(
            format!("The marked line of {} raises an exception: {error}.", en.to_lowercase()),
            format!("{zh}带标记的那一行抛出异常：{error}。"),
        ),
        None => {
            words(format!("{en} raises an exception: {error}."), format!("{zh}抛出异常：{error}。"))
        }
    }
}

/// Says which connections a program has forgotten to close.
pub fn of_unclosed(frame: &Frame) -> Option<Words> {
    let is_forgotten = |socket: &&Socket| {
        let side = &frame.sides[socket.of];
        let uses = |at: &At| socket.fd.is_some() && descriptor_of(&at.2) == socket.fd;
        let is_open = ["CLOSE_WAIT", "ESTABLISHED"].contains(&&*socket.state);
        is_open && socket.fd.is_some() && !side.at.iter().any(uses)
    };
    // The other end has been closed, or somebody waits there.
    let other = |socket: &Socket| frame.sockets.iter().find(|it| it.is_other_end_of(socket));
    let waits_for = |socket: &&Socket| {
        socket.state == "CLOSE_WAIT"
            || other(socket).is_some_and(|it| {
                let waits = |at: &At| name_of(&at.2) == "recv" && descriptor_of(&at.2) == it.fd;
                it.fd.is_some() && frame.sides[it.of].at.iter().any(waits)
            })
    };
    let socket = frame.sockets.iter().filter(is_forgotten).find(waits_for)?;
    let (descriptor, Words { en, zh }) =
        (socket.fd.unwrap_or_default(), subject(socket.of, frame.sides.len()));
    if let Some(count) = socket.rx.filter(|count| *count > 0) {
        return Some(words(
            format!(
                "{} still {} at {}’s descriptor {descriptor}, which it has neither read nor closed.",
                bytes(count),
                if count == 1 { "waits" } else { "wait" },
                en.to_lowercase()
            ),
            format!("{zh}的描述符 {descriptor} 里还有 {count} 字节，它既没有读取，也没有关闭。"),
        ));
    }
    if socket.state == "ESTABLISHED" {
        return Some(words(
            format!(
                "{en} has never closed descriptor {descriptor}: so the other side’s `recv` waits for an end of the stream that does not come."
            ),
            format!("{zh}一直没有关闭描述符 {descriptor}：对端的 recv 因此等不到 EOF。"),
        ));
    }
    Some(words(
        format!(
            "{en} has never closed descriptor {descriptor}: its connection stays in CLOSE_WAIT, and is lost to others."
        ),
        format!("{zh}一直没有关闭描述符 {descriptor}：它的连接停留在 CLOSE_WAIT，资源不会释放。"),
    ))
}

/// Returns the socket that a program's call names.
pub fn socket_of<'a>(frame: &'a Frame, who: usize, call: &str) -> Option<&'a Socket> {
    let descriptor = descriptor_of(call)?;
    frame.sockets.iter().find(|it| it.of == who && it.fd == Some(descriptor))
}

/// Says why a call has failed.
fn failed(frame: &Frame, who: usize, call: &str, reason: &str) -> Words {
    let Words { en, zh } = subject(who, frame.sides.len());
    let name = name_of(call);
    let is = |text: &str| reason.starts_with(text);
    // Only a call that can wait says that it begins; and where nobody has just let it go, it has waited.
    let has_waited = || {
        let is_let_go = frame.who == Some(who) && frame.call.as_deref() == Some(name);
        !is_let_go || has_begun(&frame.sides[who], call)
    };
    let why = if is("timed out") || (is("Resource temporarily unavailable") && has_waited()) {
        return words(
            format!("{en}’s `{name}` gives up: its time limit is over."),
            format!("{zh}的 {name} 放弃等待：时间限制已到。"),
        );
    } else if is("Operation now in progress") || is("Resource temporarily unavailable") {
        return not_yet(&words(en, zh), name);
    } else if name == "accept" && is("Invalid argument") {
        words(
            "this socket does not listen, since `listen` has not been called",
            "这个套接字没有在监听，因为还没有调用 listen",
        )
    } else if let Some(listening) = socket_of(frame, who, call).filter(|it| it.state == "LISTEN") {
        let descriptor = listening.fd.unwrap_or_default();
        words(
            format!(
                "descriptor {descriptor} is the listening socket, and only the one that `accept` has returned carries bytes"
            ),
            format!("描述符 {descriptor} 是监听套接字，只有 accept 返回的套接字才能收发数据"),
        )
    } else if is("Connection refused") {
        nobody_listens(frame, call)
    } else if is("Connection reset by peer") {
        words("the other side has ended the connection by a reset, RST", "对端用 RST 终止了连接")
    } else if is("Broken pipe") {
        words(
            "this connection is over, and takes nothing any more",
            "这个连接已经终止，不能再发送数据",
        )
    } else if is("Connection timed out") && name == "connect" {
        words(
            "no answer to its SYN has come, however often the kernel has sent it again",
            "内核多次重传 SYN，一直没有收到回应",
        )
    } else if is("Connection timed out") {
        words(
            "the other side has not answered for so long that the kernel has given the connection up",
            "对端太久没有回应，内核放弃了这个连接",
        )
    } else if is("Address already in use") && keeps_the_port(frame, call) {
        words(
            "the connection in TIME_WAIT still has this address, and the program has not set `SO_REUSEADDR`",
            "处于 TIME_WAIT 的连接还占着这个地址，而程序没有设置 SO_REUSEADDR",
        )
    } else if is("Address already in use") {
        words(
            "another socket has this port, or a closed connection still keeps it, in TIME_WAIT",
            "这个端口被别的套接字占用，或者仍被处于 TIME_WAIT 的旧连接占用",
        )
    } else {
        return words(
            format!("{en}’s `{name}` fails: {reason}."),
            format!("{zh}的 {name} 失败：{reason}。"),
        );
    };
    words(
        format!("{en}’s `{name}` fails: {reason}: {}.", why.en),
        format!("{zh}的 {name} 失败：{reason}：{}。", why.zh),
    )
}

/// Returns whether a closed connection still has the port that a call wants.
fn keeps_the_port(frame: &Frame, call: &str) -> bool {
    let port = call.rsplit_once(':').and_then(|(_, port)| port.trim_end_matches(')').parse().ok());
    let keeps = |it: &Socket| it.state == "TIME_WAIT" && port.is_some() && it.port == port;
    frame.sockets.iter().any(keeps)
}

/// Says that a call of a socket that does not block would have blocked.
fn not_yet(Words { en, zh }: &Words, name: &str) -> Words {
    if name == "connect" {
        return words(
            format!(
                "{en}’s `connect` does not wait: the two kernels complete the handshake meanwhile."
            ),
            format!("{zh}的 connect 不等待：三次握手由双方的内核去完成。"),
        );
    }
    words(
        format!(
            "{en}’s `{name}` would have to wait, and this socket never does: it returns at once."
        ),
        format!("{zh}的 {name} 本来要等待，但这个套接字是非阻塞的：立即返回。"),
    )
}

/// Says who listens where a client has not been answered.
fn nobody_listens(frame: &Frame, call: &str) -> Words {
    let tried = call.split_once(", ").map_or("", |(_, address)| address.trim_end_matches(')'));
    let mut listening = frame.sockets.iter().filter(|it| it.state == "LISTEN");
    match listening.next() {
        Some(socket) => {
            let address = socket.address.as_deref().unwrap_or("127.0.0.1");
            let address =
                if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
            let port = socket.port.unwrap_or_default();
            words(
                format!("the server listens on {address}:{port}, and not on {tried}"),
                format!("服务器监听的是 {address}:{port}，而不是 {tried}"),
            )
        }
        None => words(
            format!("no socket listens on {tried}, so the kernel answers with a reset"),
            format!("{tried} 上没有监听套接字，内核回以 RST"),
        ),
    }
}

/// Says how a call has returned.
fn returned(frame: &Frame, who: usize, Did(_, call, result, _): &Did) -> Words {
    let Words { en, zh } = subject(who, frame.sides.len());
    let name = name_of(call);
    let arguments = call[name.len()..].trim_matches(['(', ')']);
    let value = result.split(' ').next().unwrap_or_default();
    if let Some(reason) = result.strip_prefix("-1 ") {
        return failed(frame, who, call, reason);
    }
    match name {
        "socket" => words(
            format!("{en} creates a socket: descriptor {value}."),
            format!("{zh}创建一个套接字：描述符 {value}。"),
        ),
        "bind" => {
            let address = arguments.split_once(", ").map_or("", |(_, address)| address);
            if who > 0 {
                return words(
                    format!("{en} binds its socket to {address}: that is where it connects from."),
                    format!("{zh}把套接字绑定到 {address}：它将从这个地址发起连接。"),
                );
            }
            words(
                format!("{en} binds its socket to {address}. Nobody can connect yet."),
                format!("{zh}把套接字绑定到 {address}。此时客户端还连不上来。"),
            )
        }
        "listen" => words(
            format!(
                "{en}’s socket listens: from now on the kernel completes handshakes by itself."
            ),
            format!("{zh}的套接字开始监听：从现在起，内核会自行完成三次握手。"),
        ),
        "accept" => words(
            format!("{en}’s `accept` returns {value}: a new socket, for one client alone."),
            format!("{zh}的 accept 返回 {value}：只属于一个客户端的新套接字。"),
        ),
        "connect" if is_half_open(frame, who, call) => words(
            format!(
                "{en}’s `connect` succeeds: it returns once the SYN ACK has come, whether or not the third segment of the handshake arrives."
            ),
            format!("{zh}的 connect 成功：收到 SYN ACK 就返回，不管第三个报文段能否送达。"),
        ),
        "connect" => words(
            format!("{en}’s `connect` succeeds: the two kernels have completed the handshake."),
            format!("{zh}的 connect 成功：双方的内核已完成三次握手。"),
        ),
        "send" => words(
            format!("{en}’s `send` hands {} to the kernel, and returns.", bytes(value)),
            format!("{zh}的 send 把 {value} 字节交给内核，随即返回。"),
        ),
        "recv" if value == "0" => words(
            format!(
                "{en}’s `recv` returns 0, the end of the stream: the other side sends no more."
            ),
            format!("{zh}的 recv 返回 0，即 EOF（对端已关闭写方向）。"),
        ),
        "recv" => words(
            format!("{en}’s `recv` takes {} out of the receive queue.", bytes(value)),
            format!("{zh}的 recv 从接收队列中取走 {value} 字节。"),
        ),
        "shutdown" if arguments.ends_with("SHUT_WR") => words(
            format!("{en} half-closes the connection: it sends no more, and can still receive."),
            format!("{zh}半关闭连接：不再发送，但仍可接收。"),
        ),
        "close" => words(
            format!("{en} closes descriptor {arguments}."),
            format!("{zh}关闭描述符 {arguments}。"),
        ),
        _ => words(
            format!("{en}’s `{name}` returns {result}."),
            format!("{zh}的 {name} 返回 {result}。"),
        ),
    }
}

/// Returns whether the server's kernel still waits for the end of the handshake that this call has begun.
fn is_half_open(frame: &Frame, who: usize, call: &str) -> bool {
    let port = socket_of(frame, who, call).and_then(|it| it.port);
    frame.sockets.iter().any(|it| it.state == "SYN_RECV" && it.peer == port)
}

/// Says why a call has not returned.
fn waits(Words { en, zh }: &Words, call: &str) -> Words {
    match name_of(call) {
        "accept" => words(
            format!("{en}’s `accept` blocks: the accept queue is empty."),
            format!("{zh}的 accept 阻塞：全连接队列是空的。"),
        ),
        "connect" => words(
            format!("{en}’s `connect` blocks: no answer to its SYN has come."),
            format!("{zh}的 connect 阻塞：还没有收到对 SYN 的回应。"),
        ),
        "recv" => words(
            format!("{en}’s `recv` blocks: the receive queue is empty."),
            format!("{zh}的 recv 阻塞：接收队列是空的。"),
        ),
        "send" => words(
            format!(
                "{en}’s `send` blocks: its send queue takes no more until the other side has confirmed some of it."
            ),
            format!("{zh}的 send 阻塞：发送队列放不下了，要等对端确认其中一部分。"),
        ),
        name => words(format!("{en}’s `{name}` blocks."), format!("{zh}的 {name} 阻塞。")),
    }
}

/// Says that a program does not do what the lesson expects of it, but asks to make another call, or
/// none.
pub fn unexpected(Event { who, what: expected }: &Event, now: &Frame) -> Words {
    let Words { en, zh } = subject(*who, now.sides.len());
    let instead = match &now.sides[*who].state {
        State::Asks(asked) => {
            words(format!("it asks to call {asked}"), format!("它接下来要调用的是 {asked}"))
        }
        state if state.is_running() => words("it asks to call nothing", "它现在没有要进行任何调用"),
        _ => words("it is not running", "它没有在运行"),
    };
    words(
        format!(
            "Expected of {} here: {expected}. But {}. Has the source been changed? The recording ends here.",
            en.to_lowercase(),
            instead.en
        ),
        format!(
            "按照本课的步骤，这里{zh}应当进行 {expected}，但{}。源代码改动过吗？记录到此为止。",
            instead.zh
        ),
    )
}

/// Says that a program is not the project's any more.
pub fn changed(name: &str) -> Words {
    words(
        format!(
            "{name} has been changed, so this is no longer the project’s program: from here on, the sentences are general."
        ),
        format!("{name} 已被修改，不再是项目原来的程序：从这里起，说明文字是通用的。"),
    )
}

/// Says where a scenario begins.
pub fn so_far() -> Words {
    words("Each program has got as far as its marked line.", "各个程序都已运行到带标记的那一行。")
}

/// Says that a kernel has not sent what the scenario waits for.
pub fn nothing_again(Event { who, what }: &Event, now: &Frame) -> Words {
    let Words { en, zh } = subject(*who, now.sides.len());
    words(
        format!(
            "{en}: {what}. For ten seconds its kernel has sent nothing again. The recording ends here."
        ),
        format!("{}：{what}。十秒之内，它的内核没有重传任何报文段。记录到此为止。", zh.trim_end()),
    )
}

/// Says that things still move.
pub fn no_rest(Event { who, what }: &Event, now: &Frame) -> Words {
    let Words { en, zh } = subject(*who, now.sides.len());
    words(
        format!(
            "{en}: {what}. After that, the programs do not come to rest. The recording ends here."
        ),
        format!("{}：{what}。此后程序一直没有全部停下来等待。记录到此为止。", zh.trim_end()),
    )
}
