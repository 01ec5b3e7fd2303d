"""Runs a Python program and shows its socket calls, as RUST_LOG=debug does for the Rust programs.

    python3 common/watch.py short-server/short_server.py 127.0.0.1:12345
    STEP=1 python3 common/watch.py short-client/short_client.py 127.0.0.1:12345

STEP=1 stops before each call. The program need not change: the methods of the standard library's
`socket` class are wrapped. Only TCP sockets are shown, and only the calls of the lesson: not TLS,
`recvfrom`, `sendmsg`, `sendfile`. Python 3.8 and newer.
"""

import builtins
import encodings.idna  # now: the first name that is looked up would open files between the sockets
import errno
import io
import os
import re
import socket
import sys
import threading
import time
import traceback
import types

OWN_FILE = __file__
LIBRARY = os.path.dirname(os.__file__) + os.sep


def main():
    """Runs the program of the command line as `python3` itself would."""
    if len(sys.argv) < 2:
        sys.exit("usage: python3 watch.py PROGRAM.py [ARGUMENT...]")
    del sys.argv[0]
    path = os.path.abspath(sys.argv[0])
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.exit(f"error: cannot read {path}: {error.strerror}")
    watch_all_calls()
    show_output_line_by_line()
    stay_out_of_tracebacks()
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    program.__file__, program.__builtins__ = path, __builtins__
    exec(compile(source, path, "exec"), program.__dict__)


# The calls of the lesson.

plain_init = socket.socket.__init__
plain_recv_into = socket.socket.recv_into
plain_sendall = socket.socket.sendall
plain_close = socket.socket._real_close
plain_del = socket.socket.__del__


def watch_all_calls():
    """Replaces the methods of all sockets by those that make the same call and show it."""
    watch("bind", shown_address, zero, prepare=resolved)
    watch("listen", lambda backlog=128: backlog, zero)
    watch("accept", None, shown_client, can_block=True)
    watch("connect", shown_address, zero, can_block=True, prepare=resolved)
    watch("recv", lambda size, *flags: size, shown_bytes, can_block=True)
    watch("send", lambda data, *flags: quoted(data), str)
    watch("shutdown", lambda how: ("SHUT_RD", "SHUT_WR", "SHUT_RDWR")[how], zero)
    for method in (connect_ex, recv_into, sendall):
        setattr(socket.socket, method.__name__, method)
    socket.socket.__init__ = init
    socket.socket._real_close = close
    socket.socket.__del__ = delete


def watch(name, shown_argument, shown_result, can_block=False, prepare=None):
    plain = getattr(socket.socket, name)

    def watched(sock, *arguments):
        call = None
        try:
            if is_tcp(sock.family, sock.type):
                prepared = prepare(sock, *arguments) if prepare else arguments
                shown = f", {shown_argument(*prepared)}" if shown_argument else ""
                call = f"{name}({sock.fileno()}{shown})"
        except Exception:
            pass  # wrong arguments: the plain method says so, and makes no system call
        if call is None:
            return plain(sock, *arguments)
        waits = can_block and sock.gettimeout() != 0  # else it never blocks
        return narrate(call, lambda: plain(sock, *prepared), shown_result, waits)

    setattr(socket.socket, name, watched)


def is_tcp(family, kind):
    return family in (socket.AF_INET, socket.AF_INET6) and kind == socket.SOCK_STREAM


def resolved(sock, address):
    """Looks up the name in an address as the call itself would, so that the address shown is the
    one that the kernel is told. What the call does not take, it is given as it is."""
    host, port, *rest = address
    if not isinstance(address, tuple) or not 0 <= port <= 65535:
        raise ValueError
    host = host if len(host) > 0 else None  # any address of this machine
    found = socket.getaddrinfo(host, port, sock.family, sock.type, 0, socket.AI_PASSIVE)
    numbers = found[0][4]
    return [(*numbers[:2], *(rest or numbers[2:]))]


# These three are the calls above in another form.


def connect_ex(sock, address):
    try:
        socket.socket.connect(sock, address)
    except socket.gaierror:
        raise
    except OSError as error:
        return error.errno or errno.EAGAIN  # Python's own time limit has no number
    return 0


