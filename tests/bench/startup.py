# SPDX-License-Identifier: MIT
"""What it costs to start a program: with the preload alone, and through the script that people type."""
import shutil
import sys

import preloads
from place import SMOKE, TFO_RUN, say
from rows import row_of
from sampling import cost_of, interleave, way_of

TITLE = "Start-up"
ABOUT = ("Whole programs that have nothing to do with the network: wall and CPU time, minor page faults. First with each preload "
         "in LD_PRELOAD, then with the command that people type.")

# The system's: others start in other ways.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable

PROGRAMS = {"true": ["true"], "curl --version": ["curl", "--version"], "python3 -c pass": [PYTHON, "-c", "pass"]}
QUANTITIES = {"wall": "ms", "cpu": "ms", "faults": ""}
NAMES = {"wall": "wall", "cpu": "CPU", "faults": "page faults"}

# The commands; each with the environment of the preload of that name.
COMMANDS = {
    preloads.OURS: [TFO_RUN],
    "proxychains4": ["proxychains4", "-q"],
    "torsocks": ["torsocks"],
    "mptcpize": ["mptcpize", "run"],
}


def added(row, way):
    """What a way adds to none."""
    ours, none = row.median(way), row.median(preloads.NONE)
    return None if ours is None or none is None else ours - none


def judge_bare(row, case):
    row.aim_at_ratio("start-up with the bare library, as a part of that with an empty preload", case,
                     preloads.OURS, preloads.EMPTY, 1.5)
    ours, empty = added(row, preloads.OURS), added(row, preloads.EMPTY)
    row.aim("what the bare library adds to the start-up, as a part of what an empty preload adds", case,
            ours / empty if ours is not None and empty and empty > 0 else None, 1.5)


def bare_rows(run, name, command):
    say(f"start-up of {name}")
    ways = {preload: way_of(lambda environment: cost_of(command, environment), environment)
            for preload, environment in chosen(run, preloads.environments(run)).items()}
    samples = interleave(ways, run.pick(201, 61, 3), run.pick(25, 7, 5))
    rows = [row_of(f"{name}, {NAMES[quantity]}", unit, samples, quantity, {"program": name, "of": quantity, "how": "preload"})
            for quantity, unit in QUANTITIES.items()]
    if name == "true":
        judge_bare(rows[0], "true, wall time")
        judge_bare(rows[1], "true, CPU time")
    return rows


def chosen(run, known):
    return {name: known[name] for name in (preloads.NONE, preloads.EMPTY, preloads.OURS)} if run.mode == SMOKE else known


def command_environment(run, name):
    """That of the preload, without the preload: the command brings it."""
    environment = preloads.environment(run, name)
    return {key: value for key, value in environment.items() if key != "LD_PRELOAD"}


def typed(run, name, command):
    return lambda: cost_of(COMMANDS[name] + command, command_environment(run, name))


def typed_rows(run, name, command):
    say(f"start-up of {name}, as typed")
    ways = {preloads.NONE: lambda: cost_of(command, run.environment())}
    ways |= {way: typed(run, way, command) for way in COMMANDS}
    samples = interleave(ways, run.pick(101, 31, 3), run.pick(20, 5, 5))
    rows = [row_of(f"{name} as typed, {NAMES[quantity]}", unit, samples, quantity,
                   {"program": name, "of": quantity, "how": "typed"}) for quantity, unit in QUANTITIES.items()]
    if name.startswith("curl"):
        rows[1].aim("CPU of the whole of tfo-run and curl more than that of curl alone (ms)", name,
                    added(rows[1], preloads.OURS), 3)
    return rows


def measure(run):
    for name, command in PROGRAMS.items():
        if run.mode != SMOKE or name == "true":
            yield from bare_rows(run, name, command)
            yield from typed_rows(run, name, command)
