//! `common/watch.py`: the calls of a Python program, as the Rust programs show theirs.

use std::fs;
use std::io::{Seek, Write};
use std::net::SocketAddr;
use std::process::Command;

use regex::Regex;
use tempfile::TempDir;

use super::narration::Watched;
use common::printable;
use support::run::{
    Finished, LIMIT, Peer, Process, Program, Server, address_where_nobody_listens, free_address,
    listening_socket, or_skip, path_of_twin, python,
};

const WATCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../common/watch.py");

fn python_with(arguments: &[&str]) -> Option<Program> {
    let python = or_skip("Python", python())?;
    Some(Program::of(Command::new(python)).args(arguments))
}

/// Runs a Python program under `watch.py`.
fn watched(path: &str) -> Option<Program> {
    python_with(&[WATCH, path])
}

fn watched_twin(name: &str, address: &impl ToString) -> Option<Program> {
    Some(watched(&path_of_twin(name))?.args([address.to_string()]))
}

/// A Python program of the test's own.
struct PythonFile {
    folder: TempDir,
}

impl PythonFile {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::write(folder.path().join("script.py"), text).expect("a file can be written");
        Self { folder }
    }

    fn path(&self) -> String {
        self.folder.path().join("script.py").display().to_string()
    }

    fn watched(&self) -> Option<Program> {
        watched(&self.path())
    }

    fn unwatched(&self) -> Option<Program> {
        python_with(&[&self.path()])
    }
}

#[test]
fn short_servers_twin_narrates_what_strace_sees() {
    let address = free_address().unwrap();
    let Some(mut server) = watched_twin("short-server", &address).and_then(Watched::of) else {
        return;
    };
    server.narrates_up_to("[.] accept(");
    for message in ["hello", "a \"quoted\" message of more than 32 bytes"] {
        let client = Peer::connect(address, LIMIT).unwrap();
        client.send(message).unwrap();
        client.expect("ACK!").unwrap();
        server.narrates_up_to("[.] close(");
    }
    server.kill_and_compare();
}

#[test]
fn long_servers_twin_narrates_what_strace_sees_up_to_its_crash() {
    let address = free_address().unwrap();
    let Some(mut server) = watched_twin("long-server", &address).and_then(Watched::of) else {
        return;
    };
    server.narrates_up_to("[.] accept(");
    let mut client = Peer::connect(address, LIMIT).unwrap();
    for message in ["first", "second"] {
        client.send(message).unwrap();
        client.expect("ACK!").unwrap();
    }
    client.reset().unwrap();
    let narrated = server.compare_at_the_end();
    assert!(narrated.contains(", 1024) = -1 Connection reset by peer"), "{narrated}");
}

#[test]
fn clients_twins_narrate_what_strace_sees() {
    let (listener, address) = listening_socket();
    for client in ["short-client", "long-client"] {
        let Some(client) = watched_twin(client, &address).and_then(Watched::of) else {
            return;
        };
        let peer = Peer::accept(&listener).unwrap();
        peer.receive().unwrap();
        peer.send("ACK!").unwrap();
        drop(peer);
        client.compare_at_the_end();
    }
}

#[test]
fn refused_twins_narrate_what_strace_sees() {
    let (address, _reserved) = address_where_nobody_listens().unwrap();
    for client in ["short-client", "long-client"] {
        let Some(client) = watched_twin(client, &address).and_then(Watched::of) else {
            return;
        };
        let narrated = client.compare_at_the_end();
        assert!(narrated.contains(") = -1 Connection refused"), "{narrated}");
    }
}

