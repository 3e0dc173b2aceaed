# SPDX-License-Identifier: MIT
"""Random small socket programs, as steps of tests/probes/client.

A program is made so that what it does is told by the order of its calls and not by who is faster: it
waits either for what is there already, for what never comes, or long enough. So a difference means
something. Where a program is left with what it has not read, how its connection ends depends on when
it closes ("loose"): a close that comes one round trip earlier, before the answer, ends it with a FIN,
a later one with a reset.
"""
import dataclasses
import random
import shlex

from laboratory import FAMILIES

RTTS = (0, 2, 20, 60)
MODES = ("echo", "sink", "answer", "speak-first", "close", "reset", "refuse")
ANSWERING = ("echo", "answer", "speak-first")
LONG_MS = 4000

SMALL_DOORS = ("write", "send", "sendto", "sendto-to", "sendmsg", "sendmsg-to", "writev", "pwritev2",
               "sendmmsg", "sendfile", "splice", "more")
ALL_DOORS = ("write", "send", "sendto", "sendmsg", "writev", "pwritev2")
READ_DOORS = ("read", "recv", "recvfrom", "readv", "preadv2", "recvmsg", "recvmmsg")
WAIT_DOORS = ("poll", "ppoll", "select", "pselect", "epoll", "epoll-pwait", "epoll-pwait2")
REQUESTS = {"=get": len("GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"),
            "=post": len("POST / HTTP/1.1\r\nHost: server.test\r\nContent-Length: 5\r\n\r\nhello")}
SHARING = ("dup", "pass", "fork", "vfork", "spawn", "system", "in-child", "orphan", "reexec", "respawn")
WORDS = ("hello", "x", "first", "GET / HTTP/1.0", "POST", "ab", "twelve bytes")


@dataclasses.dataclass(frozen=True)
class Program:
    steps: tuple
    mode: str = "echo"
    fastopen: bool = True
    rtt: int = 20
    options: str = "any verify=off minrtt=0"
    remembers: bool = False
    family: str = "ip4"
    fault: str = ""
    seed: int = -1

    @property
    def server(self):
        return self.mode, self.fastopen, self.family == "ip6"

    @property
    def loose(self):
        """Whether the end of a connection may be a reset or not, by when it comes."""
        return "loose" in self.marks

    @property
    def shares(self):
        """Whether somebody else may have a socket: then nothing unread can be thrown away for it."""
        return any(step.startswith(SHARING) for step in self.steps)

    @property
    def marks(self):
        return tuple(step[1:] for step in self.steps if step.startswith("#"))

    @property
    def words(self):
        """The steps without marks."""
        return [step for step in self.steps if not step.startswith("#")]

    @property
    def hold_ms(self):
        for word in self.options.split():
            if word.startswith("hold="):
                return int(word[5:].rstrip("ms"))
        return max(self.rtt, 5) if self.remembers else 20

    @property
    def most_in_syn(self):
        return next((int(word[4:]) for word in self.options.split() if word.startswith("max=")), 1000)

    def command(self):
        """What to write after tests/differential/differ.py to run it again."""
        words = ["--rtt", str(self.rtt), "--mode", self.mode]
        if not self.fastopen:
            words.append("--no-fastopen")
        if self.remembers:
            words.append("--remembers")
        if self.family != "ip4":
            words += ["--family", self.family]
        if self.fault:
            words += ["--fault", self.fault]
        words += ["--rule", self.options, "--steps", shlex.join(self.steps)]
        return shlex.join(words)


