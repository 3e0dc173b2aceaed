# SPDX-License-Identifier: MIT
"""Whether anything grows faster than it should: with the sockets held, with threads, rules, and remembered destinations."""
import os
import random
import re
import resource
import subprocess

import callgrind
import network
from place import BUILD, TFOCTL, program, say
from rows import Cannot, Row, row_of
from sampling import cost_of, interleave, output_of
from throughput import ADDRESSES, ANSWERS, EVERYBODY, OURS, PLAIN, connection_ways, connections, read_fields, start_answering

TITLE = "Growth"
ABOUT = ("New connections per second, as above, and memory, while other sockets are tracked (in flight, to where no SYN arrives); with threads, and with long policies. "
         "Instructions of user space for one decision of the policy, and for one question to the memory of destinations.")

# The sockets that are kept are held on the cookie alone: nothing answers there.
KEEP = f"allow * {ANSWERS + 1} any minrtt=0 verify=off\n{EVERYBODY}"
# Descriptors that a process needs beside those that it keeps.
SPARE = 100


# --- tracked sockets ---

def most_descriptors():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE


class Keepers:
    """Processes that have what one process alone may not have."""

    def __init__(self, environment, address, count):
        self.processes, self.kib, self.sent = [], 0, 0
        while count > 0:
            some = min(count, most_descriptors())
            command = [program("connections"), "-k", str(some), "connect", "0", "0", address, str(ADDRESSES), str(ANSWERS)]
            keeper = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.processes.append(keeper)
            said = keeper.stdout.readline()
            if not said:
                why = keeper.stderr.read().strip()
                self.end()
                raise Cannot(why)
            found = read_fields(said)
            self.kib += found["kib"]
            self.sent += found["sent"]
            count -= some

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


def with_tracked(environment, address, count, seconds):
    """Of a process that keeps as many as it may; others keep the rest."""
    own = min(count, most_descriptors())
    keepers = Keepers(environment, address, count - own)
    try:
        found = connections(environment, 1, seconds, address, keep=own)
    finally:
        keepers.end()
    return found | {"kib": found["kib"] + keepers.kib, "sent": found["sent"] + keepers.sent}


def all_sent(found, count):
    if found["sent"] < count * 0.99:  # one that was held for too long, on a busy machine, is not
        raise Cannot(f"only {found['sent']:.0f} of {count} are in flight")
    return found


