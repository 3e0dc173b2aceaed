# SPDX-License-Identifier: MIT
"""What comes out: rows of a table, each with a number for every way that was measured, and the goals that it judges."""
import dataclasses
import math
import statistics


class Cannot(Exception):
    """Why something is not measured: it stands in the table instead of a number."""


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def rounded(value):
    """Five digits say more than any of this is worth."""
    return value if isinstance(value, int) else float(f"{value:.5g}")


def spread(values):
    """The median of what was measured, and the quartiles as its spread."""
    low, high = quartiles(values)
    return {"median": rounded(statistics.median(values)), "low": rounded(low), "high": rounded(high), "runs": len(values)}


def certain(values):
    """The median, and the bounds between which that of many more rounds would be, 19 times in 20: the k-th least and the k-th
    greatest, because how many of them are below it is as the toss of a coin."""
    values, n = sorted(values), len(values)
    k = max(0, math.floor((n - 1.96 * math.sqrt(n)) / 2))
    return statistics.median(values), values[k], values[n - 1 - k]


@dataclasses.dataclass
class Goal:
    """`text` says what is aimed at, `case` in which case; `value` is to be `limit` at most. None: it could not be measured. It
    is somewhere from `low` to `high`, if that is known: where the limit is between them, nobody can tell."""
    text: str
    case: str
    value: float | None
    limit: float
    low: float | None = None
    high: float | None = None

    def json(self):
        met = None if self.value is None else self.value <= self.limit
        if self.low is not None and self.low <= self.limit < self.high:
            met = None
        return dataclasses.asdict(self) | {"met": met}


class Row:
    """`key` says what the row is about, for the plots; `name` says it to people."""

    def __init__(self, name, unit, key=None):
        self.name = name
        self.unit = unit
        self.key = key or {}
        self.ways = {}
        self.goals = []

    def add(self, way, values):
        """`values`: a list of numbers, one that is exact, or a Cannot."""
        if isinstance(values, Cannot):
            self.ways[way] = {"reason": str(values)}
        elif isinstance(values, (int, float)):
            self.ways[way] = {"exact": rounded(values)}
        else:
            self.ways[way] = spread(values)
        return self

    def median(self, way):
        number = self.ways.get(way, {})
        return number.get("exact", number.get("median"))

    def aim(self, text, case, value, limit, low=None, high=None):
        self.goals.append(Goal(text, case, value, limit, low, high))

    def aim_at_ratio(self, text, case, way, rival, limit):
        """The median of `way` as a part of that of `rival`."""
        ours, theirs = self.median(way), self.median(rival)
        self.aim(text, case, ours / theirs if ours is not None and theirs else None, limit)

    def json(self):
        return {"name": self.name, "unit": self.unit, "key": self.key, "ways": self.ways,
                "goals": [goal.json() for goal in self.goals]}


def row_of(name, unit, samples, quantity, key=None):
    """`samples`: what interleave() returned; one quantity of it."""
    row = Row(name, unit, key)
    for way, runs in samples.items():
        row.add(way, runs if isinstance(runs, Cannot) else [run[quantity] for run in runs])
    return row