def recv_into(sock, buffer, nbytes=0, flags=0):
    try:
        room = memoryview(buffer).cast("B")
        if room.readonly or not 0 <= nbytes <= len(room):
            raise ValueError
    except (TypeError, ValueError):
        return plain_recv_into(sock, buffer, nbytes, flags)  # which says what is wrong
    data = socket.socket.recv(sock, nbytes or len(room), flags)
    room[: len(data)] = data
    return len(data)


def sendall(sock, data, /, *flags):
    """A loop in Python as it is in C: one line stands for one system call."""
    try:
        rest = memoryview(data).cast("B")
    except TypeError:
        return plain_sendall(sock, data, *flags)  # which says what is wrong
    limit, begun = sock.gettimeout(), time.monotonic()
    while True:
        rest = rest[socket.socket.send(sock, rest, *flags) :]
        if not rest:
            return None
        if limit and time.monotonic() - begun > limit:  # it is one for all of the bytes
            raise socket.timeout("timed out")


def init(sock, family=-1, type=-1, proto=-1, fileno=None):
    """Shows `socket(2)`, which is called unless there is a descriptor already."""
    if fileno is None and family == -1:
        family = socket.AF_INET
    if fileno is None and type == -1:
        type = socket.SOCK_STREAM
    if fileno is None and is_tcp(family, type):
        call = f"socket({socket.AddressFamily(family).name}, SOCK_STREAM)"
        narrate(call, lambda: plain_init(sock, family, type, proto), lambda _: sock.fileno())
    else:
        plain_init(sock, family, type, proto, fileno)


def close(sock, *arguments):
    narrate_close(sock)
    plain_close(sock, *arguments)


def delete(sock):
    """Python closes a socket with its last reference, or at its exit."""
    narrate_close(sock)
    plain_del(sock)


# How a call is narrated: the one place that every call passes through.


def narrate(call, make, shown_result, waits=False):
    """Makes a call and shows it with its arguments and its result, in the style of `strace`."""
    pause(call)
    if waits:
        show(f"{call} ...")
    try:
        result = make()
    except OSError as error:
        # A time limit of Python's own has no number.
        number = f" (os error {error.errno})" if error.errno else ""
        show(f"{call} = -1 {error.strerror or error}{number}")
        raise
    show(f"{call} = {shown_result(result)}")
    return result


def narrate_close(sock):
    """Shows a `close` before it is made: afterwards another thread may already have been given the
    same descriptor."""
    if sock.fileno() >= 0 and is_tcp(sock.family, sock.type):
        call = f"close({sock.fileno()})"
        pause(call)
        show(call)


def show(line):
    write(output, f"[.] {line}\n")


def write(stream, text):
    """Writes a text in one piece. If nobody reads the stream any more, nobody is left to tell."""
    try:
        if stream:
            stream.write(text)
            stream.flush()
    except (OSError, RuntimeError, ValueError):
        pass


# How arguments and results are written.


def zero(_):
    return 0


def shown_address(address):
    host, port, *_ = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown_client(accepted):
    client, peer = accepted
    return f"{client.fileno()} from {shown_address(peer)}"


def shown_bytes(data):
    return f"{len(data)} {quoted(data)}" if data else 0


def quoted(data):
    """Shows at most 32 bytes, with nothing that a terminal would obey, as src/bytes.rs does."""
    limit = 32
    # The rest, which may be large, is not copied.
    data, more = bytes(memoryview(data).cast("B")[: limit + 1]), ""
    if len(data) > limit:
        end, more = limit, "..."
        # A UTF-8 character, of at most 4 bytes, is not cut in two.
        while end > limit - 3 and data[end] & 0b1100_0000 == 0b1000_0000:
            end -= 1
        data = data[:end]
    text = data.decode("utf-8", "surrogateescape")
    return f'"{MUST_BE_ESCAPED.sub(escaped, text)}"{more}'


# The quotation mark, the backslash, controls and ends of lines; what is invisible, as src/bytes.rs
# lists it; and Python's stand-ins for bytes that belong to no character.
MUST_BE_ESCAPED = re.compile(
    '["\\\\\0-\x1f\x7f-\x9f\u2028\u2029'
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    "\udc80-\udcff]"
)
NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def escaped(match):
    number = ord(match[0])
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return NAMED.get(match[0], f"\\u{{{number:x}}}")