def tracked_rows(run, address):
    rates, memory, each = [], [], []
    for count in run.pick((1, 100, 10000, 100000), (1, 100, 10000), (100,)):
        say(f"{count} sockets tracked")
        seconds = run.pick(0.5, 0.3, 0.1)
        ways = {PLAIN: lambda: with_tracked(run.environment(), address, count, seconds),
                OURS: lambda: all_sent(with_tracked(run.ours(KEEP), address, count, seconds), count)}
        samples = interleave(ways, run.pick(7, 3, 1) if count < 100000 else 3, 30)
        processes = -(-count // most_descriptors())
        name = f"{count} tracked" + (f", in {processes} processes" if processes > 1 else "")
        key = {"tracked": count}
        rates.append(row_of(f"{name}: new connections", "per s", samples, "rate", key | {"of": "tracked"}))
        each.append(row_of(f"{name}: to connect and write, each", "us", samples, "each", key | {"of": "each"}))
        memory.append(row_of(f"{name}: memory for all", "KiB", samples, "kib", key | {"of": "memory"}))
    return rates + each + memory


# --- threads ---

def thread_rows(run, address):
    for threads in run.pick((1, 2, 4, 8, 16), (1, 4, 16), (2,)):
        say(f"{threads} threads")
        samples = interleave(connection_ways(run, address, threads, run.pick(0.3, 0.3, 0.1)), run.pick(7, 3, 1), 20)
        yield row_of(f"{threads} threads: new connections", "per s", samples, "rate", {"of": "threads", "threads": threads})


# --- rules ---

def rule(chance, number):
    """Hosts, suffixes, addresses, networks of all lengths, IPv6; ports mixed. None has to do with 10.0.0.0/8."""
    a, b, c, d = chance.randrange(11, 191), chance.randrange(256), chance.randrange(256), chance.randrange(256)
    bits = chance.randrange(12, 25)
    mask = (0xffffffff << (32 - bits)) & 0xffffffff
    network_of = (a << 24 | b << 16 | c << 8) & mask
    destination = (f"host{number}.example.com", f"*.zone{number}.example.net", f"{a}.{b}.{c}.{d}",
                   ".".join(str(network_of >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{bits}",
                   f"[2001:db8:{number >> 16:x}:{number & 0xffff:x}::]/64")[number % 5]
    ports = chance.choice(("443", "80,8080-8090", "*", "1-1024", "6379"))
    if chance.random() < 0.2:
        return f"deny {destination} {ports}"
    return f"allow {destination} {ports} {chance.choice(('tls', 'http', 'any'))}"


def policies(run, count):
    """Files with that many rules, as text and compiled, of which the last allows what is connected here."""
    chance = random.Random(1)
    lines = [rule(chance, number) for number in range(count - 1)]
    text = "\n".join([*lines, f"allow 10.{network.FIRST_BLOCK}.0.0/16 {ANSWERS} any minrtt=0", ""])
    files = {}
    for form in ("text", "compiled"):
        files[form] = run.write(f"policy.{form}.{count}", text)
        os.chmod(files[form], 0o600)
    output_of([TFOCTL, "policy", "compile", files["compiled"]], run.environment(), timeout=60)
    return files


def per_operation(run, command, environment):
    """Instructions of one of the thousand operations that a program makes after a hundred."""
    return callgrind.counts(run, command, environment, "work")[1] / 1000


def attempt(measure):
    try:
        return measure()
    except Cannot as reason:
        return reason


def rule_rows(run, address):
    client = os.path.join(BUILD, "tests/probes/client")
    rates, instructions, starts = [], [], []
    for count in run.pick((10, 1000, 100000), (10, 1000, 100000), (10,)):
        say(f"{count} rules")
        files = policies(run, count)
        key = {"rules": count}
        decision = Row(f"{count} rules: a decision", "instructions", key | {"of": "decision"})
        for form, path in files.items():
            decision.add(form, attempt(lambda: per_operation(run, [program("policy"), path], run.environment())))
        instructions.append(decision)
        environments = {PLAIN: run.environment()} | {form: run.ours("", TFO_POLICY=path) for form, path in files.items()}
        ways = {way: (lambda environment=environment: connections(environment, 1, run.pick(0.3, 0.2, 0.1), address))
                for way, environment in environments.items()}
        rates.append(row_of(f"{count} rules: new connections", "per s", interleave(ways, run.pick(7, 3, 1), 20), "rate",
                            key | {"of": "rules"}))
        ways = {way: (lambda environment=environment: cost_of([client, address, str(ANSWERS), "connect"], environment))
                for way, environment in environments.items()}
        starts.append(row_of(f"{count} rules: CPU of a program with one connection", "ms",
                             interleave(ways, run.pick(15, 7, 1), 10), "cpu", key | {"of": "start"}))
    return rates + instructions + starts


# --- destinations ---

def destination_rows(run):
    for count in run.pick((1, 1000, 10000, 65536), (1, 1000, 65536), (1,)):
        say(f"{count} destinations")
        row = Row(f"{count} destinations remembered: instructions", "", {"of": "destinations", "destinations": count})
        for what in ("look-up", "update"):
            environment = run.environment(TFO_STATE=run.path(f"destinations.{what}.{count}"))
            output_of([program("memory"), what, str(count)], environment)  # makes the file
            row.add(what, attempt(lambda: per_operation(run, [program("memory"), what, str(count)], environment)))
        yield row


def measure(run):
    network.cheap_ports()
    address = network.Line(0, 0).address()
    start_answering(run)
    network.drop_syn(ANSWERS + 1)
    yield from tracked_rows(run, address)
    yield from thread_rows(run, address)
    yield from rule_rows(run, address)
    yield from destination_rows(run)
