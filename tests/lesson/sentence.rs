//! General sentences, one for each call and result, in both languages.

use crate::narration::name;
use crate::recorder::Recorder;
use crate::recording::{Did, Frame, When, Words};
use crate::terminal::Terminal;

/// Says what a step shows.
pub fn of_frame(frame: &Frame, terminals: &[Terminal]) -> Words {
    let mut said = Words { en: String::new(), zh: String::new() };
    let mut say = |(en, zh): (String, String)| {
        let gap = if said.en.is_empty() { "" } else { " " };
        said.en += &format!("{gap}{en}");
        said.zh += &zh;
    };
    let mut order: Vec<usize> = (0..terminals.len()).collect();
    order.sort_by_key(|who| Some(*who) != frame.who); // who acted comes first
    for who in order {
        let (side, subject) = (&frame.sides[who], subject(who, terminals.len()));
        for did in &side.did {
            say(returned(&subject, did));
        }
        let acted = Some(who) == frame.who;
        let is_its_call = |call: &str| frame.call.as_deref() == Some(name(call));
        let mut blocked = side.at.iter().filter(|at| at.1 == When::Blocked);
        if let Some(at) = blocked.find(|at| acted && is_its_call(&at.2)) {
            say(waits(&subject, &at.2));
        }
        if acted && frame.call.as_deref() == Some("input") {
            let (en, zh) = &subject;
            say((
                format!("{} reads a line from its terminal: hello.", capital(en)),
                format!("{zh}从终端读入一行：hello。"),
            ));
        } else if acted && frame.call.as_deref() == Some("start") {
            let (en, zh) = &subject;
            say((format!("{} has been started.", capital(en)), format!("{zh}已启动。")));
        }
        if side.new.ends_with("$ ") && side.new.len() > 2 {
            say(ended(&subject, &terminals[who]));
        }
    }
    said
}

type Subject = (String, String);

fn subject(who: usize, programs: usize) -> Subject {
    match who {
        0 => ("the server".to_owned(), "服务器".to_owned()),
        _ if programs == 2 => ("the client".to_owned(), "客户端".to_owned()),
        _ => (format!("client {who}"), format!("客户端 {who} ")),
    }
}

fn capital(text: &str) -> String {
    text.replacen(['t', 'c'], if text.starts_with('t') { "T" } else { "C" }, 1)
}

fn returned((who, zh): &Subject, Did(_, call, result): &Did) -> Subject {
    let who = capital(who);
    let name = name(call);
    let descriptor = call.split(['(', ',', ')']).nth(1).unwrap_or_default();
    let value = result.split(' ').next().unwrap_or_default();
    if let Some(reason) = result.strip_prefix("-1 ") {
        let said = format!("{who}’s {name} fails: {reason}.");
        return (said, format!("{zh}的 {name} 失败：{reason}。"));
    }
    match name {
        "socket" => (
            format!("{who} creates a socket: descriptor {value}."),
            format!("{zh}创建一个套接字：描述符 {value}。"),
        ),
        "bind" => {
            let address = call.split_once(", ").map_or("", |(_, rest)| rest.trim_end_matches(')'));
            (
                format!("{who} binds its socket to {address}. Nobody can connect yet."),
                format!("{zh}把套接字绑定到 {address}。此时还没有人能连接。"),
            )
        }
        "listen" => (
            format!(
                "{who}’s socket listens: from now on the kernel completes handshakes by itself."
            ),
            format!("{zh}的套接字开始监听：从现在起，内核会自行完成握手。"),
        ),
        "accept" => (
            format!(
                "{who}’s accept takes a client out of the queue. It returns descriptor {value}, a new socket for this client alone."
            ),
            format!(
                "{zh}的 accept 从队列中取出一个客户端，返回描述符 {value}：只属于这个客户端的新套接字。"
            ),
        ),
        "connect" => (
            format!("{who}’s connect succeeds: the two kernels have completed the handshake."),
            format!("{zh}的 connect 成功：双方的内核已完成三次握手。"),
        ),
        "send" => (
            format!("{who}’s send hands {value} bytes to the kernel, and returns."),
            format!("{zh}的 send 把 {value} 字节交给内核，随即返回。"),
        ),
        "recv" if value == "0" => (
            format!("{who}’s recv returns 0: the end of the stream. The other side sends no more."),
            format!("{zh}的 recv 返回 0：EOF（对端已关闭写方向），不会再有数据。"),
        ),
        "recv" => (
            format!("{who}’s recv takes {value} bytes out of the receive queue."),
            format!("{zh}的 recv 从接收队列中取走 {value} 字节。"),
        ),
        "shutdown" => (
            format!("{who} half-closes the connection: it sends no more, and can still receive."),
            format!("{zh}半关闭连接：不再发送，但仍然可以接收。"),
        ),
        "close" => (
            format!("{who} closes descriptor {descriptor}."),
            format!("{zh}关闭描述符 {descriptor}。"),
        ),
        _ => {
            (format!("{who}’s {name} returns {result}."), format!("{zh}的 {name} 返回 {result}。"))
        }
    }
}

