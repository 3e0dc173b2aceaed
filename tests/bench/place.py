# SPDX-License-Identifier: MIT
"""Where things are, and what this run is to be."""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "../.."))
BUILD = os.path.realpath(os.environ.get("TFO_BUILD") or os.path.join(REPOSITORY, "build"))
PROGRAMS = os.path.join(BUILD, "tests/bench")
LIBRARY = os.path.join(BUILD, "lib/libtfo-preload.so")
TFO_RUN = os.path.join(BUILD, "bin/tfo-run")
TFOCTL = os.path.join(BUILD, "bin/tfoctl")
NETDELAY = os.path.join(BUILD, "tests/lab/netdelay")

# Whether a run is to prove something, to give an idea, or to show that all of this still works.
FULL, QUICK, SMOKE = "full", "quick", "smoke"


def program(name):
    return os.path.join(PROGRAMS, name)


def say(text):
    """How far it is."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Run:
    """One run of a group: its mode, and a directory of its own."""

    def __init__(self, mode):
        self.mode = mode
        self.directory = tempfile.mkdtemp(prefix="bench.", dir=os.environ.get("LAB_TMP"))

    def pick(self, full, quick, smoke):
        return {FULL: full, QUICK: quick, SMOKE: smoke}[self.mode]

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def environment(self, **settings):
        """Nothing of the user's: no proxy, no preload, no policy."""
        kept = {"PATH": os.environ["PATH"], "HOME": self.directory, "LC_ALL": "C"}
        return kept | settings

    def ours(self, rules, **settings):
        """The environment of the bare library, with these rules, and a memory of its own."""
        return self.environment(LD_PRELOAD=LIBRARY, TFO_RULES=rules, TFO_STATE=self.path("destinations"), **settings)
