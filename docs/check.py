# Checks exercise 3, 5 or 6: python3 docs/check.py 5
# It starts what `cargo build` has built, and is the other side of the connections.

import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

LIMIT = 3  # seconds within which a program must answer
PAUSE = 0.2  # seconds after which nothing more is expected


def start(program, *arguments):
    path = shutil.which(program, path=FOLDER)
    if not path:
        sys.exit(f"error: there is no {program} in {FOLDER}: run cargo build first")
    return subprocess.Popen([path, *arguments], stdout=subprocess.PIPE, text=True)


def start_server(program):
    process = start(program, "127.0.0.1:0")
    killer = threading.Timer(LIMIT, process.kill)
    killer.start()
    line = process.stdout.readline()
    killer.cancel()
    if "listening on " not in line:
        sys.exit(f"error: expected 'listening on' from {program}, got {line!r}")
    host, port = line.split("listening on ")[1].split(":")
    threading.Thread(target=process.stdout.read, daemon=True).start()  # so that it can go on printing
    return process, (host, int(port))


def receive(peer, expected):
    """Receives until so many bytes or the end have come, and whatever comes at once after them."""
    got, end = b"", ""
    try:
        while True:
            peer.settimeout(LIMIT if len(got) < expected else PAUSE)
            part = peer.recv(4096)
            if not part:
                end = ", then the end"
                break
            got += part
    except socket.timeout:
        pass
    except OSError as error:
        end = f", then {error.strerror}"
    return shown(got) + end


def shown(data):
    return repr(data)[1:] if len(data) < 40 else f"{repr(data[:20])[1:]}... ({len(data)} bytes)"


def says(parts, reply, ends=False, closes=False):
    """A client sends these parts. It ends its side, or the server closes. What comes back?"""

    def try_it():
        until_the_end = ends or closes
        expected = shown(reply) + (", then the end" if until_the_end else "")
        with socket.create_connection(ADDRESS, LIMIT) as peer:
            for part in parts:
                peer.sendall(part)
                time.sleep(PAUSE / 4)
            if ends:
                peer.shutdown(socket.SHUT_WR)
            got = receive(peer, len(reply) + 1 if until_the_end else len(reply))
        return expected, got

    return try_it


def one_after_another():
    """A client waits for each echo before it sends again."""
    with socket.create_connection(ADDRESS, LIMIT) as peer:
        got = []
        for message in (b"one", b"two"):
            peer.sendall(message)
            got.append(receive(peer, len(message)))
    return f"{shown(b'one')}, {shown(b'two')}", ", ".join(got)


def client(message, replies, status, output):
    """long-client sends `hello` twice to this server. What does it send, print, and return?"""

    def try_it():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(LIMIT)
            process = start("long-client", "127.0.0.1:%d" % listener.getsockname()[1], "hello", "2")
            got = []
            with listener.accept()[0] as peer:
                for reply in replies:
                    peer.settimeout(LIMIT)
                    got.append(shown(peer.recv(4096)))  # one recv: what one send has sent
                    for part in reply:
                        peer.sendall(part)
                        time.sleep(PAUSE / 4)
                peer.shutdown(socket.SHUT_WR)
                try:
                    printed = process.communicate(timeout=LIMIT)[0]
                except subprocess.TimeoutExpired:
                    process.kill()
                    printed = process.communicate()[0] + " and does not end"
        expected = f"{', '.join([shown(message)] * len(replies))}; prints {output!r}; status {status}"
        return expected, f"{', '.join(got)}; prints {printed!r}; status {process.returncode}"

    return try_it


def framed(message):
    return struct.pack("!I", len(message)) + message


ROWS = {
    "3": [
        ("a message comes back", says([b"hello"], b"hello", ends=True)),
        ("3000 bytes come back", says([b"0" * 3000], b"0" * 3000, ends=True)),
        ("one message after another comes back", one_after_another),
        ("a client that says nothing", says([], b"", ends=True)),
    ],
    "5": [
        ("a message: one ACK!", says([framed(b"hello")], b"ACK!")),
        ("3000 bytes: one ACK!", says([framed(b"0" * 3000)], b"ACK!")),
        ("a length in two parts", says([b"\0\0", b"\0\5hello"], b"ACK!")),
        ("half a message: no reply yet", says([framed(b"hello")[:6]], b"")),
        ("two messages in one send", says([framed(b"one") + framed(b"two")], b"ACK!ACK!")),
        ("a length of 4294967295: closes", says([b"\xff" * 4], b"", closes=True)),
        ("the stream ends within a length", says([b"\0\0"], b"", ends=True)),
        ("the stream ends within a message", says([framed(b"hello")[:6]], b"", ends=True)),
        ("and serves the next client", says([framed(b"hello")], b"ACK!")),
        (
            "the client: length and message in one send",
            client(framed(b"hello"), [[b"ACK!"], [b"ACK!"]], 0, "ACK!\nACK!\n"),
        ),
    ],
    "6": [
        ("a line: one reply, a line", says([b"hello\n"], b"ACK!\n")),
        ("3000 bytes: one reply", says([b"0" * 3000 + b"\n"], b"ACK!\n")),
        ("a line in two parts", says([b"hel", b"lo\n"], b"ACK!\n")),
        ("half a line: no reply yet", says([b"hel"], b"")),
        ("two lines in one send", says([b"one\ntwo\n"], b"ACK!\nACK!\n")),
        ("the stream ends within a line: no reply", says([b"hel"], b"", ends=True)),
        ("and serves the next client", says([b"hello\n"], b"ACK!\n")),
        (
            "the client: line and line break in one send",
            client(b"hello\n", [[b"ACK!\n"], [b"ACK!\n"]], 0, "ACK!\nACK!\n"),
        ),
        (
            "the client: a reply in two parts",
            client(b"hello\n", [[b"AC", b"K!\n"], [b"ACK!\n"]], 0, "ACK!\nACK!\n"),
        ),
        ("the client: half a reply is an error", client(b"hello\n", [[b"ACK"]], 1, "")),
    ],
}

if len(sys.argv) not in (2, 3) or sys.argv[1] not in ROWS:
    sys.exit("usage: python3 docs/check.py 3|5|6 [FOLDER]\n\nFOLDER: the programs [default: target/debug]")
BUILT = pathlib.Path(__file__).resolve().parent.parent / "target" / "debug"
FOLDER = sys.argv[2] if len(sys.argv) > 2 else str(BUILT)
held = 0
server, ADDRESS = start_server("short-server" if sys.argv[1] == "3" else "long-server")
for name, row in ROWS[sys.argv[1]]:
    try:
        expected, got = row()
    except OSError as error:
        expected, got = "an answer", str(error)
    held += expected == got
    print(f"yes  {name}" if expected == got else f"no   {name}: expected {expected}, got {got}")
server.kill()
print(f"exercise {sys.argv[1]}: {held} of {len(ROWS[sys.argv[1]])}")
sys.exit(held < len(ROWS[sys.argv[1]]))