# The pause of STEP=1, and the question that stands under whatever is printed.

stepping = os.environ.get("STEP", "0") not in ("", "0")
question = ""  # the one that waits for its answer
turn = threading.RLock()  # held by the thread that asks, so that two never ask at once
screen = threading.RLock()  # held by the thread that writes, so that the question stays whole
keyboard, output, error_output = sys.stdin, sys.stdout, sys.stderr


def pause(call):
    """Says which call is next, and waits for Enter. At the end of the input there are no more
    pauses."""
    global question, stepping
    record_line(call)
    # At the exit the other threads are gone, and with them a turn that one of them had.
    if not stepping or not turn.acquire(blocking=not sys.is_finalizing()):
        return
    try:
        if stepping:  # the input may have ended while another thread asked
            with screen:
                question = f"next: {call}  [Enter] "
                write(error_output, question)
            if not has_answered():
                stepping = False
                write(error_output, "\n")
    finally:
        question = ""
        turn.release()


def has_answered():
    try:
        return keyboard and keyboard.readline()
    except (OSError, ValueError):
        return False  # the program has closed it: it has ended, too


class AboveTheQuestion(io.FileIO):
    """An output whose text is shown above a question that waits, which is then asked again."""

    def write(self, data):
        with screen:
            asked = question
            if asked:
                write(error_output, "\n")
            count = super().write(data)
            if asked:
                write(error_output, asked)
            return count


def show_output_line_by_line():
    """Has each line that the program prints shown at once; under STEP=1, above the question."""
    global output
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream and stepping:
            file = io.BufferedWriter(AboveTheQuestion(stream.fileno(), "wb", closefd=False))
            text = io.TextIOWrapper(file, stream.encoding, stream.errors, line_buffering=True)
            setattr(sys, name, text)
        elif stream:
            stream.reconfigure(line_buffering=True)
    output = sys.stdout


def record_line(call):
    """Appends `PATH:LINE:CALL` to the file that WATCH_LINES names, for `cargo lesson`: the line of
    the program that is about to make the call, and `:0:CALL` at the exit."""
    if "WATCH_LINES" not in os.environ:
        return
    frame = sys._getframe()
    while frame and frame.f_code.co_filename.startswith((OWN_FILE, LIBRARY, "<")):
        frame = frame.f_back
    path, line = (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
    with open(os.environ["WATCH_LINES"], "a") as file:
        file.write(f"{path}:{line}:{call}\n")


# Tracebacks: the program's own.


def stay_out_of_tracebacks():
    """Hides the frames of this file wherever Python or the program writes a traceback."""
    plain_thread_hook, plain_traceback = threading.excepthook, traceback.TracebackException.__init__

    def main_hook(kind, error, _):
        hide_own_frames(error)
        sys.__excepthook__(kind, error, error.__traceback__)

    def thread_hook(failed):
        hide_own_frames(failed.exc_value)
        plain_thread_hook(failed)

    def init_traceback(self, kind, error, *arguments, **named):
        hide_own_frames(error)
        plain_traceback(self, kind, error, *arguments, **named)

    sys.excepthook, threading.excepthook = main_hook, thread_hook
    traceback.TracebackException.__init__ = init_traceback


ERROR_GROUP = getattr(builtins, "BaseExceptionGroup", ())  # Python 3.11 and newer


def hide_own_frames(error):
    """Takes the frames of this file out of the traceback of an error, and of those that led to
    it, or that it is a group of."""
    errors, done = [error], set()
    while errors:
        error = errors.pop()
        if error is None or id(error) in done:  # an error can be its own cause
            continue
        done.add(id(error))
        error.__traceback__ = trace = skip_own_frames(error.__traceback__)
        while trace:
            trace.tb_next = skip_own_frames(trace.tb_next)
            trace = trace.tb_next
        errors += [error.__cause__, error.__context__]
        errors += error.exceptions if isinstance(error, ERROR_GROUP) else ()


def skip_own_frames(trace):
    while trace and trace.tb_frame.f_code.co_filename == OWN_FILE:
        trace = trace.tb_next
    return trace


if __name__ == "__main__":
    main()