#[test]
fn other_forms_of_the_calls_are_narrated_as_strace_sees_them() {
    let (listener, address) = listening_socket();
    let script = PythonFile::new(
        "import socket, sys
port = int(sys.argv[1].split(':')[1])
with socket.create_connection(('127.0.0.1', port)) as client:
    client.sendall(b'x' * 3000)
    lines = client.makefile('rwb')
    print(lines.readline(), lines.readline())
    lines.write(b'thanks')
    lines.flush()
    client.dup().shutdown(socket.SHUT_RDWR)
socket.socket().connect_ex(('', port))
",
    );
    let Some(client) = script.watched().map(|script| script.args([&address])) else {
        return;
    };
    let Some(client) = Watched::of(client) else {
        return;
    };
    let peer = Peer::accept(&listener).unwrap();
    peer.send("one\ntwo\n").unwrap();
    peer.rest().unwrap();
    let narrated = client.compare_at_the_end();
    for call in ["\"...) = 3000\n", ") = 8 \"one\\ntwo\\n\"\n", "\"thanks\")", ", 0.0.0.0:"] {
        assert!(narrated.contains(call), "{call}: {narrated}");
    }
}

#[test]
fn short_client_and_its_twin_print_the_same_lines() {
    let server = Server::start("short-server");
    let Some(twin) = watched_twin("short-client", &server.address) else {
        return;
    };
    let rust = Program::new("short-client").args([server.address.to_string()]);
    let rust = rust.env("RUST_LOG", "debug").run();
    assert!(rust.stdout.contains("\nACK!\n[.] close("), "{}", rust.stdout);
    assert_eq!(twin.run(), rust);
}

#[test]
fn bytes_and_characters_are_quoted_as_in_rust() {
    let Some(python) = or_skip("Python", python()) else {
        return;
    };
    let script = "import sys
sys.path[0] = sys.argv[1]
import watch
characters = (chr(i) for i in (*range(0xd800), *range(0xe000, 0x20000), *range(0xe0000, 0xe2000)))
two_bytes = (bytes([a, b]) for a in range(256) for b in range(256))
for data in [*map(str.encode, characters), *two_bytes, '中'.encode() * 11]:
    sys.stdout.buffer.write(watch.quoted(data).encode() + b'\\n')
";
    let folder = WATCH.trim_end_matches("watch.py");
    let shown = Command::new(python).args(["-c", script, folder]).output().expect("python3 runs");
    let shown = String::from_utf8(shown.stdout).expect("it prints UTF-8");
    let quoted =
        |bytes: &[u8]| format!("\"{}\"", printable(bytes).to_string().replace('"', "\\\""));
    let characters = ('\0'..'\u{20000}').chain('\u{e0000}'..'\u{e2000}');
    let characters = characters.map(|character| quoted(character.to_string().as_bytes()));
    let two_bytes = (0..=u16::MAX).map(|two| quoted(&two.to_be_bytes()));
    let long = format!("\"{}\"...", "中".repeat(10));
    assert!(shown.lines().eq(characters.chain(two_bytes).chain([long])));
}

#[test]
fn what_is_wrong_is_told_as_without_it() {
    let (address, _reserved) = address_where_nobody_listens().unwrap();
    let script = PythonFile::new(
        "import logging, socket, sys, threading
def fail():
    client = socket.socket()
    client.connect(('127.0.0.1', int(sys.argv[1])))
def fail_twice():
    try:
        fail()
    except OSError:
        logging.exception('once')
        raise RuntimeError('twice')
for target in (fail, fail_twice):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
for wrong in (lambda: socket.socket().bind('127.0.0.1', 80), lambda: socket.socket().send('text')):
    try:
        wrong()
    except TypeError:
        logging.exception('wrong')
fail_twice()
",
    );
    let port = address.port().to_string();
    let (Some(watched), Some(unwatched)) = (script.watched(), script.unwatched()) else {
        return;
    };
    let (watched, unwatched) = (watched.args([&port]).run(), unwatched.args([&port]).run());
    assert_eq!(unwatched.stderr.matches("ConnectionRefusedError").count(), 5, "{unwatched:?}");
    assert_eq!((watched.status, watched.stderr), (Some(1), unwatched.stderr));
}

