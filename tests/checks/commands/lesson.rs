//! `cargo lesson`: the page made anew equals the one in docs, and what it has recorded can be true.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::pages::page::lesson_of;
use crate::turn::Turn;
use support::run::{Finished, LIMIT, Program, or_skip, own_network, path_of_alias, python};
use support::session::ask::Question;
use support::session::recording::{
    Ask, Did, Extra, Frame, Lesson, Recording, Segment, Socket, Source, When, Words, descriptor_of,
};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lesson.html");

/// How long it may take to make the page.
const PATIENCE: Duration = Duration::from_secs(300);

fn lesson() -> Program {
    Program::of(Command::new(path_of_alias("lesson")))
}

/// Returns the page made anew, once for all tests.
fn page() -> Option<&'static str> {
    static PAGE: LazyLock<Option<String>> = LazyLock::new(|| {
        own_network().zip(or_skip("python3", python()))?;
        let _turn = Turn::wait();
        let folder = tempdir().expect("a folder can be made");
        let file = folder.path().join("lesson.html");
        let mut making = lesson().args([&file]).start();
        let status = making.end_within(PATIENCE).expect("the page is made in time");
        let made = making.finish();
        assert!(status.success(), "{}", made.stderr);
        assert_eq!(made.stdout, format!("{}\n", file.display()));
        let has_two_machines = !made.stderr.contains("stays as docs/lesson.html has it");
        or_skip("/dev/net/tun", has_two_machines.then_some(()))?;
        Some(fs::read_to_string(file).expect("the page is written"))
    });
    PAGE.as_deref()
}

/// Divides a page into what stands before the recordings, these, and what stands behind them.
fn parts(page: &str) -> [&str; 3] {
    let (before, rest) = page.split_once("id=\"data\">").expect("the page holds data");
    let (data, behind) = rest.split_once("</script>").expect("the data ends");
    [before, data, behind]
}

/// Returns the recordings of the page made anew.
fn lesson_made() -> Option<&'static Lesson> {
    static LESSON: LazyLock<Option<Lesson>> = LazyLock::new(|| page().map(lesson_of));
    LESSON.as_ref()
}

/// Each recording, with its name.
fn recordings(lesson: &Lesson) -> impl Iterator<Item = (String, &Recording)> {
    lesson.scenarios.iter().flat_map(|scenario| {
        let name = |edition: &String| format!("{}, {edition}", scenario.id);
        scenario.editions.iter().map(move |(edition, recording)| (name(edition), recording))
    })
}

#[test]
fn page_made_anew_equals_the_one_in_docs_but_for_bare_acks() {
    let Some(page) = page() else {
        return;
    };
    let in_docs = fs::read_to_string(DOCS).expect("docs/lesson.html is there");
    let ([before, _, behind], [old_before, _, old_behind]) = (parts(page), parts(&in_docs));
    assert!(before == old_before && behind == old_behind, "cargo lesson docs/lesson.html");
    let [new, old] = [page, &in_docs].map(without_bare_acks);
    assert_equal(&new, &old, "");
}

/// When a bare ACK is sent is the kernel's own affair.
fn without_bare_acks(page: &str) -> Value {
    let Lesson { mut scenarios, sources } = lesson_of(page);
    let recordings = scenarios.iter_mut().flat_map(|scenario| scenario.editions.values_mut());
    for frame in recordings.flat_map(|recording| &mut recording.frames) {
        frame.segments.retain(|segment| segment.2 != "ACK" || segment.4 != 0);
    }
    // So is where it cuts what it has kept: as the window opens, or a moment later, when it is larger.
    let slow = scenarios.iter_mut().filter(|scenario| scenario.id == "slow");
    let recordings = slow.flat_map(|scenario| scenario.editions.values_mut());
    for frame in recordings.flat_map(|recording| &mut recording.frames) {
        frame.segments.dedup_by(|next, segment| {
            let has_bytes = |it: &Segment| it.4 > 0 && it.2 == "ACK";
            let is_cut = segment.0 == next.0 && has_bytes(segment) && has_bytes(next);
            segment.4 += if is_cut { next.4 } else { 0 };
            is_cut
        });
    }
    json!({ "scenarios": scenarios, "sources": sources })
}

