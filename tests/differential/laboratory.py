# SPDX-License-Identifier: MIT
"""Runs programs against test servers, in a network where each round trip time has an address."""
import dataclasses
import itertools
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.realpath(os.environ.get("TFO_BUILD") or os.path.join(HERE, "../../build"))
CLIENT = os.path.join(BUILD, "tests/probes/client")
SERVER = os.path.join(BUILD, "tests/probes/server")
NETDELAY = os.path.join(BUILD, "tests/lab/netdelay")
PRIME = os.path.join(BUILD, "tests/lab/prime")
LIBRARY = os.path.join(BUILD, "lib/libtfo-preload.so")

FIRST_PORT = 7100
PORTS_OF_A_BENCH = 40
CLIENT_SECONDS = 15
# A connection that the server still has then is one that nobody ends.
OPEN_SECONDS = 3
# On a busy machine a connection may come late.
LATE_SECONDS = 0.15


# What a middlebox may do to data in a SYN, beside nothing; as a rule of nft; M: where.
FAULTS = {"": None,
          "drop-syn-data": "tcp flags & (syn|ack) == syn @ih,0,8 >= 0 M counter drop",
          "reset-syn-data": "tcp flags & (syn|ack) == syn @ih,0,8 >= 0 M counter reject with tcp reset"}
FAMILIES = ("ip4", "ip6", "mapped")


def address_of(rtt, fault="", family="ip4"):
    net = list(FAULTS).index(fault) + 1
    if family == "ip6":
        return f"fd09:{net}::{rtt + 1:x}"
    return f"{'::ffff:' if family == 'mapped' else ''}10.9.{net}.{rtt + 1}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the program and the server observed."""
    said: tuple
    status: int
    saw: tuple
    seconds: float = dataclasses.field(compare=False, default=0)
    syn_data: int = dataclasses.field(compare=False, default=0)

    def text(self):
        return "\n".join((*self.said, f"exit status {self.status}", *self.saw,
                          f"({self.seconds * 1000:.0f} ms)"))


class Network:
    """Addresses with their delays and faults, and cookies for all of them. Only inside tests/lab/enter."""

    def __init__(self, rtts):
        self.lines = []
        self.rules = []
        queues = {rtt: number for number, rtt in enumerate(rtts) if rtt}
        for rtt, queue in queues.items():
            self.delay_line(queue, rtt)
        places = list(itertools.product(rtts, FAULTS, ("ip4", "ip6")))
        for place in places:
            self.add(*place)
        for rtt, fault, family in places:
            self.prime(address_of(rtt, fault, family), family)
        for rtt, fault, family in places:
            self.obstruct(queues.get(rtt), fault, family, address_of(rtt, fault, family))
        chain = "\n".join(["type filter hook input priority 0", *self.rules])
        subprocess.run(["nft", f"table inet differ {{\nchain arrival {{\n{chain}\n}}\n}}"], check=True)

    @staticmethod
    def add(rtt, fault, family):
        bits = ["/128", "nodad"] if family == "ip6" else ["/32"]
        quietly("ip", "address", "replace", address_of(rtt, fault, family) + bits[0], "dev", "lo", *bits[1:])

    def obstruct(self, queue, fault, family, address):
        if queue:
            quietly("ip6tables" if family == "ip6" else "iptables", "-A", "OUTPUT", "-o", "lo", "-p", "tcp",
                    "-d", address, "-j", "NFQUEUE", "--queue-num", str(queue))
        if FAULTS[fault]:
            where = f"{'ip6' if family == 'ip6' else 'ip'} daddr {address}"
            self.rules.append(FAULTS[fault].replace("M", where))

    @staticmethod
    def prime(address, family):
        giver = subprocess.Popen([SERVER, *(["-6"] if family == "ip6" else []), "-t", "16", "-a", address,
                                  "-p", "0", "close"], stdout=subprocess.PIPE, text=True)
        port = giver.stdout.readline().split()[1]
        quietly(PRIME, address, port)
        giver.terminate()
        giver.wait()

    def delay_line(self, queue, rtt):
        line = subprocess.Popen([NETDELAY, str(queue), str(rtt / 2)], stdout=subprocess.PIPE, text=True)
        if line.stdout.readline() != "ready\n":
            raise RuntimeError("netdelay is not ready")
        self.lines.append(line)

    def end(self):
        quietly("nft", "delete", "table", "inet", "differ")
        quietly("iptables", "-F", "OUTPUT")
        quietly("ip6tables", "-F", "OUTPUT")
        for line in self.lines:
            line.terminate()
            line.wait()


