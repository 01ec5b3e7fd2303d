//! General sentences, one for each call and result, in both languages.

use support::session::recording::{At, Did, Frame, State, When, Words, name_of};

use crate::scenario::Event;

pub fn words(en: impl Into<String>, zh: impl Into<String>) -> Words {
    Words { en: en.into(), zh: zh.into() }
}

/// Returns what a program is called at the beginning of a sentence.
pub fn subject(who: usize, programs: usize) -> Words {
    match who {
        0 => words("The server", "服务器"),
        _ if programs == 2 => words("The client", "客户端"),
        _ => words(format!("Client {who}"), format!("客户端 {who} ")),
    }
}

/// Says what a step shows, first of the program that acted.
pub fn of_frame(frame: &Frame) -> Words {
    let mut order: Vec<usize> = (0..frame.sides.len()).collect();
    order.sort_by_key(|who| Some(*who) != frame.who);
    let said = order.into_iter().flat_map(|who| of_side(frame, who));
    let (en, zh): (Vec<String>, Vec<String>) = said.map(|said| (said.en, said.zh)).unzip();
    words(en.join(" "), zh.concat())
}

fn of_side(frame: &Frame, who: usize) -> Vec<Words> {
    let (side, subject) = (&frame.sides[who], subject(who, frame.sides.len()));
    let Words { en, zh } = &subject;
    let call = frame.call.as_deref().filter(|_| frame.who == Some(who));
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
            format!("{en}’s input ends, as with Ctrl-D."),
            format!("{zh}的输入结束（Ctrl-D）。"),
        )),
        Some("kill") if side.state.is_running() => said.push(words(
            format!("{en} is interrupted by Ctrl-C."),
            format!("{zh}被 Ctrl-C 打断。"),
        )),
        Some("kill") => said.push(words(
            format!("Ctrl-C ends {}.", en.to_lowercase()),
            format!("Ctrl-C 终止了{zh}。"),
        )),
        Some("kill -9") => said.push(words(
            format!("`kill -9` ends {} at once; the kernel closes its sockets.", en.to_lowercase()),
            format!("kill -9 立即终止了{zh}，它的套接字由内核关闭。"),
        )),
        _ => {}
    }
    said.extend(side.did.iter().map(|did| returned(&subject, did)));
    let blocked = |at: &&At| at.1 == When::Blocked && call == Some(name_of(&at.2));
    said.extend(side.at.iter().find(blocked).map(|at| waits(&subject, &at.2)));
    if side.new.contains("Traceback (most recent call last)") && call != Some("kill") {
        said.push(words(
            format!("{en} raises an exception: its terminal shows which."),
            format!("{zh}抛出异常，详情见它的终端。"),
        ));
    }
    let is_killed = matches!(call, Some("kill" | "kill -9"));
    if side.new.ends_with("$ ") && matches!(side.state, State::Ended(_)) && !is_killed {
        said.push(words(format!("{en} ends."), format!("{zh}结束。")));
    }
    said
}

/// Says how a call has returned.
fn returned(Words { en, zh }: &Words, Did(_, call, result, _): &Did) -> Words {
    let name = name_of(call);
    let arguments = call[name.len()..].trim_matches(['(', ')']);
    let value = result.split(' ').next().unwrap_or_default();
    if let Some(reason) = result.strip_prefix("-1 ") {
        return words(
            format!("{en}’s `{name}` fails: {reason}."),
            format!("{zh}的 {name} 失败：{reason}。"),
        );
    }
    match name {
        "socket" => words(
            format!("{en} creates a socket: descriptor {value}."),
            format!("{zh}创建一个套接字：描述符 {value}。"),
        ),
        "bind" => {
            let address = arguments.split_once(", ").map_or("", |(_, address)| address);
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
        "connect" => words(
            format!("{en}’s `connect` succeeds: the two kernels have completed the handshake."),
            format!("{zh}的 connect 成功：双方的内核已完成三次握手。"),
        ),
        "send" => words(
            format!("{en}’s `send` hands {value} bytes to the kernel, and returns."),
            format!("{zh}的 send 把 {value} 字节交给内核，随即返回。"),
        ),
        "recv" if value == "0" => words(
            format!(
                "{en}’s `recv` returns 0, the end of the stream: the other side sends no more."
            ),
            format!("{zh}的 recv 返回 0，即 EOF（对端已关闭写方向）。"),
        ),
        "recv" => words(
            format!("{en}’s `recv` takes {value} bytes out of the receive queue."),
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

/// Says why a call has not returned.
fn waits(Words { en, zh }: &Words, call: &str) -> Words {
    match name_of(call) {
        "accept" => words(
            format!("{en}’s `accept` blocks: the accept queue is empty."),
            format!("{zh}的 accept 阻塞：全连接队列是空的。"),
        ),
        "connect" => words(
            format!("{en}’s `connect` blocks: its SYN has not been answered."),
            format!("{zh}的 connect 阻塞：它的 SYN 还没有得到回应。"),
        ),
        "recv" => words(
            format!("{en}’s `recv` blocks: the receive queue is empty."),
            format!("{zh}的 recv 阻塞：接收队列是空的。"),
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

/// Says that things still move.
pub fn no_rest(Event { who, what }: &Event, now: &Frame) -> Words {
    let Words { en, zh } = subject(*who, now.sides.len());
    words(
        format!(
            "{en}: {what}. After that, the programs do not come to rest. The recording ends here."
        ),
        format!("{zh}：{what}。此后程序一直没有全部停下来等待。记录到此为止。"),
    )
}