/// Runs a program with and without `watch.py`, and expects the same of both but for the calls.
#[track_caller]
fn behaves_the_same(text: &str) {
    let script = PythonFile::new(text);
    let (Some(watched), Some(unwatched)) = (script.watched(), script.unwatched()) else {
        return;
    };
    let port = Regex::new(r"addr=\('[^']+', \d+").expect("it is a regular expression");
    let run = |program: Program| {
        let mut finished = program.env("PYTHONWARNINGS", "default").run();
        finished.stderr = port.replace_all(&finished.stderr, "addr=").into_owned();
        finished
    };
    let (mut watched, unwatched) = (run(watched), run(unwatched));
    let is_own = |line: &&str| !line.starts_with("[.] ");
    watched.stdout = watched.stdout.split_inclusive('\n').filter(is_own).collect();
    assert_eq!(watched, unwatched);
}

#[test]
fn error_that_is_its_own_cause_is_told_too() {
    behaves_the_same("try: 1 / 0\nexcept Exception as error: raise error from error\n");
}

#[test]
fn errors_of_a_group_are_told_without_its_own_frames() {
    behaves_the_same(
        "import builtins, socket
def fail():
    socket.socket().connect(('127.0.0.1', 0))
try:
    fail()
except OSError as error:
    failed = error
raise getattr(builtins, 'ExceptionGroup', lambda *_: failed)('many', [failed])
",
    );
}

#[test]
fn arguments_that_a_call_does_not_take_are_refused_before_it_is_made() {
    behaves_the_same(
        "import socket
print(type(__builtins__))
one, other = socket.create_server(('', 0)), socket.socket()
for address in ['', 0], (None, 0), (0, 0), ('', 0, 0), ('', '0'), ('', -1):
    try:
        other.bind(address)
    except (TypeError, OverflowError) as error:
        print(error)
other.connect(('127.0.0.1', one.getsockname()[1]))
one, _ = one.accept()
one.sendall(b'hello')
for arguments in (bytearray(2), 3), (b'xxxxx',), (bytearray(2), -1):
    try:
        other.recv_into(*arguments)
    except (TypeError, ValueError) as error:
        print(error)
print(other.recv(5))
for data in None, 5, [b'x'], memoryview(b'abc')[::2]:
    try:
        one.sendall(data)
    except (TypeError, BufferError) as error:
        print(error)
",
    );
}

#[test]
fn wrong_arguments_are_reported_as_without_it_and_no_call_is_shown() {
    let script = "import socket, traceback
s = socket.socket()
for call in '''bind('a', 1)|bind()|bind(address=('', 0))|listen('5')|listen(1, 2)|listen(2 ** 40)|accept(1)
accept(x=1)|recv()|recv('1')|recv(-1)|recv(1, 'x')|recv(1, 2, 3)|send()|send('text')|send(b'x', 1, 2)
sendall()|sendall('x')|sendall(b'x', '1')|shutdown()|shutdown('x')|shutdown(1, 2)|shutdown(how=1)
connect(5)|connect('a', 1)|connect(('127.0.0.1', '80'))|connect_ex(5)|connect_ex()|connect_ex(a=1)
recv_into()|recv_into(5)|recv_into(b'x')|recv_into(bytearray(2), 3)|recv_into(bytearray(2), flags='x')
__init__('x')|__init__(1, 2, 3, 4, 5)|__init__(x=1)|__init__(2, 1, 'x')'''.replace(chr(10), '|').split('|'):
    try:
        eval('s.' + call)
    except Exception:
        traceback.print_exc()
";
    behaves_the_same(script);
    let script = PythonFile::new(script);
    let Some(watched) = script.watched() else {
        return;
    };
    let shown = watched.run().stdout;
    let calls: Vec<&str> = shown.lines().map(|line| line.split('(').next().unwrap()).collect();
    assert_eq!(calls, ["[.] socket", "[.] close"]);
}

