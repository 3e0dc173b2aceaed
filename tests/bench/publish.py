# SPDX-License-Identifier: MIT
"""What is made of results: the plots, a table of all rows, and a block of the README."""
import os
import subprocess

import machine
import plots
import report
from place import QUICK, say

BEGIN = "<!-- tools/bench --readme writes from here"
END = "<!-- to here -->"

CAPTIONS = {
    "latency": "Time to first byte over the round trip time",
    "clients": "Real clients, 50 ms from their servers",
    "overhead": "Instructions that a preload adds to a call",
    "startup": "CPU of a program that does nothing",
    "growth": "New connections per second",
}


def command(results):
    return "tools/bench" + ("" if results["mode"] == QUICK else f" --{results['mode']}")


def all_rows(results):
    """Every row, as Markdown."""
    yield "# What was measured"
    yield ""
    yield f"Written by `{command(results)}`. " + machine.sentence(results["machine"]) + f". It took {results['seconds'] / 60:.0f} minutes."
    yield "Medians; in brackets the quartiles. The ways of a row are measured in turn."
    yield ""
    yield from report.markdown(*report.goal_grid(results))
    for group in results["groups"]:
        yield ""
        title, about, *rest = report.group_text(group, report.markdown)
        yield "## " + title
        yield ""
        yield about
        yield from rest


def latency_lines(results):
    rows = [row for state in ("warm", "cold") for row in plots.rows_of(results, "latency", rtt=100, size=300, state=state)]
    return report.markdown(*report.grid(rows)) if rows else ()


def block(results, place):
    """For the README; `place` is where results.json and the plots are, seen from there."""
    yield f"Medians of `{command(results)}`, in brackets their quartiles; {machine.sentence(results['machine'])}."
    yield f"[All rows]({place}/table.md)."
    yield ""
    yield from latency_lines(results)
    yield ""
    yield from report.markdown(*report.goal_grid(results))
    yield ""
    for name, (script_of, *_) in plots.PLOTS.items():
        if script_of(results):
            yield f"![{CAPTIONS[name]}]({place}/{name}.svg)"


def write(path, lines):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(path + ".new", path)


def write_directory(results, directory):
    try:
        plots.draw(results, directory)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"the plots are not drawn: {error}")
    write(os.path.join(directory, "table.md"), all_rows(results))


def write_readme(results, path, place):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")[:-1]
    begin = [number for number, line in enumerate(lines) if line.startswith(BEGIN)]
    end = [number for number, line in enumerate(lines) if line == END]
    if len(begin) != 1 or len(end) != 1 or begin > end:
        raise SystemExit(f"bench: {path}: the lines between which the results go are missing: {BEGIN} ... {END}")
    write(path, [*lines[:begin[0] + 1], *block(results, place), *lines[end[0]:]])