/// Compares part by part, to say where the difference is.
#[track_caller]
fn assert_equal(new: &Value, old: &Value, place: &str) {
    match (new, old) {
        (Value::Array(new), Value::Array(old)) if new.len() == old.len() => {
            for (number, (new, old)) in new.iter().zip(old).enumerate() {
                assert_equal(new, old, &format!("{place}/{number}"));
            }
        }
        (Value::Object(new), Value::Object(old)) if new.keys().eq(old.keys()) => {
            for (key, new) in new {
                assert_equal(new, &old[key], &format!("{place}/{key}"));
            }
        }
        _ if new == old => {}
        _ => {
            let [new, old] = [new, old].map(|value| format!("{value:.300}"));
            panic!(
                "{place}: {new}, and in docs: {old}; if it is meant, cargo lesson docs/lesson.html"
            );
        }
    }
}

#[test]
fn recordings_obey_the_rules_of_tcp() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    assert_eq!(recordings(lesson).count(), 40);
    for (name, recording) in recordings(lesson) {
        obeys_the_rules(recording).unwrap_or_else(|problem| panic!("{name}, {problem}"));
    }
}

#[test]
fn recordings_that_are_tampered_with_break_the_rules() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    let early = lesson.scenarios.iter().find(|scenario| scenario.id == "early");
    let early = &early.expect("it is recorded").editions["rust"];
    let tampered = |tamper: &dyn Fn(&mut [Frame])| {
        let mut recording = early.clone();
        tamper(&mut recording.frames);
        obeys_the_rules(&recording).expect_err("it breaks a rule")
    };
    let socket = |frames: &[Frame], step: usize, of: usize, port: u16| {
        let sockets = &frames[step].sockets;
        let found =
            sockets.iter().position(|it| it.of == of && it.port == Some(port) && it.peer.is_some());
        found.expect("the socket is there")
    };
    let change = |step, of, port, change: fn(&mut Socket)| {
        tampered(&|frames| {
            let at = socket(frames, step, of, port);
            change(&mut frames[step].sockets[at]);
        })
    };
    for (problem, expected) in [
        (tampered(&|frames| frames[3].segments.clear()), "step 3: 5 bytes are unread, and 0 came"),
        (change(3, 0, 12345, |it| it.rx = Some(0)), "step 3: 0 bytes are unread, and 5 came"),
        (change(3, 0, 12345, |it| it.text = "world".to_owned()), "step 3: \"world\" never came"),
        (change(4, 1, 40100, |it| it.rx = Some(4)), "step 4: recv(3, 4096) waits over 4 bytes"),
        (change(8, 0, 12345, |it| it.fin = false), "step 8: no end of the stream is unread"),
        (change(2, 0, 12345, |it| it.queued = false), "step 2: 1 client waits, and 0 are queued"),
        (
            change(12, 1, 40100, |it| (it.of, it.peer) = (0, Some(40100))),
            "step 12: TIME_WAIT is at the other side",
        ),
    ] {
        assert_eq!(problem, expected);
    }
}

/// What holds of every recording.
fn obeys_the_rules(recording: &Recording) -> Result<(), String> {
    let mut connections = Connections::default();
    let mut before: &[Socket] = &[];
    for (step, frame) in recording.frames.iter().enumerate() {
        connections.add(frame, before);
        let checked = blocked_recv_has_an_empty_queue(frame)
            .and_then(|()| accept_queue_holds_what_it_counts(frame))
            .and_then(|()| connections.allow(&frame.sockets));
        checked.map_err(|problem| format!("step {step}: {problem}"))?;
        before = &frame.sockets;
    }
    Ok(())
}

fn blocked_recv_has_an_empty_queue(frame: &Frame) -> Result<(), String> {
    for (who, side) in frame.sides.iter().enumerate() {
        let waiting = side.at.iter().filter(|at| at.1 == When::Blocked);
        for call in waiting.map(|at| &at.2).filter(|call| call.starts_with("recv(")) {
            let socket = socket_of(call, who, &frame.sockets)
                .ok_or_else(|| format!("{call} has no socket"))?;
            let bytes = socket.rx.unwrap_or(0) + usize::from(socket.fin);
            if bytes > 0 {
                return Err(format!("{call} waits over {bytes} bytes"));
            }
        }
    }
    Ok(())
}

fn accept_queue_holds_what_it_counts(frame: &Frame) -> Result<(), String> {
    let queued = frame.sockets.iter().filter(|socket| socket.queued).count();
    match frame.sockets.iter().find_map(|socket| socket.queue) {
        Some(count) if count != queued => {
            Err(format!("{count} client waits, and {queued} are queued"))
        }
        _ => Ok(()),
    }
}

