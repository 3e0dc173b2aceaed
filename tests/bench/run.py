#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures; tools/bench calls it. See tools/bench --help.

Each group of rows is measured by a process of its own, in a laboratory of its own (tests/lab/enter), within a bounded time. What it
has measured by then is in the results, whatever becomes of it."""
import argparse
import concurrent.futures
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import machine
import publish
import report
from place import FULL, QUICK, REPOSITORY, SMOKE, Run, say
from rows import Cannot

# In the order of the tables; the seconds that a group may take at most.
GROUPS = {"latency": 400, "clients": 360, "overhead": 120, "startup": 130, "throughput": 280, "growth": 190,
          "supervision": 60}
ENTER = os.path.join(REPOSITORY, "tests/lab/enter")


def write_json(path, what):
    """All of it or nothing, whatever happens meanwhile."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(what, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def measure_group(name, mode, path):
    """In the laboratory. Writes what there is after each row."""
    group = importlib.import_module(name)
    begin = time.monotonic()
    result = {"name": name, "title": group.TITLE, "about": group.ABOUT, "seconds": 0, "rows": []}
    try:
        for row in group.measure(Run(mode)):
            result["rows"].append(row.json())
            result["seconds"] = round(time.monotonic() - begin, 1)
            write_json(path, result)
    except Cannot as reason:
        write_json(path, result | {"troubles": [f"the rest of this group cannot be measured: {reason}"]})


def run_group(name, mode, directory):
    """Returns the group's results, with its troubles if it had any."""
    path = os.path.join(directory, name + ".json")
    say(f"{name}, {GROUPS[name]} s at most")
    trouble = None
    group = subprocess.Popen([ENTER, sys.executable, __file__, "--mode", mode, "--group", name, "--output", path],
                             env=dict(os.environ, TMPDIR=directory))
    try:
        status = group.wait(GROUPS[name])
        if status:
            trouble = f"this group ended with status {status}"
    except subprocess.TimeoutExpired:
        trouble = f"this group did not end within {GROUPS[name]} s"
    finally:
        group.kill()
        group.wait()
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
    except OSError:
        module = importlib.import_module(name)
        result = {"name": name, "title": module.TITLE, "about": module.ABOUT, "rows": [], "seconds": 0}
    if trouble:
        result.setdefault("troubles", []).append(trouble)
    return result


def measure(names, mode, output):
    """One group after the other, so that none disturbs another; but all at once where the numbers mean nothing."""
    results = {"mode": mode, "machine": machine.describe(), "groups": []}
    if mode != SMOKE and results["machine"]["load_before"] > 0.5:
        say(f"this machine is busy (its load is {results['machine']['load_before']}): what is measured will say so")
    os.makedirs(output, exist_ok=True)
    begin = time.monotonic()
    with (tempfile.TemporaryDirectory(prefix="bench.", ignore_cleanup_errors=True) as directory,
          concurrent.futures.ThreadPoolExecutor() as workers):
        os.chmod(directory, 0o755)  # some clients run as another user
        run_in_turn = workers.map if mode == SMOKE else map
        for result in run_in_turn(lambda name: run_group(name, mode, directory), names):
            results["groups"].append(result)
            results["seconds"] = round(time.monotonic() - begin, 1)
            write_json(os.path.join(output, "results.json"), results)
    return results


def publish_results(directory):
    """Draws the plots anew, and writes the table and the block of the README."""
    with open(os.path.join(directory, "results.json"), encoding="utf-8") as file:
        results = json.load(file)
    publish.write_directory(results, directory)
    publish.write_readme(results, os.path.join(REPOSITORY, "README.md"), os.path.relpath(directory, REPOSITORY))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--mode", choices=(FULL, QUICK, SMOKE), default=QUICK)
    options.add_argument("--group", choices=GROUPS, help="measure this one, here")
    options.add_argument("--readme", action="store_true", help="measure nothing, publish what is in OUTPUT")
    options.add_argument("--output", required=True)
    options.add_argument("names", nargs="*")
    options = options.parse_args()
    if options.group:
        measure_group(options.group, options.mode, options.output)
        return 0
    if options.readme:
        publish_results(options.output)
        return 0
    unknown = set(options.names) - set(GROUPS)
    if unknown:
        print(f"bench: {unknown.pop()}: no such group; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    results = measure(options.names or list(GROUPS), options.mode, options.output)
    print("\n".join(report.terminal(results)))
    publish.write_directory(results, options.output)
    return 1 if any("troubles" in group for group in results["groups"]) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
