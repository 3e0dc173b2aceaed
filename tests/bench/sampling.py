# SPDX-License-Identifier: MIT
"""Runs the ways of doing something in turn, so that each meets the same machine."""
import os
import subprocess
import time

from rows import Cannot

LEAST_ROUNDS = 3


def interleave(ways, rounds, seconds):
    """Runs each way once a round: {way: function that returns {quantity: number}}. Another way begins each round. After
    `seconds` no round is begun, if there were three. Returns {way: [what it returned], or the Cannot that it raised}."""
    samples = {way: [] for way in ways}
    end = time.monotonic() + seconds
    for turn in range(rounds):
        if turn >= LEAST_ROUNDS and time.monotonic() > end:
            break
        names = list(ways)
        for way in names[turn % len(names):] + names[:turn % len(names)]:
            if isinstance(samples[way], Cannot):
                continue
            try:
                samples[way].append(ways[way]())
            except Cannot as reason:
                samples[way] = reason
            except (LookupError, TypeError, ValueError) as error:
                samples[way] = Cannot(f"what it printed was not understood: {error!r}")
    return samples


def way_of(measure, environment):
    """A way for interleave(); `environment` may be the reason why there is none."""
    def once():
        if isinstance(environment, Cannot):
            raise environment
        return measure(environment)
    return once


def ratios(samples, way, rival, quantity):
    """Round by round: what the machine did to one of a round it mostly did to the other."""
    ours, theirs = samples[way], samples[rival]
    if isinstance(ours, Cannot) or isinstance(theirs, Cannot):
        return None
    return [a[quantity] / b[quantity] for a, b in zip(ours, theirs)]


def output_of(command, environment=None, timeout=20, accept=(0,)):
    """What a command prints."""
    try:
        done = subprocess.run(command, env=environment, timeout=timeout, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise Cannot(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Cannot(f"does not end within {timeout} s") from error
    if done.returncode not in accept:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Cannot(said[-1][:80] if said else f"ends with status {done.returncode}")
    return done.stdout


def cost_of(command, environment=None):
    """The whole of a process, and what it waited for: wall and CPU time in milliseconds, page faults."""
    null = os.open("/dev/null", os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    begin = time.monotonic()
    try:
        process = os.posix_spawnp(command[0], command, environment or dict(os.environ), file_actions=actions)
    except FileNotFoundError as error:
        raise Cannot(f"{command[0]} is not installed") from error
    finally:
        os.close(null)
    _, status, used = os.wait4(process, 0)
    end = time.monotonic()
    if status != 0:
        raise Cannot(f"ends with status {os.waitstatus_to_exitcode(status)}")
    return {"wall": (end - begin) * 1e3, "cpu": (used.ru_utime + used.ru_stime) * 1e3, "faults": used.ru_minflt}
