"""Runs a Python program and shows its socket calls, as RUST_LOG=debug does for the Rust programs.

    python3 common/watch.py short-server/short_server.py 127.0.0.1:12345
    STEP=1 python3 common/watch.py short-client/short_client.py 127.0.0.1:12345

STEP=1 stops before each call. The program need not change: the methods of the standard library's
`socket` class are wrapped. Only TCP sockets are shown, and only the calls of the lesson: not TLS,
`recvfrom`, `sendmsg`, `sendfile`. Python 3.8 and newer.
"""

import atexit
import builtins
import encodings.idna  # now: the first name that is looked up would open files between the sockets
import errno
import functools
import io
import operator
import os
import re
import socket
import sys
import threading
import time
import traceback
import types
import warnings

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
    show_whole_lines()
    stay_out_of_tracebacks()
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    program.__file__, program.__builtins__ = path, __builtins__
    exec(compile(source, path, "exec"), program.__dict__)


# The calls of the lesson. For each, a function reads the arguments, and returns them as the system
# is given them. What it does not take, the plain method refuses, in Python's own words.

plain_init = socket.socket.__init__
plain_close = socket.socket._real_close
plain_del = socket.socket.__del__


def watch_all_calls():
    """Replaces the methods of all sockets by those that make the same call and show it."""
    watch("bind", resolved, shown_address, zero)
    watch("listen", lambda sock, backlog=128, /: [max(whole(backlog), 0)], str, zero)
    watch("accept", lambda sock, /: [], None, shown_client, can_block=True)
    watch("connect", resolved, shown_address, zero, can_block=True)
    watch("recv", read_size, shown_size, shown_bytes, can_block=True)
    watch("send", read_data, shown_data, str)
    watch("shutdown", lambda sock, how, /: [whole(how)], shown_direction, zero)
    replace("connect_ex", resolved, connect_ex)
    replace("recv_into", read_buffer, recv_into)
    replace("sendall", read_data, sendall)
    socket.socket.__init__ = init
    socket.socket._real_close = close
    socket.socket.__del__ = delete


def watch(name, read, shown_arguments, shown_result, can_block=False):
    plain = getattr(socket.socket, name)

    def make(sock, *arguments):
        shown = f", {shown_arguments(*arguments)}" if shown_arguments else ""
        waits = can_block and sock.gettimeout() != 0  # else it never blocks
        call = f"{name}({sock.fileno()}{shown})"
        return narrate(call, lambda: plain(sock, *arguments), shown_result, waits)

    replace(name, read, make)


def replace(name, read, make):
    plain = getattr(socket.socket, name)

    def method(sock, *given, **named):
        arguments = None
        try:
            if is_tcp(sock.family, sock.type):
                arguments = read(sock, *given, **named)
        except Exception:
            pass  # the plain method says what is wrong, and makes no system call
        if arguments is None:
            return plain(sock, *given, **named)
        try:
            return make(sock, *arguments)
        except BaseException as error:
            # Or the error would keep the socket, which Python may close now.
            del sock
            raise error.with_traceback(skip_own_frames(error.__traceback__))

    setattr(socket.socket, name, method)


def is_tcp(family, kind):
    return family in (socket.AF_INET, socket.AF_INET6) and kind == socket.SOCK_STREAM


def whole(number, lowest=-(2**31), highest=2**31 - 1):
    number = operator.index(number)
    if not lowest <= number <= highest:
        raise OverflowError
    return number


def resolved(sock, address, /):
    """Looks up the name in an address as the call itself would, so that the address shown is the
    one that the kernel is told."""
    host, port, *rest = address
    if not isinstance(address, tuple) or not 0 <= port <= 65535:
        raise ValueError
    host = host if len(host) > 0 else None  # any address of this machine
    found = socket.getaddrinfo(host, port, sock.family, sock.type, 0, socket.AI_PASSIVE)
    numbers = found[0][4]
    return [(*numbers[:2], *(rest or numbers[2:]))]


def read_size(sock, size, flags=0, /):
    return [whole(size, 1, sys.maxsize), whole(flags)]  # for 0 bytes Python makes no call


