# SPDX-License-Identifier: MIT
"""How long until the first byte of an answer: as curl itself says, over seven round trip times."""
import statistics

import network
from place import SMOKE, TFO_RUN, say
from rows import Cannot, Row, row_of
from sampling import cost_of, interleave, output_of

TITLE = "Latency"
ABOUT = ("curl against nginx, which does Fast Open: milliseconds from the start of the transfer to the first byte of the answer. "
         "cold: a server not met before; warm: the second time or later; keep-alive: on a connection that is open, which is "
         "the floor. Packets of 1500 bytes.")

HTTP, HTTPS = 8080, 8443
PLAIN, NATIVE, OURS, FLOOR = "curl", "curl --tcp-fastopen", "tfo-run curl", "keep-alive"
NAME = "bench.test"


class Scheme:
    def __init__(self, name, url, payload, options=()):
        self.name, self.url, self.payload, self.options = name, url, payload, list(options)

    @property
    def port(self):
        return HTTP if self.payload == "http" else HTTPS


SCHEMES = (Scheme("http", f"http://{NAME}:{HTTP}/", "http"),
           Scheme("https, TLS 1.2", f"https://{NAME}:{HTTPS}/", "tls", ["--tls-max", "1.2"]),
           Scheme("https, TLS 1.3", f"https://{NAME}:{HTTPS}/", "tls", ["--tlsv1.3"]))


class Client:
    """curl, in all ways, for a request of `size` bytes of a scheme."""

    def __init__(self, run, certificate, scheme, size):
        self.run, self.scheme = run, scheme
        padding = "x" * (size - len(f"GET / HTTP/1.1\r\nHost: {NAME}:{HTTP}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nX: \r\n\r\n"))
        self.curl = ["curl", "-sS", "-m", "10", "--cacert", certificate, *scheme.options, "-H", f"X: {padding}",
                     "-w", "%{time_starttransfer}\n"]
        self.environment = run.environment(TFO_STATE=run.path("destinations"))

    def command(self, way, address):
        """A command that prints one number of seconds for each transfer."""
        once = ["--resolve", f"{NAME}:{self.scheme.port}:{address}", "-o", "/dev/null", self.scheme.url]
        if way == NATIVE:
            return [*self.curl, "--tcp-fastopen", *once]
        if way == OURS:
            return [TFO_RUN, "-a", f"{address} {self.scheme.port} {self.scheme.payload}", *self.curl, *once]
        if way == FLOOR:
            return [*self.curl, *once, "-o", "/dev/null", self.scheme.url]
        return [*self.curl, *once]

    def fetch(self, way, address):
        before = network.counter("TCPFastOpenActive")
        said = output_of(self.command(way, address), self.environment, timeout=15)
        return {"ms": float(said.split()[-1]) * 1e3, "acknowledged": network.counter("TCPFastOpenActive") - before}


def rtts(run):
    return run.pick((0, 1, 10, 20, 50, 100, 200), (0, 20, 100), (20,))


