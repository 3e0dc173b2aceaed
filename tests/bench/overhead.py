# SPDX-License-Identifier: MIT
"""What a call costs that is none of the library's business, in instructions of user space and in nanoseconds.

Instructions are counted by callgrind, not sampled: each call is made a few times and a thousand times more, and the difference
is divided by a thousand; so what happens once (loading, the first call, the policy) is not in it."""
import callgrind
import preloads
from place import SMOKE, program, say
from rows import Cannot, Row
from sampling import interleave, output_of, way_of

TITLE = "Overhead on everything else"
ABOUT = ("Calls on descriptors and to destinations that no rule names. In brackets: that preload does not interpose the call. "
         "A preload that does is a rival there.")

# What the goals are about; the table has some calls more.
JUDGED = ("write", "read", "send", "recv", "poll", "epoll_wait", "close", "connect", "connect-tcp")
MOST_ADDED = 8


def calls():
    return output_of([program("calls"), "--list"]).split()


def function_of(call):
    return call.split("-")[0]


def parts(wanted):
    """What is run together: a preload that cannot connect may still be measured in the rest."""
    names = wanted or calls()
    connects = [name for name in names if function_of(name) == "connect"]
    return [part for part in ([name for name in names if name not in connects], connects) if part]


def instructions(run, environment, wanted=()):
    """{call: instructions, or why not}"""
    found = {}
    for part in parts(wanted):
        try:
            found |= instructions_of(run, environment, part)
        except Cannot as reason:
            found |= {call: reason for call in part}
    return found


def instructions_of(run, environment, names):
    said, counts = callgrind.watch(run, [program("calls"), *names], environment, "make_calls")
    found = {}
    for line in said.splitlines():
        call, *rest = line.split()
        if rest[0] == "-":
            found[call] = Cannot(" ".join(rest[1:]))
            break  # how often it was made before it failed is not known
        found[call] = per_call(counts[:len(rest)], [int(times) for times in rest])
        counts = counts[len(rest):]
    return {call: found.get(call, Cannot("not reached")) for call in names}


def per_call(counts, times):
    added = counts[-1] - counts[-2]
    more = times[-1] - times[-2]
    if added % more:
        return Cannot(f"not the same each time: {added} instructions in {more} calls")
    return added // more


def nanoseconds(environment, names):
    said = output_of([program("calls"), "-t", *names], environment, timeout=5)
    return {call: float(rest[0]) for call, *rest in (line.split() for line in said.splitlines()) if rest[0] != "-"}


def is_rival(name, call):
    return name in preloads.RIVALS and function_of(call) in preloads.interposed(name)


def count_row(call, found):
    """Ours is to be below every rival."""
    row = Row(f"{call}, instructions", "instructions", {"call": call, "of": "instructions"})
    for name, counts in found.items():
        row.add(name, counts if isinstance(counts, Cannot) else counts[call])
    row.key["interposed by"] = [name for name in found if function_of(call) in preloads.interposed(name)]
    if call in JUDGED:
        judge(row, call)
    return row


def judge(row, call):
    ours, none = row.median(preloads.OURS), row.median(preloads.NONE)
    row.aim("instructions that a call has more than without a preload", call,
            None if ours is None or none is None else ours - none, MOST_ADDED)
    rivals = {name: row.median(name) for name in preloads.RIVALS if is_rival(name, call)}
    known = {name: count for name, count in rivals.items() if count is not None}
    if known:
        least = min(known, key=known.get)
        row.aim("instructions of a call, as a part of those with the best rival that interposes it", f"{call} ({least})",
                None if ours is None else ours / known[least], 0.999)


def time_row(call, samples):
    row = Row(f"{call}, time", "ns", {"call": call, "of": "time"})
    for name, runs in samples.items():
        if isinstance(runs, Cannot):
            row.add(name, runs)
        elif call in runs[0]:
            row.add(name, [run[call] for run in runs])
        else:
            row.add(name, Cannot("the call fails"))
    return row


def measure(run):
    known = preloads.environments(run)
    wanted = run.pick((), JUDGED, ("write", "connect"))
    if run.mode == SMOKE:
        known = {name: known[name] for name in (preloads.NONE, preloads.EMPTY, preloads.OURS)}
    found = {}
    for name, environment in known.items():
        say(f"instructions: {name}")
        found[name] = environment if isinstance(environment, Cannot) else \
            instructions(run, environment, wanted)
    for part in parts(wanted):
        yield from (count_row(call, found) for call in part)
    for part in parts(wanted):
        say(f"nanoseconds: {', '.join(part)}")
        ways = {name: way_of(lambda environment: nanoseconds(environment, part), environment)
                for name, environment in known.items()}
        samples = interleave(ways, run.pick(31, 15, 1), 30)
        yield from (time_row(call, samples) for call in part)
