# SPDX-License-Identifier: MIT
"""Instructions of user space, counted and not sampled."""
import glob
import os
import re
import tempfile

from sampling import output_of


def total(profile):
    with open(profile, encoding="utf-8", errors="replace") as file:
        return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M)[1])


def watch(run, command, environment, function):
    """What a program prints, and the instructions between each call of one of its functions and the return."""
    with tempfile.TemporaryDirectory(dir=run.directory) as scratch:
        profile = os.path.join(scratch, "profile")
        # LD_BIND_NOW: symbols are looked up at the start and not in a loop.
        said = output_of(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", f"--zero-before={function}",
                          f"--dump-after={function}", *command], environment | {"LD_BIND_NOW": "1"}, timeout=30)
        dumps = sorted(glob.glob(f"{profile}.*"), key=lambda path: int(path.rsplit(".", 1)[1]))
        return said, [total(dump) for dump in dumps]


def counts(run, command, environment, function):
    return watch(run, command, environment, function)[1]