def read_data(sock, data, flags=0, /):
    return [memoryview(data).cast("B"), whole(flags)]


def read_buffer(sock, /, buffer, nbytes=0, flags=0):
    room = memoryview(buffer).cast("B")
    size = whole(nbytes, 0, len(room)) or len(room)
    if room.readonly or size == 0:
        raise ValueError
    return [room[:size], whole(flags)]


# These three are the calls above in another form.


def connect_ex(sock, address):
    try:
        socket.socket.connect(sock, address)
    except OSError as error:
        return error.errno or errno.EAGAIN  # Python's own time limit has no number
    return 0


def recv_into(sock, room, flags):
    data = socket.socket.recv(sock, len(room), flags)
    room[: len(data)] = data
    return len(data)


def sendall(sock, rest, flags):
    """A loop in Python as it is in C: one line stands for one system call."""
    limit, begun = sock.gettimeout(), time.monotonic()
    while True:
        rest = rest[socket.socket.send(sock, rest, flags) :]
        if not rest:
            return None
        if limit and time.monotonic() - begun > limit:  # it is one for all of the bytes
            raise socket.timeout("timed out")


def init(sock, *given, **named):
    """Shows `socket(2)`, which is called unless there is a descriptor already."""
    call = None
    try:
        family = read_family(*given, **named)
        call = f"socket({socket.AddressFamily(family).name}, SOCK_STREAM)"
    except Exception:
        pass  # the plain method says what is wrong, or makes a socket that is not shown
    make = functools.partial(plain_init, sock, *given, **named)
    if call:
        narrate(call, make, lambda _: sock.fileno())
    else:
        make()


def read_family(family=-1, type=-1, proto=-1, fileno=None):
    family = socket.AF_INET if family == -1 else family
    type = socket.SOCK_STREAM if type == -1 else type
    if fileno is not None or not is_tcp(family, type) or not isinstance(proto, int):
        raise ValueError
    return family


def close(sock, *arguments):
    narrate_close(sock)
    plain_close(sock, *arguments)


def delete(sock):
    """Python closes a socket with its last reference, or at its exit."""
    narrate_close(sock)
    try:
        if sock.fileno() >= 0:  # plain_del's warning would name a line of this file
            level, frame = 2, sys._getframe().f_back
            while frame and frame.f_code.co_filename == OWN_FILE:
                level, frame = level + 1, frame.f_back
            warnings.warn(f"unclosed {sock!r}", ResourceWarning, level, sock)
            plain_close(sock)
    except ResourceWarning:
        pass  # the user asked for an error, and Python tells it next
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
    try:
        if output:
            output.write_now(f"[.] {line}\n")
    except (OSError, RuntimeError, ValueError):
        pass  # if nobody reads it any more, nobody is left to tell


# How arguments and results are written.


def zero(_):
    return 0


def shown_address(address):
    host, port, *_ = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown_size(size, flags):
    return size


def shown_data(data, flags):
    return quoted(data)


def shown_direction(how):
    return {0: "SHUT_RD", 1: "SHUT_WR", 2: "SHUT_RDWR"}.get(how, how)


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

class Lock:
    """What one thread holds at a time. At the exit the other threads are gone, and with them a lock
    that one of them held: then nobody waits for it."""

    def __init__(self):
        self.lock = threading.RLock()

    def __enter__(self):
        self.lock.acquire(blocking=not sys.is_finalizing())

    def __exit__(self, *_):
        try:
            self.lock.release()
        except RuntimeError:
            pass  # it is not held


stepping = os.environ.get("STEP", "0") not in ("", "0")
question = ""  # the one that waits for its answer
turn = Lock()  # held by the thread that asks, so that two never ask at once
screen = Lock()  # held by the thread that writes, so that lines and the question stay whole
keyboard, output, error_output = sys.stdin, None, sys.stderr


def open_answers():
    """Returns the descriptor of what WATCH_ANSWERS names, if it does: there `cargo lesson` presses
    Enter, so that the answers are not mixed with what the program itself reads. It has a number that
    no socket is given, and no object that is gone at the exit."""
    if "WATCH_ANSWERS" not in os.environ:
        return None
    file = os.open(os.environ["WATCH_ANSWERS"], os.O_RDONLY)
    os.dup2(file, 200, inheritable=False)
    os.close(file)
    return 200