/// Returns the socket that a call names.
fn socket_of<'a>(call: &str, who: usize, sockets: &'a [Socket]) -> Option<&'a Socket> {
    let descriptor = descriptor_of(call)?;
    sockets.iter().find(|socket| socket.of == who && socket.fd == Some(descriptor))
}

/// What has travelled, and been read.
#[derive(Default)]
struct Connections {
    /// From a program to a program.
    streams: BTreeMap<(usize, usize), ObservedStream>,
    /// The client that has a port.
    clients: BTreeMap<u16, usize>,
}

#[expect(clippy::struct_excessive_bools, reason = "several can be so at once")]
#[derive(Default)]
struct ObservedStream {
    text: String,
    came: usize,
    read: usize,
    began: bool,
    /// Whether its end has been sent, and then whether that of the other direction had not come before.
    ended_first: Option<bool>,
    /// Whether its end has come, and whether its sender knows.
    has_ended: bool,
    end_is_known: bool,
    end_is_read: bool,
    /// Between two machines: what has come, by its numbers, and the number behind all that was sent.
    pieces: BTreeMap<u32, usize>,
    end: u32,
}

impl ObservedStream {
    /// Notes what has come. On one machine that is each byte once, and in order.
    fn arrive(&mut self, text: &str, count: usize, extra: &Extra) {
        let came = self.came;
        let Some(number) = extra.seq else {
            self.came += count;
            self.text += text;
            return;
        };
        self.pieces.insert(number, count);
        for (number, count) in &self.pieces {
            let begin = usize::try_from(*number).expect("it is small").saturating_sub(1);
            if begin <= self.came {
                self.came = self.came.max(begin + count);
            }
        }
        if self.came > came {
            self.text += text;
        }
    }

    /// Returns whether a segment of the other direction confirms its end.
    fn is_confirmed_by(&self, other: &Extra) -> bool {
        self.ended_first.is_some() && other.ack.is_some_and(|confirms| confirms >= self.end)
    }
}

impl Connections {
    fn add(&mut self, frame: &Frame, before: &[Socket]) {
        for Segment(from, to, flags, text, count, extra) in &frame.segments {
            let arrives = !extra.lost && !extra.held;
            let other = self.streams.entry((*to, *from)).or_default();
            let other_has_ended = other.has_ended;
            other.end_is_known |= arrives && other.is_confirmed_by(extra);
            let stream = self.streams.entry((*from, *to)).or_default();
            if flags.contains("SYN") {
                *stream = ObservedStream { began: true, ..ObservedStream::default() };
            }
            if arrives {
                stream.arrive(text, *count, extra);
            }
            if flags.contains("FIN") {
                stream.ended_first.get_or_insert(!other_has_ended);
                stream.has_ended |= arrives;
                stream.end_is_known |= extra.seq.is_none(); // on one machine it is at rest
                stream.end = extra
                    .seq
                    .map_or(0, |number| number + 1 + u32::try_from(*count).expect("it is small"));
            }
        }
        for socket in frame.sockets.iter().filter(|socket| socket.of > 0) {
            self.clients.extend(socket.port.map(|port| (port, socket.of)));
        }
        for (who, side) in frame.sides.iter().enumerate() {
            for Did(_, call, result, _) in side.did.iter().filter(|did| did.1.starts_with("recv("))
            {
                let socket = socket_of(call, who, &frame.sockets);
                let socket = socket.or_else(|| socket_of(call, who, before));
                let peer = socket.and_then(|socket| self.peer(socket));
                let stream = peer.and_then(|peer| self.streams.get_mut(&(peer, who)));
                let count = result.split(' ').next().and_then(|count| count.parse::<usize>().ok());
                if let Some((stream, count)) = stream.zip(count) {
                    stream.read += count;
                    // Linux takes the end of the stream out of the queue with the last bytes.
                    stream.end_is_read = stream.has_ended && stream.read == stream.came;
                }
            }
        }
    }

    /// Returns the program at the other end of a socket's connection.
    fn peer(&self, socket: &Socket) -> Option<usize> {
        if socket.of > 0 { Some(0) } else { self.clients.get(&socket.peer?).copied() }
    }

