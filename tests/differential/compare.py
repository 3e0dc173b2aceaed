# SPDX-License-Identifier: MIT
"""Whether a program is the same with the library and without.

What a program observes may depend on who is faster. So an outcome with the library is right when it is
one that the program has without it, over this network or over a faster one: that is all that the
library may do. Only what is in no such outcome, time after time, is a difference.
"""
import dataclasses
import difflib
import re

SLOWER_SECONDS = 0.6
LOST_SYN_SECONDS = 1.1


def without_numbers(line):
    return re.sub(r": .*", ": *", line)


def normalise(program, outcome):
    """Takes away what may differ: see "What may differ" and the marks of programs.py."""
    said, saw = list(outcome.said), list(outcome.saw)
    if {"epoll-edge", "epoll-add"} & set(program.steps):
        # The kernel's own answer, for a descriptor that is in an edge-triggered set already: 0, then EISCONN.
        said = [re.sub("^connect: (0|EINPROGRESS|EISCONN)$", "connect: as it goes", line) for line in said]
    if program.mode == "reset":
        # The reset comes when it comes; what matters is that nothing else comes.
        said = [without_numbers(line) for line in said if not line.startswith("  data")]
    elif program.mode == "close":
        said = after_first_write(said)
    return dataclasses.replace(outcome, said=tuple(said), saw=tuple(sorted(saw)))


def after_first_write(said):
    """A closed server answers a write with a reset, which comes before or after its end of stream."""
    lines, written = [], False
    for line in said:
        written = written or line.startswith(("write", "send"))
        if not line.startswith("  data"):
            lines.append(without_numbers(line) if written else line)
    return lines


def only_resets_differ(outcome, plain, strict):
    """Whether nothing but an answer that nobody read differs: it has reset connections here and not there, or
    there and not here. What had not left by then is lost with a reset. Strictly: only where it is lost without
    the library as well."""
    saw, other = list(outcome.saw), list(plain.saw)
    for line in outcome.saw:
        if line in other:
            saw.remove(line)
            other.remove(line)
    return ((outcome.said, outcome.status) == (plain.said, plain.status) and len(saw) == len(other)
            and all("end=reset" in lost or (not strict and "end=reset" in ours)
                    or ours == lost.replace("end=eof", "end=reset") for ours, lost in zip(saw, other)))


class Judge:
    """Collects outcomes of one program."""

    def __init__(self, program, bench):
        self.program = program
        self.bench = bench
        self.plain = set()
        self.slowest = 0
        self.example = None
        self.wrong = self.last_wrong = None
        self.held = False

    def run_plain(self, times, rtt=None):
        for _ in range(times):
            outcome = normalise(self.program, self.bench.run(self.program, False, rtt))
            self.slowest = max(self.slowest, outcome.seconds)
            self.example = self.example or outcome
            self.plain.add(outcome)

    def run_faster(self, times):
        for rtt in {0, 2, 20}:
            if rtt < self.program.rtt:
                self.run_plain(times, rtt)

    def is_right(self, outcome):
        allowed = self.slowest + 2 * self.program.rtt / 1000 + SLOWER_SECONDS
        if self.program.fault:
            allowed += LOST_SYN_SECONDS * sum(step.startswith("connect") for step in self.program.steps)
        if outcome.seconds > allowed:
            return False
        return outcome in self.plain or (self.program.loose and any(
            only_resets_differ(outcome, plain, not self.program.shares) for plain in self.plain))

    def wrong_runs(self, times):
        outcomes = []
        for _ in range(times):
            outcome = normalise(self.program, self.bench.run(self.program, True))
            self.held = self.held or outcome.syn_data > 0
            if not self.is_right(outcome):
                self.last_wrong = outcome
                outcomes.append(outcome)
        return outcomes

    def kind(self, outcome):
        """In what an outcome differs."""
        return (all(outcome.said != other.said for other in self.plain),
                all(outcome.status != other.status for other in self.plain),
                all(outcome.saw != other.saw for other in self.plain),
                outcome in self.plain)

    def first_look(self):
        """"same", "racy", or "suspect": at the cost of two runs, mostly."""
        self.run_plain(1)
        wrong = self.wrong_runs(1)
        if not wrong:
            return "same"
        self.run_faster(1)
        self.run_plain(2)
        if all(self.is_right(outcome) for outcome in wrong):
            return "racy"
        wrong = self.wrong_runs(2)
        return "suspect" if wrong else "racy"

    def second_look(self, runs=8):
        """The outcome that is in none without the library, in three of eight runs; or None."""
        self.run_plain(1)
        wrong = self.wrong_runs(runs)
        if len(wrong) * 8 < runs * 3:
            return None
        self.run_plain(runs - 1)
        self.run_faster(runs // 2)
        wrong = [outcome for outcome in wrong if not self.is_right(outcome)]
        if len(wrong) * 8 < runs * 3:
            return None
        self.wrong = wrong[0]
        return self.wrong

    def changes(self):
        """What the last wrong outcome has (+) and has not (-), against the first one without the library."""
        lines = difflib.ndiff(self.example.text().split("\n"), self.last_wrong.text().split("\n"))
        return "\n".join(line for line in lines if line[0] in "+-")

    def report(self):
        return (f"differ.py {self.program.command()}\n--- without\n{self.example.text()}\n"
                f"--- with\n{self.wrong.text()}")
