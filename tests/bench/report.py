# SPDX-License-Identifier: MIT
"""Results as text: a table for each group, the goals, the block of the README."""
import machine

BEGIN = "<!-- Written by tools/bench --readme from tests/bench/results/results.json. -->"
END = "<!-- End of what tools/bench wrote. -->"


def short(value):
    """Three digits that count."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def cell(number):
    """A median with its quartiles; what is exact; a dash where something could not be measured: the reason stands below."""
    if number is None:
        return ""
    if "reason" in number:
        return "-"
    if "exact" in number:
        return short(number["exact"])
    if number["runs"] == 1 or number["low"] == number["high"]:
        return short(number["median"])
    return f"{short(number['median'])} ({short(number['low'])}-{short(number['high'])})"


def ways_of(rows):
    """All that the rows have, in the order in which they come."""
    return list(dict.fromkeys(way for row in rows for way in row["ways"]))


def grid(rows):
    """Heading and lines of a table. Rows of one group may be about different ways: see blocks()."""
    ways = ways_of(rows)
    lines = []
    for row in rows:
        outside = set(ways) - set(row["key"].get("interposed by", ways))
        cells = []
        for way in ways:
            text = cell(row["ways"].get(way))
            cells.append(f"[{text}]" if way in outside and text not in ("", "-") and way != "none" else text)
        lines.append([row["name"], row["unit"], *cells])
    return ["", "", *ways], lines


def blocks(rows):
    """Rows that follow each other and have the same ways."""
    block = []
    for row in rows:
        if block and list(row["ways"]) != list(block[-1]["ways"]):
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def plain(heading, lines):
    widths = [max(len(line[i]) for line in [heading, *lines]) for i in range(len(heading))]
    for line in [heading, *lines]:
        cells = [text.ljust(width) if i < 2 else text.rjust(width) for i, (text, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def markdown(heading, lines):
    yield "| " + " | ".join(heading) + " |"
    yield "|---|---|" + "---:|" * (len(heading) - 2)
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def reasons(rows):
    """Why there are dashes: each once, with the rows that it is true of."""
    found = {}
    for row in rows:
        for way, number in row["ways"].items():
            if "reason" in number:
                found.setdefault((way, number["reason"]), []).append(row["name"])
    for (way, reason), names in found.items():
        where = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"{way}: {reason} ({where})"


def goals(results):
    """[(goal as text, worst value, limit, met, cases of those not met)], one line for all cases of a goal."""
    cases = {}
    for group in results["groups"]:
        for row in group["rows"]:
            for goal in row["goals"]:
                cases.setdefault((goal["text"], goal["limit"]), []).append(goal)
    for (text, limit), found in cases.items():
        yield text, limit, found


def verdict(found):
    """In words: met, or in which cases not."""
    missed = [goal["case"] for goal in found if goal["met"] is False]
    unknown = [goal["case"] for goal in found if goal["value"] is None]
    close = [goal["case"] for goal in found if goal["met"] is None and goal["value"] is not None]
    parts = [f"{what}: {', '.join(cases)}" for what, cases in
             (("**not met**", missed), ("not measured", unknown), ("too much noise to tell", close)) if cases]
    return "; ".join(parts) or "met"


def worst(found):
    """And from where to where it may be, if that is known."""
    goal = max((goal for goal in found if goal["value"] is not None), key=lambda goal: goal["value"], default=None)
    if not goal:
        return "-"
    bounds = f" ({goal['low']:.2g} to {goal['high']:.2g})" if goal.get("low") is not None else ""
    return f"{goal['value']:.4g}{bounds}"


def goal_grid(results):
    heading = ["goal", "", "measured", "at most"]
    lines = [[text, verdict(found), worst(found), short(limit)] for text, limit, found in goals(results)]
    return heading, lines


def group_text(group, table):
    yield group["title"] + f" ({group['seconds']:.0f} s)"
    yield group["about"]
    for block in blocks(group["rows"]):
        yield ""
        yield from table(*grid(block))
    why = [*reasons(group["rows"]), *group.get("troubles", [])]
    if why:
        yield ""
        yield from (f"- {line}" for line in why)


def terminal(results):
    yield machine.sentence(results["machine"])
    yield "Medians; in brackets the quartiles. Ways are measured in turn."
    for group in results["groups"]:
        yield ""
        yield from group_text(group, plain)
    yield ""
    yield from (line.replace("**", "") for line in plain(*goal_grid(results)))