class Connection:
    """Makes the steps of one connection; knows what has been sent, what is still to come."""

    def __init__(self, rng, program, alone, signals):
        self.rng = rng
        self.program = program
        self.mode = program.mode
        self.alone = alone  # no other socket: what concerns the whole process is allowed
        self.steps = []
        self.blocking = True
        self.settled = True  # False: the handshake of a non-blocking socket may be under way
        self.connected_blocking = False
        self.unread = 0
        self.sent = 0
        self.answered = False  # mode answer: the end of the stream is coming
        self.writable = True
        self.duplicated = False
        self.stream = False
        self.edges = False  # an edge-triggered set has seen nothing of what was received
        self.number_changed = False
        self.signals = signals  # None; "signals-restart" or "signals", which interrupts more than waits
        self.closed = False
        self.loose = False

    @property
    def impatient(self):
        return self.signals == "signals"

    def add(self, *steps):
        self.steps += steps

    # --- time ---

    def settle_ms(self):
        return self.program.hold_ms + 4 * self.program.rtt + 30

    def settle(self):
        if self.program.hold_ms > 100:
            return
        self.add(f"sleep:{self.settle_ms()}")
        self.settled = True

    def brief_ms(self):
        hold = self.program.hold_ms
        return self.rng.choice((1, 1, 2, 3, 5, max(1, hold - 2), max(1, hold - 1), hold, hold + 1,
                                hold + 2) if hold <= 100 else (1, 2, 3, 5, 10))

    # --- the beginning ---

    def begin(self):
        rng = self.rng
        if not self.program.fault and rng.random() < 0.45:
            self.add("nonblock")
            self.blocking = False
        for step, chance in (("bind", 0.06), ("cloexec", 0.06), (f"sndtimeo:{LONG_MS}", 0.08),
                             (f"rcvtimeo:{LONG_MS}", 0.08), ("nodelay", 0.06), ("linger:2", 0.04),
                             ("linger0", 0.02)):
            if rng.random() >= chance or (step == "linger0" and self.mode != "sink"):
                continue
            # A timeout begins anew after each signal.
            if self.signals and "timeo" in step:
                continue
            # The first step that needs a socket makes it.
            self.add(*(("socket", step) if step in ("cloexec", "linger0", "linger:2", "nodelay") else (step,)))
            self.loose = self.loose or step == "linger0"
        self.connect()
        if self.mode == "speak-first":
            self.unread = 8

    def connect(self):
        if self.blocking:
            self.add("connect")
            self.settled = self.connected_blocking = True
            return
        self.connected_blocking = False
        self.settled = True
        edge = self.mode in ("echo", "sink", "answer", "speak-first") and self.rng.random() < 0.12
        if edge and "epoll-edge" not in self.steps:
            self.add("epoll-edge", "connect", f"poll:out:{LONG_MS}", "error")
            return
        how = self.rng.random()
        if how < 0.12 and "epoll-edge" not in self.steps and "epoll-add" not in self.steps:
            self.add(*self.rng.sample(("connect", "epoll-add"), 2), f"epoll-until:out:{LONG_MS}", "error")
            self.edges = self.mode in ("echo", "answer")
        elif how < 0.3:
            self.add("connect-wait")
        elif how < 0.55:
            wait = self.rng.choice(WAIT_DOORS)
            self.add("connect", f"{wait}:out:{LONG_MS}", "error")
        elif how < 0.7 and self.program.hold_ms <= 100 and self.mode not in ("close", "reset"):
            self.add("connect")
            self.settle()
            self.add("connect", "connect")
        elif how < 0.75:
            self.add("connect", "block")
            self.blocking = True
            self.settled = False
        else:
            self.add("connect")
            self.settled = False

    # --- sending ---

    def data(self, most):
        rng = self.rng
        if "http" in self.program.options and most >= max(REQUESTS.values()) and rng.random() < 0.6:
            return rng.choice(("=get", "=get", "=post"))
        if rng.random() < 0.5 or most < 20:
            return rng.choice(WORDS)[:max(1, most)]
        size = min(most, rng.choice((1, 2, 100, 535, 536, 537, 1000, 1400, 1420, 1460, 1461, 2000, 2047,
                                     2048, 2049, 4000, 5000, 16384, 30000, 65482, 65483, 65484, 65536,
                                     100000, 200000)))
        return f"@{size}"

    @staticmethod
    def size(data):
        if data.startswith("@"):
            return int(data[1:])
        return REQUESTS.get(data, len(data))

    def note_sent(self, size):
        if self.mode in ("echo", "speak-first"):
            self.unread += size
        elif self.mode == "answer" and not self.sent and size:
            self.unread, self.answered = 3, True
        self.sent += size

    def room(self):
        """How much may still be sent at once: an echo that is not read stops reading, too."""
        if self.mode in ("echo", "speak-first"):
            return max(0, 40000 - self.unread)
        return 200000

    def send(self):
        room = self.room()
        if not self.writable or room < 1:
            return
        rng = self.rng
        # Without a wait for the connection, or once in flight, only a loop that polls says always the same.
        careful = not self.blocking and not (self.settled and self.connected_blocking)
        if careful or rng.random() < 0.25:
            data = self.data(room)
            door = rng.choice(ALL_DOORS)
            self.add(f"write-all:{data}" if door == "write" else f"all:{door}:{data}")
            if careful:
                self.settled = False
        elif self.blocking and not self.impatient and rng.random() < 0.06:
            data = rng.choice(WORDS)
            self.add(f"dprintf:{data}")
        else:
            # A call that may be cut short in the handshake takes what fits into the SYN.
            brief = not self.blocking or self.impatient
            most = min(room, 900, self.program.most_in_syn) if brief else room
            door = rng.choice(SMALL_DOORS)
            if door == "sendmmsg" and brief:
                door = "sendmsg"
            if door in ("sendmmsg", "splice", "sendfile"):
                most = min(most, 4000)
            data = self.data(most)
            if door == "sendmmsg" and self.size(data) < 2:
                door = "send"
            self.add(f"{door}:{data}")
            # What is kept back for more would leave after 200 ms, or with the end.
            if door == "more":
                self.add("write:rest")
                self.note_sent(4)
        self.note_sent(self.size(data))

    def send_nothing(self):
        held = not self.sent and self.program.hold_ms > 100
        if self.writable and self.settled and (self.blocking or self.connected_blocking or held):
            self.add(self.rng.choice(("write:", "send:", "sendto:", "sendmsg:", "writev:", "pwritev2:")))

    def send_in_thread(self):
        if self.writable and self.blocking and self.room() > 20:
            data = self.rng.choice(WORDS)
            self.add(f"thread-write:{data}")
            self.note_sent(len(data))

    # --- receiving ---

    def receive(self):
        rng = self.rng
        if not self.unread:
            self.look_in_vain()
            return
        # An edge tells of the first bytes only.
        self.edges = self.edges and self.unread == self.sent
        size = self.unread if rng.random() < 0.8 else rng.randint(1, self.unread)
        if rng.random() < 0.4:
            self.await_input()
        if self.blocking and size == self.unread == 8 and not self.sent and rng.random() < 0.5:
            self.add(rng.choice(READ_DOORS))
        elif self.blocking and not self.signals and rng.random() < 0.2:
            self.add(f"wait-all:{size}")
        else:
            self.add(f"read-n:{rng.choice(READ_DOORS)}:{size}")
        self.unread -= size
        self.settled = True

    def receive_in_background(self):
        if not self.unread or not self.alone or self.impatient:
            return
        self.add(f"background:read-n:{self.rng.choice(READ_DOORS)}:{self.unread}")
        if self.rng.random() < 0.7:
            self.add(f"sleep:{self.brief_ms()}")
        if self.rng.random() < 0.3 and self.blocking:
            self.add("peer")
        self.add("join")
        self.unread = 0
        self.settled = True

    def await_input(self):
        if self.edges and not self.number_changed:
            self.add(f"epoll-until:in:{LONG_MS}")
            self.edges = False
            return
        self.add(f"{self.rng.choice(WAIT_DOORS)}:in:{LONG_MS}")

    def look_in_vain(self):
        """Looks for what never comes."""
        rng = self.rng
        if self.edges and self.unread:
            return
        if self.answered or self.unread or not self.writable:
            return
        how = rng.random()
        if how < 0.4:
            self.add(f"{rng.choice(WAIT_DOORS)}:in:{rng.choice((0, 1, 5, 15, 25, 60))}")
        elif how < 0.6:
            self.add(rng.choice(("peek", "read-dontwait")))
        elif not self.blocking:
            self.add(rng.choice(READ_DOORS))
        elif not self.signals:
            self.add(f"rcvtimeo:{rng.choice((3, 10, 30))}", rng.choice(READ_DOORS),
                     f"rcvtimeo:{rng.choice((0, LONG_MS))}")

    # --- the rest ---

    def wait_for_output(self):
        if self.writable:
            self.add(f"{self.rng.choice(WAIT_DOORS)}:out:{LONG_MS}")

    def ask(self):
        if self.settled and (self.blocking or self.connected_blocking):
            # Whoever was given a socket that is connected has no reason to connect it.
            again = () if {"pass", "reexec", "respawn"} & set(self.steps) else ("connect",)
            nothing = () if self.unread or self.answered else ("available",)
            self.add(self.rng.choice(("peer", "peer", "name", "error", *again, *nothing)))
        else:
            self.add("name")

    def toggle(self):
        if self.program.fault:
            return
        self.blocking = not self.blocking
        self.add(self.rng.choice(("block", "fionbio:0") if self.blocking else ("nonblock", "fionbio:1")))

    def pause(self):
        if self.rng.random() < 0.15:
            self.settle()
        else:
            self.add(f"sleep:{self.brief_ms()}")

    def duplicate(self):
        if self.duplicated:
            return
        self.number_changed = True
        self.add(self.rng.choice(("dup", "dup2", "dup3", "dupfd", "dupfd-kept", "pass")))
        if self.rng.random() < 0.6:
            self.add("close-older")
        else:
            self.duplicated = True

    def child(self):
        rng = self.rng
        room = self.writable and self.room() > 100
        if self.impatient:
            return
        how = rng.random()
        if how < 0.2 and room and self.blocking:
            data = rng.choice(WORDS)
            self.add(f"fork-write:{data}")
            self.note_sent(len(data))
        elif how < 0.35:
            self.add("fork-close")
        elif how < 0.45:
            self.add("vfork-exec:true")
        elif how < 0.55:
            self.add("system:true")
        elif how < 0.7 and room and self.blocking:
            self.add("spawn:printf child >&9")
            self.note_sent(5)
        elif how < 0.8:
            self.add("spawn:true")
        elif self.alone:
            going_on = ["in-child", "orphan"]
            if not (self.signals or self.stream or {"cloexec", "epoll-edge", "epoll-add"} & set(self.steps)):
                going_on += ["reexec", "respawn"]
            # What is at the numbers that close on exec does not come along.
            if any(step in ("dup3", "dupfd") for step in self.steps):
                going_on = ["in-child"]
            self.add(rng.choice(going_on))

    def signal(self):
        if self.signals:
            self.add("patient", f"{self.signals}:{self.rng.choice((1, 3, 7))}")

    def half_close(self):
        # On a socket that is still connecting it means something else.
        if not self.writable or not (self.settled or self.sent):
            return
        self.add("shutdown")
        self.writable = False
        if self.mode in ANSWERING and not self.loose:
            self.drain()

    def end_both_ways(self):
        if self.mode != "sink" or not self.writable or not (self.settled or self.sent):
            return
        if self.rng.random() < 0.5:
            self.add("shutdown-read", self.rng.choice(("read", "recv")))
        else:
            self.add("shutdown-both")
            self.writable = False

    def start_over(self):
        """Dissolves the association, and connects the same socket once more."""
        if self.mode != "sink" or not self.settled or self.stream or self.duplicated or not self.writable:
            return
        # Whoever was given the socket does not know of the option that makes the kernel hold it.
        if {"pass", "reexec", "respawn"} & set(self.steps):
            return
        self.add("unconnect")
        # A reset throws away what has not left.
        self.loose = self.loose or self.sent > 0
        self.sent = 0
        self.connect()

    def drain(self):
        """Reads to the end of the stream."""
        self.add("read-all")
        self.unread = 0
        self.settled = True

    def stdio(self):
        if self.stream or not self.blocking or self.impatient or not self.writable or self.room() < 100 \
                or not self.settled:
            return
        self.add("fdopen")
        self.stream = True
        for _ in range(self.rng.randint(0, 2)):
            data = self.rng.choice(WORDS)
            self.add(f"fprintf:{data}")
            self.note_sent(len(data))

    def kernel_tls(self):
        if self.settled and self.mode == "sink":
            self.add("ulp")

    def unsure(self):
        """What may say one thing or the other before the handshake has ended. (In flight poll says nothing, where
        it would say that more can be written: that is the one round trip. Beside another socket, whose blocking
        connect() takes that round trip without the library, it would say so each time.)"""
        if self.alone and not (self.sent or self.settled or self.blocking or self.connected_blocking):
            self.add(self.rng.choice(("peer", "error", "poll:out:0", "poll:inout:0")))
            self.add("#unsure")

    ACTIONS = ((send, 30), (receive, 16), (send_nothing, 4), (send_in_thread, 4),
               (receive_in_background, 4), (look_in_vain, 8), (wait_for_output, 5), (ask, 6), (toggle, 5),
               (pause, 12), (duplicate, 5), (child, 6), (signal, 20), (half_close, 4), (stdio, 2),
               (end_both_ways, 2), (start_over, 2), (kernel_tls, 1), (unsure, 1))

    def act(self):
        actions, weights = zip(*self.ACTIONS)
        if self.stream:
            actions, weights = (Connection.pause, Connection.look_in_vain), (1, 1)
        self.rng.choices(actions, weights)[0](self)

    # --- the end ---

    def finish(self):
        """Leaves nothing unread, or says that it does."""
        rng = self.rng
        if self.mode not in ANSWERING:
            return
        if rng.random() < 0.12 and self.unread + self.sent < 5000:
            self.loose = True
        if self.loose:
            return
        if self.unread and (self.stream or rng.random() < 0.5):
            self.add(f"read-n:read:{self.unread}")
            self.unread = 0
            self.settled = True
        elif self.unread or rng.random() < 0.3:
            if self.mode != "answer" or not self.answered:
                if not self.writable:
                    return
                if not (self.settled or self.sent):
                    self.wait_for_output()
                self.add("shutdown")
                self.writable = False
            self.drain()

    def close(self):
        if self.closed:
            return
        self.closed = True
        if self.stream:
            self.add("fclose")
            return
        choices = ["close", "close", "close", "syscall-close", "replace"]
        if self.alone:
            choices += ["close-range", "closefrom"]
        # Of a socket that is still connecting the server may see nothing at all.
        if not self.settled and not self.sent:
            self.wait_for_output()
        self.add(self.rng.choice(choices))