    /// Checks each socket against what has travelled and been read.
    fn allow(&self, sockets: &[Socket]) -> Result<(), String> {
        let nothing = ObservedStream::default();
        for socket in sockets.iter().filter(|socket| socket.peer.is_some()) {
            let peer = self.peer(socket).ok_or("nobody is at the other end")?;
            let from = self.streams.get(&(socket.of, peer)).unwrap_or(&nothing);
            let to = self.streams.get(&(peer, socket.of)).unwrap_or(&nothing);
            let state = socket.state.as_str();
            let has_sent_its_end = from.ended_first.is_some();
            let holds = match state {
                "SYN_SENT" => from.began && !to.began,
                "ESTABLISHED" => from.began && to.began && !has_sent_its_end && !to.has_ended,
                "CLOSE_WAIT" => to.has_ended && !has_sent_its_end,
                // Its end may wait behind bytes that are not confirmed.
                "FIN_WAIT_1" => {
                    (has_sent_its_end || socket.tx.is_some()) && !from.end_is_known && !to.has_ended
                }
                "FIN_WAIT_2" => from.end_is_known && !to.has_ended,
                "CLOSING" => has_sent_its_end && !from.end_is_known && to.has_ended,
                "TIME_WAIT" if from.ended_first != Some(true) => {
                    return Err("TIME_WAIT is at the other side".to_owned());
                }
                "TIME_WAIT" => to.has_ended && from.end_is_known,
                "CLOSED" => true,
                _ => false,
            };
            if !holds {
                return Err(format!("{state} cannot be"));
            }
            let Some(unread) = socket.rx else {
                continue;
            };
            let left = to.came - to.read;
            if unread != left {
                return Err(format!("{unread} bytes are unread, and {left} came"));
            }
            let is_cut = to.text.contains("...");
            if !is_cut && !to.text.ends_with(&socket.text) {
                return Err(format!("{:?} never came", socket.text));
            }
            match (socket.fin, to.has_ended && !to.end_is_read) {
                (false, true) => return Err("no end of the stream is unread".to_owned()),
                (true, false) => return Err("an end of the stream never came".to_owned()),
                _ => {}
            }
        }
        Ok(())
    }
}

#[test]
fn recorded_calls_are_in_the_lines_that_are_shown() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    for (name, recording) in recordings(lesson) {
        for frame in &recording.frames {
            for (side, part) in frame.sides.iter().zip(&recording.programs) {
                let source = &lesson.sources[&part.source];
                let at = side.at.iter().map(|at| (at.0, &at.2));
                for (line, call) in at.chain(side.did.iter().map(|did| (did.0, &did.1))) {
                    let problem = wrong_line(line, call, source);
                    assert_eq!(problem, None, "{name}: {call}, {}", frame.words.en);
                }
            }
        }
    }
}

/// Returns a line that does not make a call. A socket is closed by its last use, or by the exit.
fn wrong_line<'a>(line: Option<usize>, call: &str, source: &'a Source) -> Option<&'a str> {
    let (name, _) = call.split_once('(').expect("a call has arguments");
    let Some(line) = line else {
        return if name == "close" { None } else { Some("no line") };
    };
    let code = source.lines[line].as_str();
    let makes = |what: &str| code.contains(what);
    let is_right = match name {
        "socket" => makes("Socket::") || makes("socket.socket("),
        "shutdown" => makes("linger_and_close("),
        "recv" => makes(".recv(") || makes("linger_and_close("),
        "close" => makes("close(") || makes("?") || makes("return") || makes("the exit does"),
        name => makes(&format!(".{name}(")),
    };
    Some(code).filter(|_| !is_right)
}

#[test]
fn probe_comes_from_who_waits_and_only_its_answer_comes_back() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    let scenarios = lesson.scenarios.iter().filter(|scenario| scenario.id == "slow");
    let recordings: Vec<_> = scenarios.flat_map(|it| it.editions.values()).collect();
    for recording in &recordings {
        let segments: Vec<_> = recording.frames.iter().flat_map(|it| &it.segments).collect();
        let of = |is_it: fn(&Extra) -> bool| segments.iter().filter(move |it| is_it(&it.5));
        let probes: Vec<usize> = of(|it| it.probe).map(|it| it.0).collect();
        let answers: Vec<usize> = of(|it| it.answer).map(|it| it.0).collect();
        assert_eq!((&probes[..], &answers[..]), (&[1][..], &[0][..]));
    }
    assert_eq!(recordings.len(), 2);
}

#[test]
fn each_step_has_a_sentence_in_both_languages() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    for (name, recording) in recordings(lesson) {
        for frame in &recording.frames {
            let [en, zh] = [&frame.words.en, &frame.words.zh];
            assert!(!frame.unexpected, "{name}: {en}");
            assert!(!en.is_empty() && !en.contains(is_chinese), "{name}: {en}");
            assert!(zh.contains(is_chinese), "{name}: {zh}");
        }
    }
}

