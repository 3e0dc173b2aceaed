# SPDX-License-Identifier: MIT
"""What long connections lose, which should be nothing, and how many short ones are made in a second."""
import json
import re
import resource
import signal

import network
from place import program, say
from rows import Cannot, certain, row_of
from sampling import interleave, output_of, ratios

TITLE = "Throughput"
ABOUT = ("On loopback, 16 connections at a time; both ends with the library, and nothing held. Then new connections, each with a "
         "request and its answer, all of them held: against the same program without the library, and against one written with "
         "MSG_FASTOPEN, which is 'native'. On loopback that counts the processor alone: what is nearer than 1 ms is not held "
         "unless a rule asks for it, as this one does.")

PLAIN, NATIVE, OURS = "plain", "native", "tfo-run"
NOBODY = "allow 192.0.2.1 443 tls"
EVERYBODY = "allow * * any minrtt=0"
CONNECTIONS = 16
ADDRESSES = 16
ANSWERS = 7000
FAR = 20


def timed(command, environment, timeout=20):
    """What a command prints, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = output_of(command, environment, timeout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return said, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# --- long connections ---

class Wrk:
    name, unit, each = "wrk against nginx", "requests/s", "request"
    ports = {PLAIN: 8080, OURS: 8081}

    def serve(self, run, way, environment):
        network.start_nginx(run, self.ports[way], self.ports[way] + 1000, environment)

    def run(self, way, address, environment):
        said, cpu = timed(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", "1s", f"http://{address}:{self.ports[way]}/"], environment)
        rate = float(re.search(r"Requests/sec: +([0-9.]+)", said)[1])
        count = int(re.search(r"(\d+) requests in", said)[1])
        return {"rate": rate, "cpu": cpu / count * 1e6}


class Redis:
    name, unit, each = "redis-benchmark, GET", "requests/s", "request"
    ports = {PLAIN: 6379, OURS: 6380}
    count = 60000

    def serve(self, run, way, environment):
        command = ["redis-server", "--port", str(self.ports[way]), "--save", "", "--appendonly", "no", "--protected-mode", "no",
                   "--dir", run.directory, "--maxclients", "100"]
        network.Service(command, environment, lambda: network.listening(self.ports[way]))

    def run(self, way, address, environment):
        said, cpu = timed(["redis-benchmark", "-h", address, "-p", str(self.ports[way]), "-c", str(CONNECTIONS), "-n",
                           str(self.count), "-t", "get", "--csv"], environment)
        rate = float(said.splitlines()[-1].split(",")[1].strip('"'))
        return {"rate": rate, "cpu": cpu / self.count * 1e6}


class Iperf:
    name, unit, each = "iperf3", "Gbit/s", "GiB"
    ports = {PLAIN: 5201, OURS: 5202}

    def serve(self, run, way, environment):
        network.Service(["iperf3", "-s", "-p", str(self.ports[way])], environment, lambda: network.listening(self.ports[way]))

    def run(self, way, address, environment):
        said, cpu = timed(["iperf3", "-c", address, "-p", str(self.ports[way]), "-P", str(CONNECTIONS), "-t", "1", "-J"], environment)
        end = json.loads(said)["end"]["sum_received"]
        return {"rate": end["bits_per_second"] / 1e9, "cpu": cpu / end["bytes"] * 2**30 * 1e6}


def long_rows(run, tool, address):
    say(tool.name)
    environments = {PLAIN: run.environment(), OURS: run.ours(NOBODY)}
    try:
        for way, environment in environments.items():
            tool.serve(run, way, environment)
        ways = {way: (lambda way=way, environment=environment: tool.run(way, address, environment))
                for way, environment in environments.items()}
        samples = interleave(ways, run.pick(21, 5, 1), run.pick(42, 15, 5))
    except Cannot as reason:
        samples = dict.fromkeys(environments, reason)
    rate = row_of(tool.name, tool.unit, samples, "rate", {"of": "rate", "tool": tool.name})
    aim_at_loss(rate, samples, PLAIN, "throughput of long connections lost with the library, as a part of it", tool.name, 0.01)
    return [rate, row_of(f"{tool.name}, CPU of the client a {tool.each}", "us", samples, "cpu", {"of": "cpu", "tool": tool.name})]


def aim_at_loss(row, samples, rival, text, case, limit):
    """Of the rounds one by one, so that what disturbs both disturbs little."""
    found = ratios(samples, OURS, rival, "rate")
    value, low, high = certain([1 - ratio for ratio in found]) if found else (None, None, None)
    row.aim(text, case, value, limit, low, high)


# --- new connections ---

def read_fields(said):
    return {name: float(value) for name, value in (field.split("=") for field in said.split())}


def connections(environment, threads, seconds, address, native=False, keep=0):
    """What tests/bench/programs/connections.c prints."""
    said = output_of([program("connections"), "-k", str(keep), "fastopen" if native else "connect", str(threads), str(seconds),
                      address, str(ADDRESSES), str(ANSWERS)], environment, timeout=30 + seconds, accept=(0, -signal.SIGKILL))
    return read_fields(said)


def start_answering(run):
    network.Service([program("answer"), "4", str(ANSWERS)], run.environment(), lambda: network.listening(ANSWERS))


def connection_ways(run, address, threads, seconds):
    return {PLAIN: lambda: connections(run.environment(), threads, seconds, address),
            NATIVE: lambda: connections(run.environment(), threads, seconds, address, native=True),
            OURS: lambda: connections(run.ours(EVERYBODY), threads, seconds, address)}


def connection_rows(run, line, threads):
    case = f"{threads} thread" + "s" * (threads > 1) + (f", {line.rtt} ms away" if line.rtt else "")
    say(f"new connections, {case}")
    ways = connection_ways(run, line.addresses(ADDRESSES), threads, run.pick(0.5, 0.3, 0.1) * (2 if line.rtt else 1))
    samples = interleave(ways, run.pick(17, 9, 1), 40)
    key = {"threads": threads, "rtt": line.rtt}
    rate = row_of(f"new connections, {case}", "per s", samples, "rate", {"of": "connections"} | key)
    aim_at_loss(rate, samples, NATIVE, "new connections per second less than with native code, as a part of them", case, 0.05)
    return [rate, row_of(f"new connections, {case}, CPU of the client each", "us", samples, "cpu", {"of": "cpu"} | key)]


def measure(run):
    network.cheap_ports()
    near, far = network.Line(0, 0), network.Line(1, FAR)
    address = near.address()
    for tool in (Wrk(), Redis(), Iperf()):
        yield from long_rows(run, tool, address)
    start_answering(run)
    for threads in (1, CONNECTIONS):
        yield from connection_rows(run, near, threads)
    yield from connection_rows(run, far, CONNECTIONS)
