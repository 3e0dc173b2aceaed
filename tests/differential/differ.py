#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The differential tester: random small socket programs, run without the library and with it.

    tests/lab/enter tests/differential/differ.py --seeds 1-400 [--hold kernel] [--jobs 8]
    tests/lab/enter tests/differential/differ.py --seed 17            one, and what it says
    tests/lab/enter tests/differential/differ.py --steps 'connect write:x' [--mode echo] [--rtt 20] ...

Exits with 1 when a program differs, after it has printed the smallest one that differs in the same way, as
a command line. programs.py makes the programs, compare.py judges them.
"""
import argparse
import collections
import dataclasses
import os
import queue
import shlex
import sys
import threading
import time

from compare import Judge
from laboratory import FAMILIES, FAULTS, LIBRARY, Bench, Network
from programs import MODES, RTTS, Program, program_of
from shrink import shrink

# After so many the rest is not looked at again: something is broken.
DIFFERENT_MOST = 5

# A part of them: more would let races hide what the tester is there to find.
RACY_MOST = 0.05


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", help="FIRST-LAST")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--steps", help="a program, with --mode, --rtt, --rule and the rest as printed")
    parser.add_argument("--mode", choices=MODES, default="echo")
    parser.add_argument("--rtt", type=int, choices=RTTS, help="all programs over this round trip (ms)")
    parser.add_argument("--rule", default="any verify=off minrtt=0", help="payload and options")
    parser.add_argument("--no-fastopen", action="store_true", help="a server that takes no data in a SYN")
    parser.add_argument("--remembers", action="store_true", help="the destination is remembered as good")
    parser.add_argument("--family", choices=FAMILIES, default="ip4")
    parser.add_argument("--fault", choices=FAULTS, help="what the network does to data in a SYN")
    parser.add_argument("--hold", choices=("kernel", "user"), default="kernel")
    parser.add_argument("--jobs", type=int, default=32)
    parser.add_argument("--preload", default=LIBRARY)
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--show-racy", action="store_true", help="print the programs that depend on who is faster")
    return parser.parse_args()


def programs(options):
    if options.steps is not None:
        yield Program(tuple(shlex.split(options.steps)), options.mode, not options.no_fastopen,
                      20 if options.rtt is None else options.rtt, options.rule, options.remembers,
                      options.family, options.fault or "")
        return
    first, last = (options.seed,) * 2 if options.seeds is None else map(int, options.seeds.split("-"))
    for seed in range(first, last + 1):
        yield program_of(seed, RTTS if options.rtt is None else (options.rtt,), options.fault)


class Count:
    def __init__(self, show_racy):
        self.show_racy = show_racy
        self.verdicts = collections.Counter()
        self.held = 0
        self.lock = threading.Lock()
        self.suspects = []
        self.failed = None

    def add(self, judge, verdict):
        with self.lock:
            self.verdicts[verdict] += 1
            self.held += judge.held
            if verdict == "suspect":
                self.suspects.append(judge.program)
                print(f"suspect: seed {judge.program.seed}: {judge.program.command()}", flush=True)
            elif verdict == "racy" and self.show_racy:
                print(f"racy: seed {judge.program.seed}: {judge.program.command()}\n{judge.changes()}", flush=True)


def work(bench, waiting, count):
    while not count.failed:
        try:
            program = waiting.get_nowait()
        except queue.Empty:
            return
        judge = Judge(program, bench)
        try:
            count.add(judge, judge.first_look())
        except OSError as error:
            count.failed = f"{error}, at differ.py {program.command()}"
            return


def first_looks(options, count):
    waiting = queue.SimpleQueue()
    for program in programs(options):
        waiting.put(program)
    benches = [Bench(number, options.hold, options.preload) for number in range(options.jobs)]
    threads = [threading.Thread(target=work, args=(bench, waiting, count)) for bench in benches]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
        if sys.stderr.isatty() or os.environ.get("DIFFER_PROGRESS"):
            print(f"\r{waiting.qsize()} to go, {dict(count.verdicts)}  ", end="", file=sys.stderr)
    for bench in benches:
        bench.end()


def second_looks(options, count):
    """One after the other, so that nothing else is in the way. What differs is printed."""
    bench = Bench(options.jobs, options.hold, options.preload)
    different = 0
    for number, program in enumerate(sorted(count.suspects, key=lambda program: program.seed)):
        if different == DIFFERENT_MOST:
            print(f"{len(count.suspects) - number} suspects more")
            break
        judge = Judge(program, bench)
        wrong = judge.second_look() and judge.second_look()
        if not wrong:
            count.verdicts["racy"] += 1
            continue
        different += 1
        print(f"seed {program.seed} differs\n{judge.report()}", flush=True)
        if not options.no_shrink:
            smallest = Judge(shrink(program, bench, judge.kind(wrong)), bench)
            if smallest.second_look():
                print(f"smallest:\n{smallest.report()}", flush=True)
        print(flush=True)
    bench.end()
    return different


def show_one(options):
    program = next(programs(options))
    bench = Bench(0, options.hold, options.preload)
    judge = Judge(program, bench)
    print(f"differ.py {program.command()}")
    judge.run_plain(1)
    print(f"--- without\n{judge.example.text()}")
    outcome = bench.run(program, True)
    print(f"--- with, data in {outcome.syn_data} SYNs\n{outcome.text()}")
    wrong = judge.second_look()
    print("the same" if not wrong else f"different\n{judge.report()}")
    bench.end()
    return 1 if wrong else 0


def main():
    options = arguments()
    if os.environ.get("TFO_LAB") != "1":
        sys.exit("differ.py: only inside tests/lab/enter")
    options.preload = options.preload.strip()
    network = Network(RTTS)
    try:
        if options.seeds is None:
            return show_one(options)
        count = Count(options.show_racy)
        start = time.monotonic()
        first_looks(options, count)
        if count.failed:
            print(f"cannot go on: {count.failed}")
            return 2
        print(f"first looks: {time.monotonic() - start:.0f} s, {len(count.suspects)} suspects", flush=True)
        different = second_looks(options, count)
        total = sum(count.verdicts[verdict] for verdict in ("same", "racy", "suspect")) \
            - (len(count.suspects) - different)
        racy = count.verdicts["racy"]
        print(f"{total} programs under the {options.hold} hold in {time.monotonic() - start:.0f} s: "
              f"{count.held} with data in a SYN, {racy} racy, {different} different")
        if racy > max(3, RACY_MOST * total):
            print("too many are racy")
            return 1
        return 1 if different else 0
    finally:
        network.end()


if __name__ == "__main__":
    sys.exit(main())
