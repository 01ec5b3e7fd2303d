# Does what one of the four programs does, but for one fault: faulty.py PROGRAM FAULT ADDRESS.

import os
import select
import signal
import socket
import sys
import threading
import time
import traceback

program, fault, address = sys.argv[1:]
host, port = address.rsplit(":", 1)
is_short = program.startswith("short")
kept, kept_for_all = [], [None]
buffer = bytearray(1024)
REPLIES = {"replies otherwise": b"ACK?", "replies with a line break": b"ACK!\n"}


def shown(data):
    if fault == "copies bytes":
        sys.stdout.reconfigure(errors="surrogateescape")
        return data.decode(errors="surrogateescape")
    text = data.decode(errors="strict" if fault == "decodes" else "backslashreplace")
    if fault == "prints raw":
        return text
    escaped = [c if c.isprintable() else c.encode("unicode_escape").decode() for c in text]
    return "".join(escaped)


def say(text):
    if fault == "says in pieces":
        for piece in text + "\n":
            os.write(1, piece.encode())
            time.sleep(0)
    elif fault != "says nothing":
        print(text, flush=True, file=sys.stderr if fault == "logs to stderr" else sys.stdout)


def receive(client):
    if fault == "keeps the rest":
        count = client.recv_into(buffer)
        end = buffer.find(0)
        return bytes(buffer[:end if end > count > 0 else count])
    message = client.recv(48 if fault == "reads little" else 1024)
    while fault == "waits for a shorter part" and len(message) % 1024 == 0 and message:
        message += client.recv(1024)
    return message


def send_all(peer, data):
    peer.send(data) if "sends a part" in fault else peer.sendall(data)


def serve():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if fault != "binds without reuse":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(5)
    say("[*] listening on %s:%s" % (host, port))
    count = 0
    while True:
        try:
            client, peer = listener.accept()
        except OSError:
            if fault == "accepts once":
                raise
            time.sleep(0.05)
            continue
        count += 1
        if fault == "ends at 101" and count == 101:
            sys.exit("enough")
        say("[*] Accepted connection from: %s:%d" % peer)
        if fault != "has no threads" if is_short else fault == "has threads":
            threading.Thread(target=talk, args=(client,), daemon=True).start()
        else:
            talk(client)


def talk(client):
    if fault == "duplicates":
        original = client
        client = original.dup()
        original.close()
    try:
        converse(client)
    except OSError as error:
        if fault == "shows tracebacks":
            raise
        if fault == "prints tracebacks":
            traceback.print_exc(file=sys.stdout)
        print("[!]", error, file=sys.stderr)
    client.close()
    if fault == "keeps threads":
        threading.Event().wait()
    if fault == "serves one":
        os._exit(0)


def converse(client):
    if fault == "sends first":
        client.sendall(b"ACK!")
    if fault == "hurries" and not select.select([client], [], [], 0.05)[0]:
        client.sendall(b"ACK!")
    if fault == "keeps all":
        kept.append(client.dup())
    if fault == "is slow":
        time.sleep(4)
    kept_for_all[0] = client
    while True:
        message = receive(client)
        if fault == "shares a variable":
            time.sleep(0.01)
            client = kept_for_all[0]
        if not message and (fault == "ends with a client" or not is_short):
            return os._exit(1) if fault == "ends with a client" else None
        if fault == "asks who is there" and not client.recv(1, socket.MSG_PEEK):
            return
        say("[*] Received: " + shown(message))
        if fault != "sends first":
            reply = b"ACK %d" % time.time_ns() if fault == "replies anew" else b"ACK!"
            send_all(client, REPLIES.get(fault, reply))
        if not is_short:
            say("[*] Sended: ACK!")
        elif fault == "closes at once":
            return
        else:
            client.shutdown(socket.SHUT_WR)
            if fault == "ends and closes":
                return
            client.settimeout(5)
            while client.recv(65536):
                pass
            return


def connect():
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((host, int(port)))
    if fault == "screams":
        sys.exit("\x1b" * 60_000)
    if fault == "forges":
        raise ValueError("short-client: 11 of 11 rows hold\r\x1b[2K        yes")
    if fault == "duplicates":
        os.dup2(client.fileno(), 0)
        client.close()
        client = socket.socket(fileno=os.dup(0))
    rounds = 500 if fault == "stops by itself" else 1_000_000
    for _ in range(1 if is_short else rounds):
        message = b"i am TCP client" if is_short else b"TCP client connect"
        if fault == "asks":
            message = input("Message: ").encode()
        if fault == "sends a file":
            file = os.memfd_create("message")
            os.write(file, message)
            os.sendfile(client.fileno(), file, 0, len(message))
        else:
            send_all(client, {"says otherwise": b"hello", "says anew": b"%d" % time.time_ns()}.get(fault, message))
        if fault == "never waits":
            send_all(client, message)
        reply = client.recv(4096)
        while fault == "reads to the end" and (more := client.recv(4096)):
            reply += more
        while fault == "waits for 4" and len(reply) < 4:
            time.sleep(0.01)  # at the end of the stream it would keep a CPU busy
            reply += client.recv(4096)
        if not reply and fault != "takes nothing for a reply":
            sys.exit("error: no reply")
        say(("Reply: " if fault == "says more" else "") + shown(reply[:1000] if fault == "shows less" else reply))
    sys.exit(1 if fault == "ends with 1" else 0)


def die_of_sigcont():
    signal.sigwait({signal.SIGCONT})
    os._exit(1)


if fault == "dies of SIGCONT":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCONT})  # in the threads to come, too
    threading.Thread(target=die_of_sigcont, daemon=True).start()
if fault.startswith("sends elsewhere first"):
    pair = socket.socketpair()
    pair[0].send(b"a message to itself")
try:
    serve() if program.endswith("server") else connect()
except ConnectionError as error:
    if fault == "shows tracebacks" or fault == "accepts once":
        raise
    sys.exit("error: %s" % error)