def rough_connection(connection):
    """The server closes or resets at once: what is written meets that, sooner or later."""
    rng = connection.rng
    connection.add("no-sigpipe")
    connection.begin()
    if not connection.settled:
        connection.wait_for_output()
    for _ in range(rng.randint(0, 3)):
        how = rng.random()
        if how < 0.4:
            connection.add(f"{rng.choice(('write', 'send', 'sendmsg', 'writev'))}:{rng.choice(WORDS)}")
        elif how < 0.6:
            connection.pause()
        elif how < 0.8:
            connection.await_input()
            connection.add(rng.choice(READ_DOORS))
        else:
            connection.add("peer" if connection.blocking else "name")
    connection.closed = True
    connection.add(rng.choice(("close", "syscall-close", "name")))


def refused_connection(connection):
    rng = connection.rng
    connection.add("no-sigpipe")
    if rng.random() < 0.5:
        connection.add("nonblock")
        connection.blocking = False
    if connection.blocking:
        connection.add("connect")
    else:
        connection.add(*rng.choice((("connect-wait",), ("connect", f"poll:out:{LONG_MS}", "error"),
                                    ("connect", f"select:out:{LONG_MS}", "error", "connect-wait"))))
    for _ in range(rng.randint(0, 4)):
        connection.add(rng.choice(("write:x", "read-dontwait", "peer", "error", "connect-wait", "poll:in:5",
                                   "send:hello", "shutdown", "sleep:3", "dup", "system:true")))
    connection.closed = True
    connection.add(rng.choice(("close", "syscall-close", "name")))