def quietly(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Server:
    def __init__(self, mode, fastopen, ip6, port):
        self.process = subprocess.Popen(
            [SERVER, "-v", *(["-6"] if ip6 else []), *(["-t", "4096"] if fastopen else []), "-p", str(port), mode],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.port = port
        self.rest = b""
        self.accepted = self.ended = 0
        self.read_lines(5)

    def read_lines(self, seconds):
        """What the server says within that time; at once when it says something."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, seconds))
        if not ready:
            return []
        *lines, self.rest = (self.rest + os.read(self.process.stdout.fileno(), 1 << 16)).split(b"\n")
        lines = [line.decode() for line in lines]
        self.accepted += sum(line.startswith("accepted ") for line in lines)
        ended = [line for line in lines if line.startswith("conn ")]
        self.ended += len(ended)
        return ended

    def settle(self, quiet, expected=0):
        """The connections that have ended, when nothing has happened for `quiet` seconds; longer if there are
        fewer than expected."""
        lines, until = [], time.monotonic() + OPEN_SECONDS
        last = time.monotonic()
        while time.monotonic() < until:
            before = self.accepted, self.ended
            idle = self.accepted == self.ended
            patience = quiet if len(lines) >= expected else quiet + LATE_SECONDS
            lines += self.read_lines((last + patience if idle else until) - time.monotonic())
            if (self.accepted, self.ended) != before:
                last = time.monotonic()
            elif idle and time.monotonic() >= last + patience:
                break
        return lines

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Bench:
    """Where one program at a time is run: servers of its own, on ports of its own."""

    def __init__(self, number, hold, preload=LIBRARY):
        self.hold = hold
        self.preload = preload
        self.port = FIRST_PORT + number * PORTS_OF_A_BENCH
        self.servers = {}
        self.directory = tempfile.mkdtemp(prefix="differ.")
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("TFO_") and name != "LD_PRELOAD"}
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
            self.environment[name] = self.directory

    def server(self, program):
        kind = program.server
        if kind not in self.servers:
            self.servers[kind] = Server(*kind, self.port + 1 + len(self.servers))
        return self.servers[kind]

    def forget_server(self, program):
        server = self.servers.pop(program.server)
        server.end()
        self.servers[program.server] = Server(*program.server, server.port)

    def run_client(self, program, environment, rtt, steps):
        address = address_of(rtt, program.fault, program.family)
        port = self.port if program.mode == "refuse" else self.server(program).port
        process = subprocess.Popen([CLIENT, address, str(port), *steps], env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            said, _ = process.communicate(timeout=CLIENT_SECONDS)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            status = "hangs"
        said = said.decode(errors="replace").replace(address + ":", "server:")
        return tuple(said.splitlines()), status

    def with_library(self, program):
        environment = dict(self.environment, LD_PRELOAD=self.preload, TFO_STATE="off",
                           TFO_RULES=f"allow * * {program.options}")
        if self.hold != "kernel":
            environment["TFO_HOLD"] = self.hold
        return environment

    def remember(self, program, environment, rtt):
        """A file in which the destination is known as good."""
        path = os.path.join(self.directory, "destinations")
        if os.path.exists(path):
            os.unlink(path)
        environment["TFO_STATE"] = path
        for _ in range(2):
            self.run_client(program, environment, rtt, ("connect", "write:hello", "shutdown", "read-all"))
            self.server(program).settle(rtt * 0.0015 + 0.01)

    def run(self, program, library, rtt=None):
        rtt = program.rtt if rtt is None else rtt
        environment = self.with_library(program) if library else self.environment
        if library and program.remembers:
            self.remember(program, environment, rtt)
        start = time.monotonic()
        said, status = self.run_client(program, environment, rtt, program.words)
        lines = []
        if program.mode != "refuse":
            server = self.server(program)
            lines = server.settle(rtt * 0.0015 + 0.02, connections_in(said))
            if server.accepted != server.ended:
                lines.append("a connection was left open")
                self.forget_server(program)
        return Outcome(said, status, tuple(sorted(saw(line) for line in lines)),
                       time.monotonic() - start, sum("syn_data=1" in line for line in lines))

    def end(self):
        for server in self.servers.values():
            server.end()
        shutil.rmtree(self.directory, ignore_errors=True)


def connections_in(said):
    """How many there should be, or a few more: a second connect() may say 0, too."""
    return sum(line.startswith(("connect: 0", "connect: EINPROGRESS", "connect-wait: 0")) for line in said)


def saw(line):
    return re.sub(r"^conn \d+ | syn_data=[01]", "", line)
