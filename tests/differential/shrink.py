# SPDX-License-Identifier: MIT
"""Makes a program that differs as small as it can be and still differ in the same way."""
import dataclasses
import re
import time

from compare import Judge

MOST_SECONDS = 90


def without_steps(program):
    steps = program.steps
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps), size):
            rest = steps[:start] + steps[start + size:]
            # Marks say how to compare; they stay.
            rest += tuple(step for step in steps[start:start + size] if step.startswith("#"))
            if rest != steps and rest:
                yield dataclasses.replace(program, steps=rest)
        size //= 2


SIMPLER = ((r"^(all:\w+|write-all|send\w*|sendto-to|sendmsg-to|writev|pwritev2|splice|more):", "write:"),
           (r"^(write|\S*:write|thread-write):.+", r"\1:x"), (r":@\d+", ":@3000"), (r"@\d+", "@100000"),
           (r"^(ppoll|select|pselect|epoll|epoll-pwait2?):", "poll:"), (r"^sleep:\d+", "sleep:1"),
           (r"^(syscall-close|replace|close-range|closefrom)$", "close"), (r"^read-n:\w+:", "read-n:read:"),
           (r"^(exit|_exit|quick_exit|syscall-exit):\d", "exit:0"), (r"^dup\w*-?\w*$|^pass$", "dup"))


def with_simpler_steps(program):
    for number, step in enumerate(program.steps):
        for pattern, simpler in SIMPLER:
            changed = re.sub(pattern, simpler, step)
            if changed != step:
                yield dataclasses.replace(
                    program, steps=program.steps[:number] + (changed,) + program.steps[number + 1:])


def with_simpler_settings(program):
    plain = "any minrtt=0" if program.mode == "refuse" else "any verify=off minrtt=0"
    for change in ({"remembers": False}, {"fastopen": True}, {"options": plain}, {"mode": "sink"},
                   {"family": "ip4"}, {"fault": ""}, {"rtt": 20}, {"rtt": 2}, {"rtt": 0}):
        changed = dataclasses.replace(program, **change)
        if changed != program:
            yield changed


def differs(program, bench, kind):
    judge = Judge(program, bench)
    judge.run_plain(1)
    if not judge.wrong_runs(1):
        return False
    wrong = judge.second_look(4)
    return bool(wrong) and judge.kind(wrong) == kind


def shrink(program, bench, kind):
    until = time.monotonic() + MOST_SECONDS
    smaller = True
    while smaller:
        smaller = None
        for simpler in (without_steps, with_simpler_settings, with_simpler_steps):
            for candidate in simpler(program):
                if time.monotonic() > until:
                    return program
                if differs(candidate, bench, kind):
                    smaller = program = candidate
                    break
            if smaller:
                break
    return program
