//! Where the programs print: a file, a pipe, a closed pipe, a full disk.

use std::io::{BufRead, BufReader};

use support::run::{Finished, PAIRS, Process, Program, Server, free_address};

/// Starts a program, and closes its standard output when so many lines have been read from it.
fn close_stdout_after(lines: usize, program: Program) -> (Process, Vec<String>) {
    let (reader, writer) = os_pipe::pipe().expect("a pipe can be made");
    let process = program.stdout(writer).start();
    let lines = BufReader::new(reader).lines().take(lines);
    (process, lines.map(|line| line.expect("it is text")).collect())
}

#[test]
fn server_whose_output_was_closed_serves_on() {
    for (server, client) in PAIRS {
        let address = free_address().unwrap();
        let server = Program::new(server).args([address.to_string()]);
        let (process, _) = close_stdout_after(1, server);
        let server = Server { process, address };
        for _ in 0..3 {
            server.send_once(client, "hello");
        }
    }
}

#[test]
fn client_whose_output_was_closed_ends_quietly() {
    let server = Server::start("long-server");
    let client = Program::new("long-client").args([server.address.to_string()]);
    let (client, lines) = close_stdout_after(3, client);
    assert_eq!(lines, ["ACK!"; 3]);
    assert_eq!(client.finish(), Finished::success(""));
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::fs::{self, File};
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::time::Duration;

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;
    use support::run::{LIMIT, PROGRAMS, Peer, listening_socket, poll, unshare};

    #[test]
    fn server_prints_line_by_line_into_a_file() {
        let output = tempfile::NamedTempFile::new().expect("a file can be made");
        let file = output.reopen().expect("the file is there");
        let _server = Program::new("long-server").args(["127.0.0.1:0"]).stdout(file).start();
        let mut tail = Command::new("tail");
        tail.args(["-n", "+1", "-f"]).arg(output.path());
        let written = Server::of(Program::of(tail));
        assert_eq!(written.run_client("long-client", &["hello", "1"]), Finished::success("ACK!\n"));
        let peer = written.accepted();
        written.process.expect("[*] Received: hello");
        written.process.expect("[*] Sended: ACK!");
        written.process.expect(&format!("[*] Closed connection from: {peer}"));
    }

    #[test]
    fn output_that_does_not_block_and_is_full_is_waited_for() {
        let (mut reader, output) = UnixStream::pair().expect("sockets can be made");
        output.set_nonblocking(true).expect("a socket can be told not to block");
        let address = free_address().unwrap();
        let server = Program::new("long-server").args([address.to_string()]);
        let _server = server.stdout(OwnedFd::from(output)).start();
        let listening = format!("[*] listening on {address}\n");
        let mut beginning = vec![0; listening.len()];
        reader.read_exact(&mut beginning).expect("the server starts");

        let client = Peer::connect(address, LIMIT).unwrap();
        let mut rounds = 1;
        client.send("hello").unwrap();
        while !client.hears_nothing_for(Duration::from_millis(300)) {
            assert!(rounds < 20_000, "the server does not wait for its reader");
            client.expect("CK!").unwrap(); // the first byte was heard
            client.send("hello").unwrap();
            rounds += 1;
        }
        let mut lines = BufReader::new(reader).lines().map(|line| line.expect("it is text"));
        lines.next(); // Accepted connection from
        for _ in 0..rounds {
            assert_eq!(lines.next().as_deref(), Some("[*] Received: hello"));
            assert_eq!(lines.next().as_deref(), Some("[*] Sended: ACK!"));
        }
    }

    #[test]
    fn long_line_is_written_whole_where_there_is_room_for_a_part_only() {
        let (mut reader, mut writer) = os_pipe::pipe().expect("a pipe can be made");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a pipe can be told not to block");
        while writer.write(&[b' '; 4096]).is_ok() {} // it is full
        reader.read_exact(&mut [0; 4096]).expect("it is full");
        let (listener, address) = listening_socket();
        let client = Program::new("short-client").args([&address]).stdout(writer).start();
        let server = Peer::accept(&listener).unwrap();
        server.send([0xff; 4096]).unwrap();
        server.expect("i am TCP client").unwrap();
        assert!(server.hears_nothing_for(Duration::from_millis(300))); // the client waits
        let mut printed = String::new();
        reader.read_to_string(&mut printed).expect("it is text");
        assert_eq!(client.finish(), Finished::success(""));
        assert_eq!(printed.trim_start(), r"\xff".repeat(4096) + "\n");
    }

    #[test]
    fn disk_that_was_full_for_a_while_tears_no_line() {
        let Some(mut command) = unshare() else { return };
        command.args(["sh", "-c"]);
        command.arg(
            "mount -t tmpfs -o size=12k tmpfs /mnt && head -c 4096 /dev/zero >/mnt/other && \
             exec \"$0\" \"$@\" >/mnt/log",
        );
        let address = free_address().unwrap();
        let server = Program::new("long-server").args([address.to_string()]);
        let server = server.under(command).start();
        let folder = format!("/proc/{}/root/mnt", server.id());
        let client = poll(LIMIT, || Peer::connect(address, LIMIT).ok()).expect("it listens");
        let talk = |rounds| {
            for _ in 0..rounds {
                client.send("hello").unwrap();
                client.expect("ACK!").unwrap();
            }
        };
        talk(300); // 50 bytes each, and 8 KiB are free
        fs::remove_file(format!("{folder}/other")).expect("it is there");
        talk(20);
        drop(client); // and then the server says its last line
        let log = poll(LIMIT, || {
            let log = fs::read_to_string(format!("{folder}/log")).expect("it is text");
            log.contains("Closed connection").then_some(log)
        });
        let log = log.expect("the server writes again");
        let mut lines = log.lines().skip(2);
        let torn = lines.find(|line| !["[*] Received: hello", "[*] Sended: ACK!"].contains(line));
        assert!(torn.is_some_and(|line| line.starts_with("[*] Closed connection from: ")));
        assert!(log.len() > 8192);
    }

    #[test]
    fn full_disk_is_an_error_of_the_client() {
        let complaint = "error: cannot write to standard output: No space left on device (os error 28)\n\
            hint: let it be a terminal, or a file on a disk with free space\n";
        for (server, client) in PAIRS {
            let server = Server::start(server);
            let address = server.address.to_string();
            let client = Program::new(client).args([address]).stdout(full()).run();
            assert_eq!(client, Finished::failure(1, complaint));
        }
        for program in PROGRAMS {
            let help = Program::new(program).args(["--help"]).stdout(full()).run();
            assert_eq!(help, Finished::failure(1, complaint));
        }
    }

    fn full() -> File {
        File::options().write(true).open("/dev/full").expect("Linux has a full device")
    }

    #[test]
    fn rust_log_that_names_no_level_leaves_the_default_lines() {
        for rust_log in ["", "1", "true", "debgu", "short-server=debug", "a=b", "/"] {
            let server = Program::new("short-server").args(["127.0.0.1:0"]);
            let server = Server::of(server.env("RUST_LOG", rust_log));
            server.send_once("short-client", "hello");
            server.accepted();
            server.process.expect("[*] Received: hello");
        }
    }

    #[test]
    fn error_that_nobody_can_read_causes_no_panic() {
        for (_, program) in PAIRS {
            let mut shell = Command::new("sh");
            shell.args(["-c", "exec \"$0\" \"$@\" 2>/dev/full"]);
            let refused = Program::new(program).args(["no port"]).under(shell);
            let refused = refused.env("RUST_LOG", "a=b");
            assert_eq!(refused.run(), Finished::failure(2, ""));
        }
    }
}