fn is_chinese(character: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&character)
}

/// Returns how many questions are written for an edition of a scenario.
fn questions_written(scenario: &str, edition: &str) -> usize {
    let text = include_str!("../../commands/lesson/scenarios.txt");
    let mut parts = text.split("\n## ").skip(1);
    let part = parts.find(|part| part.lines().next() == Some(scenario)).expect("it is one of them");
    let other = if edition == "rust" { "python only:" } else { "rust only:" };
    let blocks = part.split("\n\n").filter(|block| !block.starts_with(other));
    blocks.filter(|block| block.lines().any(|line| line.starts_with("ask: "))).count()
}

#[test]
fn each_scenario_asks_up_to_three_times_before_the_step_that_decides() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    for scenario in &lesson.scenarios {
        for (edition, recording) in &scenario.editions {
            let asked = recording.frames.iter().filter(|frame| frame.ask.is_some()).count();
            assert!((1..=3).contains(&asked), "{}, {edition}: {asked} questions", scenario.id);
            // The others have no true answer, or several, or one that can be seen a step earlier.
            assert_eq!(
                asked,
                questions_written(&scenario.id, edition),
                "{}, {edition}",
                scenario.id
            );
        }
    }
}

#[test]
fn each_question_is_short_and_ends_as_one_in_both_languages() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    let frames = recordings(lesson).flat_map(|(_, recording)| &recording.frames);
    let mut right = [0; 3];
    for (ask, step) in frames.filter_map(|frame| frame.ask.as_ref().zip(Some(&frame.words))) {
        right[ask.right] += 1;
        for (text, most, mark) in [
            (texts(ask, |words| &words.en), [150, 44, 112], '?'),
            (texts(ask, |words| &words.zh), [70, 30, 60], '？'),
        ] {
            let [question, one, two, three, why] = text;
            assert!(question.ends_with(mark) && why.ends_with(['.', '。']), "{question} {why}");
            assert!(one != two && two != three && three != one, "{question}");
            for (text, most) in text.into_iter().zip([most[0], most[1], most[1], most[1], most[2]])
            {
                let is_name = text
                    .chars()
                    .all(|it| it.is_ascii_digit() || it.is_ascii_uppercase() || it == '_');
                assert!(is_name || text.contains(is_chinese) == (mark == '？'), "{text}");
                assert!(text.chars().count() <= most, "it is too long: {text}");
            }
        }
        assert!(ask.why.en != step.en && ask.why.zh != step.zh, "{}", step.en);
    }
    let all: usize = right.iter().sum();
    assert!(right.iter().all(|count| count * 5 >= all), "one can guess the place: {right:?}");
}

/// The question, the three answers, and the reason, in one language.
fn texts(ask: &Ask, own: fn(&Words) -> &str) -> [&str; 5] {
    let [one, two, three] = &ask.answers[..] else {
        panic!("a question has three answers: {}", ask.question.en);
    };
    [&ask.question, one, two, three, &ask.why].map(own)
}

#[test]
fn question_is_asked_only_where_exactly_one_answer_becomes_true() {
    let Some(lesson) = lesson_made() else {
        return;
    };
    let frames = &lesson.scenarios[0].editions["rust"].frames; // step 4: the server waits in accept
    let asked = |step: usize, claims: [&'static str; 3]| {
        let [one, two, three] = claims;
        let lines = ["Why?", "为什么？", one, "一", two, "二", three, "三", "So.", "所以。"];
        let question = Question::read("this", &lines)?;
        question.between(&frames[step - 1], &frames[step]).map(|ask| ask.right).ok()
    };
    let [yes, no] = ["server waits in accept: yes", "server accept = 4: no"];
    assert_eq!(asked(4, [no, yes, no]), Some(1));
    assert_eq!(asked(5, [no, yes, no]), None, "it is true a step earlier");
    assert_eq!(asked(4, [no, no, no]), None);
    assert_eq!(asked(4, [yes, no, yes]), None);
    assert_eq!(asked(4, [yes, no, "without a claim"]), None);
    assert_eq!(asked(4, [yes, no, "server is asleep today: no"]), None);
}