def ordinary_connection(connection):
    rng = connection.rng
    connection.begin()
    if rng.random() < 0.6:
        connection.send()
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 6))):
        connection.act()
    connection.finish()


def one_connection(rng, program, alone, signals):
    connection = Connection(rng, program, alone, signals)
    {"close": rough_connection, "reset": rough_connection,
     "refuse": refused_connection}.get(program.mode, ordinary_connection)(connection)
    return connection


def process_end(rng, connection, steps):
    """The process ends with its socket open, or closed before."""
    if connection.stream or connection.closed or rng.random() < 0.5:
        connection.close()
    elif not connection.settled and not connection.sent:
        connection.wait_for_output()
    end = rng.choice(("return", "exit:0", "exit:1", "_exit:0", "_exit:7", "quick_exit:0", "quick_exit:1",
                      "syscall-exit:0", "syscall-exit:7", "exec:true", "exec:exit 3"))
    # A timer survives exec, its handler does not.
    signals = any(step.startswith("signals") for step in steps)
    return (["signals-off"] if signals and end.startswith("exec") else []) + [end]


def merge(rng, first, second):
    """Steps of two sockets, in turn."""
    merged, rows, current = [], [list(first), list(second)], -1
    while rows[0] or rows[1]:
        which = rng.randrange(2) if rows[0] and rows[1] else int(not rows[0])
        if which != current:
            merged.append(f"use:{which}")
            current = which
        for _ in range(rng.randint(1, 3)):
            if rows[which]:
                merged.append(rows[which].pop(0))
    return merged