answers = open_answers()


def pause(call):
    """Says which call is next, and waits for Enter. At the end of the input there are no more
    pauses."""
    global question, stepping
    record_line(call)
    if not stepping:
        return
    with turn:
        if not stepping:
            return  # the input ended while another thread asked
        with screen:
            question = f"next: {call}  [Enter] "
            ask(question)
        try:
            if not has_answered():
                stepping = False
                ask("\n")
        finally:
            question = ""


def ask(text):
    try:
        if error_output:
            error_output.write(text)
            error_output.flush()
    except (OSError, RuntimeError, ValueError):
        pass  # nobody reads it any more


def has_answered():
    try:
        if answers:
            return os.read(answers, 1)
        return keyboard and keyboard.readline()
    except (OSError, ValueError):
        return False  # the program has closed it: it has ended, too


class WholeLines(io.TextIOWrapper):
    """An output on which no thread tears another one's line: what a thread prints is held until its
    line break, also under `python3 -u`. Under STEP=1 it is shown above the question that waits,
    which is then asked again."""

    def __init__(self, plain):
        super().__init__(plain.buffer, plain.encoding, plain.errors, line_buffering=True)
        self.mode = plain.mode
        self.begun = {}  # what each thread has printed since its last line break

    def write(self, text):
        with screen:
            for ended in self.begun.keys() - sys._current_frames().keys():
                self.write_now(self.begun.pop(ended))
            thread = threading.get_ident()
            lines, line_break, rest = (self.begun.pop(thread, "") + text).rpartition("\n")
            if rest:
                self.begun[thread] = rest
            if line_break:
                self.write_now(lines + line_break)
        return len(text)

    def flush(self):
        with screen:
            rest = self.begun.pop(threading.get_ident(), "")
            if rest:
                self.write_now(rest)
            super().flush()

    def write_now(self, text):
        with screen:
            asked = question
            if asked:
                ask("\n")
            super().write(text)
            super().flush()
            if asked:
                ask(asked)

    def __del__(self):
        """Leaves the file open: it is also that of Python's own output."""

    def end(self):
        """Shows what has no line break at the exit. What cannot be written then, Python tells."""
        try:
            self.write("")
            self.flush()
        except (OSError, ValueError):
            pass


def show_whole_lines():
    """Has each line that the program prints shown at once, and whole."""
    global output
    for name in ("stdout", "stderr"):
        plain = getattr(sys, name)
        if plain:
            setattr(sys, name, WholeLines(plain))
            atexit.register(setattr, sys, name, plain)
            atexit.register(getattr(sys, name).end)
    output = sys.stdout


def record_line(call):
    """Appends `PATH:LINE:THREAD:CALL` to the file that WATCH_LINES names, for `cargo lesson`: the
    line of the program, and the thread, that is about to make the call. At the exit the line is 0."""
    if "WATCH_LINES" not in os.environ:
        return
    frame = sys._getframe()
    while frame and frame.f_code.co_filename.startswith((OWN_FILE, LIBRARY, "<")):
        frame = frame.f_back
    path, line = (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
    file = os.open(os.environ["WATCH_LINES"], os.O_WRONLY | os.O_APPEND)  # at the exit open is gone
    thread = threading.get_native_id()
    os.write(file, f"{path}:{line}:{thread}:{call}\n".encode(errors="replace"))
    os.close(file)


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

    def unraisable_hook(failed):
        hide_own_frames(failed.exc_value)
        kind, trace = type(failed), skip_own_frames(failed.exc_traceback)
        failed = (failed.exc_type, failed.exc_value, trace, failed.err_msg, failed.object)
        sys.__unraisablehook__(kind(failed))

    def init_traceback(self, kind, error, *arguments, **named):
        hide_own_frames(error)
        plain_traceback(self, kind, error, *arguments, **named)

    sys.excepthook, threading.excepthook = main_hook, thread_hook
    sys.unraisablehook = unraisable_hook
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