#[test]
fn own_program_goes_on_without_outputs_and_its_text_is_not_utf_8() {
    if own_network().zip(or_skip("python3", python())).is_none() {
        return;
    }
    let folder = tempdir().expect("a folder can be made");
    let script =
        b"import os # coding: gbk\nos.closerange(0, 3) # \xb9\xd8\nwhile True:\n    pass\n";
    fs::write(folder.path().join("server.py"), script).expect("it can be written");
    let made = lesson().in_folder(folder.path()).args(["own.html", "server.py", "server.py"]);
    let mut made = made.start();
    assert!(made.end_within(LIMIT / 2).is_some_and(|status| status.success()));
}

#[test]
fn lesson_names_what_is_wrong_with_its_command_line() {
    let usage = "usage: cargo lesson [--port N] [SERVER CLIENT [CLIENT...]]\n       cargo lesson FILE [SERVER CLIENT [CLIENT...]]\n       cargo lesson SCENARIO\n       cargo lesson --site FOLDER\n";
    for (arguments, problem) in [
        (vec!["--fast"], "unknown option '--fast'"),
        (vec!["--port"], "--port takes a number"),
        (vec!["--port", "70000"], "--port takes a number up to 65535, not '70000'"),
        (vec!["--site"], "--site takes a FOLDER"),
        (vec!["--port", "0", "short-server"], "it takes a SERVER and up to four CLIENTs"),
        (vec!["no.py", "short-client"], "there is no file no.py in this folder"),
        (vec!["page.html", "short-server"], "it takes a FILE, or a FILE, a SERVER and a CLIENT"),
        (
            vec!["a.html", "short-server", "short-client", "x"],
            "x is neither short-client nor long-client nor a Python file",
        ),
        (vec!["a.html", "long-server", "1", "2", "3", "4", "x"], "too many arguments: 'x'"),
        (vec!["my_server.py"], "FILE 'my_server.py' does not end in .html"),
        (
            vec!["a.html", "short-client", "short-server"],
            "short-client is neither short-server nor long-server nor a Python file",
        ),
        (vec!["a.html", "no.py", "short-client"], "there is no file no.py in this folder"),
    ] {
        let expected = Finished::failure(2, &format!("error: {problem}\n{usage}"));
        assert_eq!(lesson().args(arguments).run(), expected);
    }
}

#[test]
fn what_prevents_a_page_is_told_before_anything_is_recorded() {
    if own_network().zip(or_skip("python3", python())).is_none() {
        return;
    }
    let folder = tempdir().expect("a folder can be made");
    let made = Command::new("mkfifo").arg(folder.path().join("fifo.html")).status();
    assert!(made.is_ok_and(|status| status.success()));
    for (file, (name, value), problem) in [
        ("fifo.html", ("A", ""), "fifo.html is there, and is no file that can be replaced"),
        ("no/a.html", ("A", ""), "cannot write no/a.html: No such file or directory"),
        ("a.html", ("TMPDIR", "/no"), "TMPDIR names the folder /no, which is not there"),
        ("a.html", ("PYTHON", "/no"), "PYTHON names /no, which does not run"),
    ] {
        let made = lesson().in_folder(folder.path()).args([file]).env(name, value).run();
        assert_eq!((made.status, made.stdout.as_str()), (Some(1), ""), "{}", made.stderr);
        assert!(made.stderr.starts_with(&format!("error: {problem}")), "{}", made.stderr);
    }
}

#[test]
fn full_disk_leaves_the_old_page_and_is_told_by_its_name() {
    if own_network().zip(or_skip("python3", python())).is_none() {
        return;
    }
    let folder = tempdir().expect("a folder can be made");
    fs::write(folder.path().join("client.py"), "import socket").expect("it can be written");
    let mut disk = Command::new("unshare");
    disk.args(["--map-root-user", "--mount", "sh", "-c"]).arg(
        "mkdir disk && mount -t tmpfs -o size=16k tmpfs disk && echo old >disk/a.html &&
        { \"$0\" disk/a.html client.py client.py; cat disk/*; }",
    );
    let made = Program::of(disk).args([path_of_alias("lesson")]).in_folder(folder.path()).run();
    assert_eq!(made.stdout, "old\n", "{}", made.stderr);
    let problem = "error: cannot write disk/a.html: No space left on device (os error 28)\n";
    assert!(made.stderr.ends_with(problem), "{}", made.stderr);
}

#[test]
fn lesson_names_the_page_in_docs_where_it_cannot_record() {
    let expected = "error: recording needs Linux with unshare, ip and python3; \
                    open docs/lesson.html instead\n";
    assert_eq!(
        lesson().args(["a.html"]).env("PATH", "/nowhere").run(),
        Finished::failure(1, expected)
    );
}
