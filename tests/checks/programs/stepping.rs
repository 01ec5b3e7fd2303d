//! `STEP=1`: a pause before each call.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use support::run::{LIMIT, Peer, Process, Program, Server, listening_socket};

/// Long enough for a program to do what it should not.
const A_WHILE: Duration = Duration::from_millis(100);

fn step(program: &str, address: &str) -> Process {
    Program::new(program).args([address]).env("STEP", "1").with_input().start()
}

/// Presses Enter at each prompt until this call is next.
fn step_to(process: &Process, call: &str) {
    while !process.prompt().starts_with(call) {
        process.enter();
    }
}

/// Brings a stepping server to its first `accept`.
fn step_to_accept(server: &str) -> Server {
    let server = step(server, "127.0.0.1:0");
    step_to(&server, "accept(");
    Server::from_process(server)
}

#[test]
fn nothing_is_called_before_enter() {
    let (listener, address) = listening_socket();
    listener.set_nonblocking(true).expect("a socket can be told not to block");
    let client = step("short-client", &address);
    step_to(&client, "connect(");
    client.skip_to("[.] socket(AF_INET, SOCK_STREAM) = ");
    assert!(client.stdout.is_silent_for(A_WHILE));
    let nobody = listener.accept().expect_err("the client has not connected");
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);

    client.enter();
    client.skip_to("[.] connect("); // is announced
    client.skip_to("[.] connect(");
    listener.accept().expect("the client has connected");
}

#[test]
fn at_the_end_of_the_input_it_runs_on() {
    let mut server = step_to_accept("short-server");
    server.process.end_input();
    for _ in 0..3 {
        server.send_once("short-client", "hello");
    }
    assert_eq!(server.process.kill().stderr, "\n"); // the end of the last prompt's line
}

#[cfg(target_os = "linux")] // which tells that both threads wait
#[test]
fn thread_that_waits_for_its_turn_asks_nothing_when_the_input_ends() {
    let mut server = step_to_accept("short-server");
    let client = server.client();
    client.send("hello").unwrap();
    server.process.enter();
    server.process.prompt(); // the client's recv or the next accept, and the other one waits
    support::run::poll(LIMIT, || server.process.sleeps().then_some(())).expect("both wait");
    server.process.end_input();
    client.expect("ACK!").unwrap();
    assert_eq!(server.process.kill().stderr, "\n"); // the end of the prompt's line
}

#[test]
fn two_threads_never_show_two_prompts_at_once() {
    let server = step_to_accept("short-server");
    let mut clients = [(); 3].map(|()| server.client());
    for client in &mut clients {
        client.send("hello").unwrap();
        client.send_no_more().unwrap();
    }
    // accept, recv, send, shutdown, recv, close for each, and accept in the end.
    for _ in 0..3 * 6 {
        server.process.enter();
        let question = format!("\nnext: {}  [Enter] ", server.process.prompt());
        let more = server.process.stderr.look(Duration::from_millis(20), |_| false);
        let more = String::from_utf8(more).expect("a prompt is text");
        assert_eq!(more.replace(&question, ""), "", "beside {question}");
    }
}

#[test]
fn question_stands_last_whatever_another_thread_prints() {
    let server = step_to_accept("short-server");
    let first = server.client();
    for _ in 0..2 {
        server.process.enter();
        server.process.prompt(); // the first client's recv, and the next accept, in any order
    }
    server.process.enter();
    let _second = server.client();
    let question = format!("\nnext: {}  [Enter] ", server.process.prompt());

    first.send("hello").unwrap();
    server.process.skip_to("[*] Received: hello");
    // It is asked again under the narrated line and the received one, at least.
    let stands_last = |shown: &[u8]| shown.ends_with(question.repeat(2).as_bytes());
    let shown = server.process.stderr.look(LIMIT, stands_last);
    assert!(stands_last(&shown), "{}", String::from_utf8_lossy(&shown));
    assert_eq!(String::from_utf8_lossy(&shown).replace(&question, ""), "");
}

#[test]
fn lingering_close_has_no_time_limit() {
    let (listener, address) = listening_socket();
    let client = Program::new("long-client").args([&address, "hello", "1"]);
    let client = client.env("STEP", "1").env("RUST_LOG", "trace").with_input().start();
    step_to(&client, "connect(");
    client.enter();
    let server = Peer::accept(&listener).unwrap();
    server.send("ACK!").unwrap();
    for call in ["shutdown(", "recv("] {
        step_to(&client, call);
        client.enter();
    }
    server.expect("hello").unwrap();
    server.expect_end().unwrap();
    thread::sleep(Duration::from_millis(1100)); // longer than it waits for without a word
    server.send("more").unwrap();
    step_to(&client, "recv(");
    client.enter();
    drop(server);
    step_to(&client, "close(");
    client.enter();
    let printed = client.finish().stdout;
    assert!(printed.contains(", SHUT_WR) = 0\n") && !printed.contains("SO_RCVTIMEO"), "{printed}");
    assert!(printed.contains(" \"more\"\n") && !printed.contains("waiting"), "{printed}");
}

#[test]
fn input_that_does_not_block_is_waited_for() {
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let server = Server::start("short-server");
    let (mut keyboard, input) = UnixStream::pair().expect("sockets can be made");
    input.set_nonblocking(true).expect("a socket can be told not to block");
    let client = Program::new("short-client").args([server.address.to_string()]);
    let client = client.env("STEP", "1").stdin(OwnedFd::from(input)).start();
    for _ in 0..5 {
        client.prompt();
        assert!(client.stderr.is_silent_for(A_WHILE));
        keyboard.write_all(b"\n").expect("it reads its input");
    }
    assert!(client.finish().stdout.contains("\nACK!\n"));
}

#[test]
fn step_can_be_set_to_nothing_or_zero_to_turn_it_off() {
    for value in ["", "0"] {
        let server = Program::new("short-server").args(["127.0.0.1:0"]).env("STEP", value);
        let server = Server::of(server);
        server.send_once("short-client", "hello");
        let finished = server.process.kill();
        assert!(finished.stderr.is_empty() && !finished.stdout.contains("[.]"), "{finished:?}");
    }
}

#[test]
fn stepping_shows_no_narration_that_rust_log_turned_off() {
    let server = Server::start("short-server");
    let client = Program::new("short-client").args([server.address.to_string()]);
    let client = client.env("STEP", "1").env("RUST_LOG", "info").with_input().start();
    for _ in 0..5 {
        client.prompt();
        client.enter();
    }
    assert_eq!(client.finish().stdout, "ACK!\n");
}