def rounds(run, rtt, warm):
    if run.mode == SMOKE:
        return 3 if warm else 1
    most = run.pick({200: 3, 100: 9}, {}, {}).get(rtt, run.pick(7, 5, 1))
    return most if warm or rtt == 100 else max(3, most // 2 + 1)  # the goals are about 100 ms


def measure_warm(run, client, line):
    ways = {}
    for way in (PLAIN, NATIVE, OURS, FLOOR):
        address = line.address()
        for _ in range(2):  # the first fetches the cookie
            client.fetch(way, address)
        ways[way] = lambda way=way, address=address: client.fetch(way, address)
    return interleave(ways, rounds(run, line.rtt, True), 60)


def measure_cold(run, client, line):
    ways = {way: (lambda way=way: client.fetch(way, line.address())) for way in (PLAIN, NATIVE, OURS)}
    return interleave(ways, rounds(run, line.rtt, False), 60)


def row(samples, scheme, size, line, state):
    key = {"scheme": scheme.name, "size": size, "rtt": line.rtt, "state": state,
           "data in the SYN acknowledged": {way: sum(run["acknowledged"] for run in runs) for way, runs in samples.items()
                                            if not isinstance(runs, Cannot)}}
    return row_of(f"{scheme.name}, {size} B, {state}, {line.rtt} ms away", "ms", samples, "ms", key)


def judge(found):
    scheme, size, rtt, state = (found.key[name] for name in ("scheme", "size", "rtt", "state"))
    if rtt != 100 or size != 300:
        return
    if state == "cold":
        found.aim_at_ratio("time to first byte, cold, as a part of plain curl's", f"{scheme}, 100 ms", OURS, PLAIN, 1.01)
        return
    if scheme == "http":
        found.aim_at_ratio("time to first byte, warm, as a part of plain curl's", "http, 100 ms", OURS, PLAIN, 0.505)
    found.aim_at_ratio("time to first byte, warm, as a part of that of curl --tcp-fastopen", f"{scheme}, 100 ms",
                       OURS, NATIVE, 1.01)


def measure_state(run, certificate, lines, state):
    """All schemes and sizes, cold or warm."""
    for scheme in SCHEMES if run.mode != SMOKE else SCHEMES[::2]:
        for size in run.pick((300, 4096), (300,), (300,)) if state == "warm" else (300,):
            say(f"{state}: {scheme.name}, {size} bytes")
            client = Client(run, certificate, scheme, size)
            for line in lines:
                samples = measure_warm(run, client, line) if state == "warm" else measure_cold(run, client, line)
                found = row(samples, scheme, size, line, state)
                judge(found)
                yield found


# --- behind a middlebox ---

LOST_MS = 500
OF = 50


def measure_middlebox(run, certificate, line):
    """Requests behind a middlebox that drops each SYN with data; its server was met before."""
    count = run.pick(OF, 20, 2)
    say(f"{count} requests behind a middlebox")
    client = Client(run, certificate, SCHEMES[0], 300)
    ways = {}
    for way in (PLAIN, NATIVE, OURS):
        address = line.address()
        for _ in range(2):
            client.fetch(way, address)
        ways[way] = lambda way=way, address=address: client.fetch(way, address)
    line.drop_syn_data()
    samples = interleave(ways, count, 120)
    return middlebox_rows(samples, count)


def middlebox_rows(samples, count):
    usual = statistics.median(run["ms"] for run in samples[PLAIN])
    slow, lost = Row(f"of {count} requests, those that lost time", "", {"of": "middlebox"}), Row("time lost in all", "s")
    for way, runs in samples.items():
        if isinstance(runs, Cannot):
            slow.add(way, runs)
            lost.add(way, runs)
            continue
        over = [run["ms"] - usual for run in runs if run["ms"] - usual > LOST_MS]
        slow.add(way, len(over))
        lost.add(way, round(sum(over) / 1e3, 2))
    slow.aim(f"requests that lose time behind a middlebox that drops SYNs with data, of {count}",
             f"curl --tcp-fastopen: {slow.median(NATIVE)}", slow.median(OURS), 2)
    return [slow, lost]


# --- the whole of it ---

def measure_whole(run, certificate, line):
    """With the start of the programs, tfo-run's included."""
    client = Client(run, certificate, SCHEMES[0], 300)
    ways = {}
    for way in (PLAIN, NATIVE, OURS):
        address = line.address()
        client.fetch(way, address)
        client.fetch(way, address)
        ways[way] = lambda way=way, address=address: cost_of(client.command(way, address), client.environment)
    samples = interleave(ways, run.pick(31, 15, 1), 30)
    name = f"http, whole command, {line.rtt} ms away"
    wall = row_of(f"{name}: wall", "ms", samples, "wall", {"of": "whole"})
    cpu = row_of(f"{name}: CPU", "ms", samples, "cpu", {"of": "whole"})
    ours, plain = cpu.median(OURS), cpu.median(PLAIN)
    cpu.aim("CPU of the whole of tfo-run and curl more than that of curl alone (ms)", "a request",
            None if ours is None or plain is None else ours - plain, 3)
    return [wall, cpu]


def measure(run):
    network.ethernet()
    _, certificate = network.start_nginx(run, HTTP, HTTPS)
    lines = [network.Line(number, rtt) for number, rtt in enumerate(rtts(run))]
    middlebox = network.Line(len(lines), 20)
    for state in ("warm", "cold"):
        yield from measure_state(run, certificate, lines, state)
    yield from measure_whole(run, certificate, next(line for line in lines if line.rtt == 20))
    yield from measure_middlebox(run, certificate, middlebox)