def both_at_once(rng, mode):
    """Two connections of one loop: nothing is waited for but both."""
    steps, size = [], {}
    for number in range(2):
        steps += [f"use:{number}", "nonblock", "connect"]
    if rng.random() < 0.7:
        steps.append(f"await-all:out:{LONG_MS}")
    for number in range(2):
        size[number] = rng.choice((1, 100, 900, 3000, 20000))
        steps += [f"use:{number}", f"all:{rng.choice(ALL_DOORS)}:@{size[number]}"]
    if mode in ANSWERING:
        steps.append(f"await-all:in:{LONG_MS}")
        for number in rng.sample((0, 1), 2):
            left = size[number] + 8 * (mode == "speak-first") if mode != "answer" else 3
            steps += [f"use:{number}", f"read-n:{rng.choice(READ_DOORS)}:{left}"]
    for number in rng.sample((0, 1), 2):
        if rng.random() < 0.7:
            steps += [f"use:{number}", rng.choice(("close", "syscall-close", "shutdown", "over:1"))]
            if steps[-1] == "over:1" and number == 1:
                steps[-1] = "close"
            elif steps[-1] == "over:1":
                break
    return steps + [rng.choice(("return", "_exit:1", "exit:0", "exec:true"))]


def rule_options(rng, mode):
    verify = "" if mode == "refuse" else " verify=off"
    payload = rng.choices(("any", "http", 'prefix:"hello"'), (8, 3, 1))[0]
    hold = rng.choices(("", " hold=1ms", " hold=5ms", " hold=500ms"), (6, 2, 1, 2))[0]
    most = rng.choices(("", " max=4", " max=100"), (10, 1, 1))[0]
    return f"{payload}{verify} minrtt=0{hold}{most}"


