# SPDX-License-Identifier: MIT
"""What it costs to be supervised, which is how a program is reached that LD_PRELOAD does not reach."""
import os

import network
from place import BUILD, TFO_RUN, say
from rows import row_of
from sampling import interleave, output_of
from throughput import ANSWERS, NOBODY, start_answering

TITLE = "Supervision"
ABOUT = ("tfo-run --supervise, of a static program that does not block: connect() where no rule allows the connection and where it is "
         "held, and write(), which is none of the supervisor's business. For comparison, strace of connect() alone.")

ASYNC = os.path.join(BUILD, "tests/probes/async")
SUPERVISE = [TFO_RUN, "--supervise", "--require"]
# Each way is a command to put before, and the rules of it.
WAYS = {
    "plain": ([], None),
    "supervised": (SUPERVISE, NOBODY),
    "held": (SUPERVISE, f"allow * {ANSWERS} any minrtt=0 hold=1s"),
    "strace": (["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=connect"], None),
}
UNITS = {"connects": ("connect()", "us"), "writes": ("write()", "ns")}


def measure_once(run, way, address, what, number):
    before, rules = WAYS[way]
    environment = run.environment(TFO_STATE=run.path("destinations"))
    if rules:
        environment["TFO_RULES"] = rules
    said = output_of([*before, ASYNC, address, str(ANSWERS), what, str(number)], environment)
    return {"each": float(said.split()[0])}


def measure(run):
    address = network.Line(0, 0).address()
    start_answering(run)
    for _ in range(2):  # the first fetches the cookie
        measure_once(run, "held", address, "connects", 1)
    for what, (name, unit) in UNITS.items():
        say(f"supervised {name}")
        number = run.pick(300, 300, 30) if what == "connects" else run.pick(200000, 100000, 1000)
        ways = {way: (lambda way=way: measure_once(run, way, address, what, number)) for way in WAYS}
        yield row_of(name, unit, interleave(ways, run.pick(15, 5, 1), run.pick(30, 10, 5)), "each", {"of": what})