#[test]
fn socket_that_is_not_closed_is_warned_of_in_the_programs_own_line() {
    behaves_the_same(
        "import socket
def leave_open():
    forgotten = socket.socket()
leave_open()
garbage = socket.socket()
garbage = None
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
kept = socket.socket()
",
    );
}

#[test]
fn no_thread_tears_the_line_of_another_one() {
    let script = PythonFile::new(
        "import socket, threading
def print_in_pieces(number):
    for _ in range(300):
        print('thread', number, 'prints', 'one', 'line')
        socket.socket().close()
    print('the last one', end='')
threads = [threading.Thread(target=print_in_pieces, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
",
    );
    // Python then hands on each piece by itself.
    let Some(program) = python_with(&["-u", WATCH, &script.path()]) else {
        return;
    };
    let shown = program.run().stdout;
    let is_whole = |line: &&str| {
        line.starts_with("[.] ") && line.matches("[.]").count() == 1
            || line.starts_with("thread ") && line.ends_with(" prints one line")
    };
    // What has no line break stands before a line of another thread, or at the end.
    let torn = shown.lines().map(|line| line.trim_start_matches("the last one"));
    let torn: Vec<&str> = torn.filter(|line| !line.is_empty() && !is_whole(line)).collect();
    assert_eq!(torn, [""; 0]);
    assert_eq!(shown.matches("the last one").count(), 4);
}

#[test]
fn time_limit_of_sendall_is_one_for_all_bytes() {
    behaves_the_same(
        "import socket, threading, time
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname())
def read_slowly():
    while client.recv(65536):
        time.sleep(0.002)
threading.Thread(target=read_slowly, daemon=True).start()
sender, _ = server.accept()
sender.settimeout(1)
try:
    sender.sendall(bytes(300_000_000))
except OSError as error:
    print(repr(error))
",
    );
}

#[test]
fn program_that_closes_its_input_steps_no_further() {
    let script = PythonFile::new(
        "import socket, sys
sys.stdin.close()
socket.socket().close()
print('done')
",
    );
    let Some(script) = script.watched() else {
        return;
    };
    let finished = script.env("STEP", "1").run();
    assert!(finished.stdout.ends_with("\ndone\n"), "{finished:?}");
}

#[test]
fn arguments_and_exit_status_are_the_programs_own() {
    let script = PythonFile::new(
        "import sys
print(sys.argv, sys.path[0], __file__, __name__, sys.modules['__main__'].__file__)
sys.exit(3)
",
    );
    let (Some(watched), Some(unwatched)) = (script.watched(), script.unwatched()) else {
        return;
    };
    let unwatched = unwatched.args(["one", "two words"]).run();
    assert!(unwatched.status == Some(3) && unwatched.stdout.contains("two words"));
    assert_eq!(watched.args(["one", "two words"]).run(), unwatched);
}

#[test]
fn ctrl_c_ends_a_server_by_the_signal() {
    let Some(server) = watched_twin("long-server", &free_address().unwrap()) else {
        return;
    };
    let server = server.start();
    server.skip_to("[.] accept(");
    server.interrupt();
    let finished = server.finish();
    assert_eq!(finished.status, None); // the signal has ended it
    assert!(finished.stderr.ends_with("\nKeyboardInterrupt\n"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("watch.py"), "{}", finished.stderr);
    assert!(finished.stdout.starts_with("[.] close("), "{}", finished.stdout);
}

#[test]
fn sockets_that_are_not_tcp_are_not_shown() {
    let script = PythonFile::new(
        "import socket
one, other = socket.socketpair()
one.sendall(b'x')
print(other.recv(9))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('', 0))
",
    );
    let Some(script) = script.watched() else {
        return;
    };
    assert_eq!(script.run(), Finished::success("b'x'\n"));
}

#[test]
fn close_is_shown_of_a_with_of_garbage_and_of_the_exit() {
    let script = PythonFile::new(
        "import socket
with socket.socket():
    print('with')
print('after with')
garbage = socket.socket()
del garbage
print('after del')
kept = socket.socket(socket.AF_INET6)
def function(): return kept
print('end')
",
    );
    let Some(script) = script.watched() else {
        return;
    };
    let shown = script.run().stdout;
    let any = shown.split(" = ").nth(1).and_then(|rest| rest.lines().next());
    let socket = any.expect("a socket is shown");
    let expected = [
        &format!("[.] socket(AF_INET, SOCK_STREAM) = {socket}"),
        "with",
        &format!("[.] close({socket})"),
        "after with",
        &format!("[.] socket(AF_INET, SOCK_STREAM) = {socket}"),
        &format!("[.] close({socket})"),
        "after del",
        &format!("[.] socket(AF_INET6, SOCK_STREAM) = {socket}"),
        "end",
        &format!("[.] close({socket})"),
    ];
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}

/// Brings a stepping twin of the short server to its first `accept`.
fn step_to_accept(address: SocketAddr) -> Option<Process> {
    let server = watched_twin("short-server", &address)?;
    let server = server.env("STEP", "1").with_input().start();
    while !server.prompt().starts_with("accept(") {
        server.enter();
    }
    Some(server)
}

#[test]
fn twin_runs_on_at_the_end_of_the_input() {
    let address = free_address().unwrap();
    let Some(mut server) = step_to_accept(address) else {
        return;
    };
    server.end_input();
    let client = Program::new("short-client").args([address.to_string()]);
    assert_eq!(client.run(), Finished::success("ACK!\n"));
    assert_eq!(server.kill().stderr, "\n"); // the end of the last prompt's line
}

#[test]
fn question_stands_below_what_another_thread_prints() {
    let address = free_address().unwrap();
    let Some(server) = step_to_accept(address) else {
        return;
    };
    let first = Peer::connect(address, LIMIT).unwrap();
    for _ in 0..2 {
        server.enter();
        server.prompt(); // the first client's recv, and the next accept, in any order
    }
    server.enter();
    let _second = Peer::connect(address, LIMIT).unwrap();
    let question = format!("\nnext: {}  [Enter] ", server.prompt());

    first.send("hello").unwrap();
    server.skip_to("[*] Received: hello");
    let stands_last = |shown: &[u8]| shown.ends_with(question.repeat(2).as_bytes());
    let shown = server.stderr.look(LIMIT, stands_last);
    assert!(stands_last(&shown), "{}", String::from_utf8_lossy(&shown));
}

#[test]
fn program_that_asks_reads_its_own_lines() {
    let script = PythonFile::new(
        "import socket
client = socket.socket()
print(input('name? '))
client.close()
",
    );
    let Some(script) = script.watched() else {
        return;
    };
    let mut input = tempfile::tempfile().expect("a file can be made");
    input.write_all(b"\nAda\n\n").expect("it can be written");
    input.rewind().expect("it can be read again");
    let finished = script.env("STEP", "1").stdin(input).run();
    assert!(finished.stdout.contains("name? Ada\n"), "{finished:?}");
    assert!(finished.stderr.ends_with("  [Enter] "), "{finished:?}"); // the input has not ended
}

#[test]
fn close_at_the_exit_of_a_program_whose_thread_has_crashed_is_recorded() {
    let script = PythonFile::new(
        "import socket, threading
kept = socket.socket()
def fail():
    kept.send('text')
threading.Thread(target=fail).start()
",
    );
    let (Some(watched), Some(unwatched)) = (script.watched(), script.unwatched()) else {
        return;
    };
    let lines = tempfile::NamedTempFile::new().expect("a file can be made");
    let watched = watched.env("WATCH_LINES", lines.path()).run();
    assert_eq!(watched.stderr, unwatched.run().stderr);
    let recorded = fs::read_to_string(lines.path()).expect("it is text");
    assert!(
        recorded.lines().last().is_some_and(|it| it.starts_with(":0:") && it.contains(":close(")),
        "{recorded}"
    );
}