def fault_for(rng, mode):
    """Programs that meet one block: others are told of a reset by the next call (README), or wait for a second."""
    if mode not in (*ANSWERING, "sink"):
        return ""
    return rng.choices(("", "drop-syn-data", "reset-syn-data"), (92, 5, 3))[0]


def program_of(seed, rtts=RTTS, fault=None):
    rng = random.Random(seed)
    rtt = rng.choice(rtts)
    mode = rng.choices(MODES, (6, 7, 4, 4, 1, 1, 1))[0]
    program = Program((), mode, mode == "refuse" or rng.random() < 0.7, rtt, rule_options(rng, mode),
                      mode != "refuse" and rng.random() < 0.1, rng.choices(FAMILIES, (7, 2, 1))[0],
                      fault_for(rng, mode) if fault is None or mode not in (*ANSWERING, "sink") else fault, seed)
    count = rng.choices((1, 2, 3), (70, 20, 10))[0]
    signals = rng.choices((None, "signals-restart", "signals"), (14, 2, 1))[0]
    if program.fault == "reset-syn-data":
        signals = None
    if count == 2 and not program.fault and mode in (*ANSWERING, "sink") and rng.random() < 0.2:
        steps, loose = both_at_once(rng, mode), False
    elif count == 2 and rng.random() < 0.6:
        pair = [one_connection(rng, program, False, signals) for _ in range(2)]
        for connection in pair:
            if rng.random() < 0.7:
                connection.close()
        steps = merge(rng, pair[0].steps, pair[1].steps)
        last, loose = pair[1], pair[0].loose or pair[1].loose
        if not (pair[0].settled or pair[0].sent or pair[0].closed):
            steps += ["use:0", f"poll:out:{LONG_MS}"]
        if not (last.settled or last.sent or last.closed):
            steps += ["use:1", f"poll:out:{LONG_MS}"]
        last.closed, last.stream = True, False
        steps += process_end(rng, last, steps)
    else:
        steps, loose = [], False
        for number in range(count):
            connection = one_connection(rng, program, count == 1, signals)
            if number < count - 1:
                connection.close()
                end = []
            else:
                end = process_end(rng, connection, steps + connection.steps)
            steps += ([f"use:{number}"] if number else []) + connection.steps + end
            loose = loose or connection.loose
    if loose:
        steps.append("#loose")
    return dataclasses.replace(program, steps=tuple(steps))