fn waits((who, zh): &Subject, call: &str) -> Subject {
    let who = capital(who);
    match name(call) {
        "accept" => (
            format!("{who}’s accept blocks: no client is in the queue."),
            format!("{zh}的 accept 阻塞：队列里没有客户端。"),
        ),
        "connect" => (
            format!("{who}’s connect blocks: the other side’s kernel has not answered the SYN."),
            format!("{zh}的 connect 阻塞：对端的内核还没有应答 SYN。"),
        ),
        "recv" => (
            format!("{who}’s recv blocks: its receive queue is empty."),
            format!("{zh}的 recv 阻塞：接收队列是空的。"),
        ),
        name => (format!("{who}’s {name} blocks."), format!("{zh}的 {name} 阻塞。")),
    }
}

fn ended((who, zh): &Subject, terminal: &Terminal) -> Subject {
    let who = capital(who);
    if terminal.status.is_some_and(|status| status.success()) {
        return (format!("{who} ends."), format!("{zh}结束。"));
    }
    let said = format!("{who} ends with an error: its terminal shows which.");
    (said, format!("{zh}因错误而结束，错误信息见它的终端。"))
}

/// Says that a program asks to make another call than the scenario expects, or none.
pub fn unexpected(who: usize, call: &str, asked: Option<&str>, recorder: &Recorder) -> Words {
    let (en, zh) = subject(who, recorder.terminals.len());
    let (but, but_zh) = match asked {
        Some(asked) => (format!("it asks to call {asked}"), format!("它接下来要调用的是 {asked}")),
        None if recorder.terminals[who].is_running() => {
            ("it asks for nothing now".to_owned(), "它现在不打算进行任何调用".to_owned())
        }
        None => ("it has ended".to_owned(), "它已经结束".to_owned()),
    };
    Words {
        en: format!(
            "Here the lesson expects {call} of {en}, but {but}. Has the source been changed? The recording ends here."
        ),
        zh: format!(
            "按课程的步骤，{zh}在这里应当进行 {call}，但{but_zh}。源代码改动过吗？记录到此为止。"
        ),
    }
}

/// Says that things still move.
pub fn no_rest(who: usize, what: &str, recorder: &Recorder) -> Words {
    let (en, zh) = subject(who, recorder.terminals.len());
    Words {
        en: format!(
            "After {what} of {en}, the programs do not come to rest. The recording ends here."
        ),
        zh: format!("{zh}进行 {what} 之后，程序一直没有静止下来。记录到此为止。"),
    }
}

/// Says that two threads of a program print at the same time.
pub fn mixed(who: usize, recorder: &Recorder) -> Words {
    let (en, zh) = subject(who, recorder.terminals.len());
    Words {
        en: format!(
            "Two threads of {en} print at the same time, so that their lines are mixed. The recording ends here."
        ),
        zh: format!("{zh}的两个线程同时输出，各行混在了一起。记录到此为止。"),
    }
}
