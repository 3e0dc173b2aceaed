# SPDX-License-Identifier: MIT
"""Real clients without and with the library, as tests/clients/measure runs them."""
import os
import subprocess

from place import BUILD, REPOSITORY, say
from rows import Cannot, Row, quartiles

TITLE = "Real clients"
ABOUT = ("The clients of tests/clients/table.md, 50 ms from their servers: milliseconds from start to end, the start of the program "
         "included; five runs each or more. The goals are about the fastest quarter of them: whatever else a machine does only adds to it.")

# What a client may be slower by, if its server does not do Fast Open, or its program is not reached: half a round trip.
MOST_LOST = 25
# Each is run so often at most: the median is of interest here.
MOST_RUNS = "11"

# For an idea: parts of the names.
FEW = ("curl, http", "wget, http", "redis-cli")


def row_of_client(line, times):
    """From its line of the table of tests/clients/measure, and that of the times."""
    _, name, _, _, syn, _, _, gains, expected, _ = (field.strip() for field in line.split("|"))
    measured, *numbers = times.rstrip("\n").split("\t")
    if measured != name:
        raise Cannot(f"{name}: the times are those of {measured}")
    plain, ours = ([int(ms) for ms in runs.split()] for runs in numbers)
    row = Row(name, "ms", {"client": name, "syn carries": syn, "gains": gains, "expected": expected})
    row.add("plain", plain).add("tfo-run", ours)
    saved = quartiles(plain)[0] - quartiles(ours)[0]
    row.aim("what a real client loses with the library (ms)", name, -saved, MOST_LOST)
    if expected.startswith("yes"):
        row.aim("round trips that a client which should gain does not save", name, 1 - saved / 50, 0.5)
    return row


def measure(run):
    times = run.write("times", "")
    command = [os.path.join(REPOSITORY, "tests/clients/measure"), "-o", run.path("table.md"), "-t", times, "-n", MOST_RUNS]
    command += run.pick((), FEW, FEW[:1])
    measuring = subprocess.Popen(command, env=dict(os.environ, TFO_BUILD=BUILD), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, text=True, errors="replace")
    with open(times, encoding="utf-8") as file:
        for line in measuring.stdout:
            row = row_of_client(line, file.readline())
            say(f"{row.name}: {row.median('plain')} {row.median('tfo-run')} ms")
            yield row
    measuring.wait()
