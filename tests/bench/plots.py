# SPDX-License-Identifier: MIT
"""The plots, drawn by gnuplot: each is a script in which the data stand."""
import subprocess

BEGIN = """
set terminal svg noenhanced size {width},{height} dynamic background 'white' font 'Helvetica,13'
set output '{path}'
set style line 1 lc rgb '#888888' pt 5 lw 2
set style line 2 lc rgb '#e08214' pt 9 lw 2
set style line 3 lc rgb '#2166ac' pt 7 lw 2
set style line 4 lc rgb '#1b7837' pt 11 lw 2 dt 2
set style line 5 lc rgb '#b2182b' pt 13 lw 2
set style line 6 lc rgb '#762a83' pt 4 lw 2
set style line 7 lc rgb '#80cdc1' pt 6 lw 2
set style line 8 lc rgb '#dfc27d' pt 8 lw 2
set style line 9 lc rgb '#1b7837' pt 10 lw 2
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set rmargin 3
set key top left Left reverse
"""

# Ours has the same colour everywhere.
STYLES = {"curl": 1, "plain": 1, "none": 1, "curl --tcp-fastopen": 2, "native": 2, "empty": 8, "tfo-run curl": 3, "tfo-run": 3,
          "keep-alive": 4, "proxychains4": 5, "torsocks": 6, "socket_wrapper": 7, "mptcpize": 2, "rsocket": 9}


def rows_of(results, group, **key):
    """The rows of a group whose key says so."""
    return [row for found in results["groups"] if found["name"] == group for row in found["rows"]
            if all(row["key"].get(name) == value for name, value in key.items())]


def value(row, way):
    number = row["ways"].get(way, {})
    return number.get("exact", number.get("median"))


def quoted(text):
    return '"' + text.replace('"', "") + '"'


class Data:
    """Blocks of data of a script, and the plot commands that use them."""

    def __init__(self):
        self.text, self.count = "", 0

    def block(self, lines):
        self.count += 1
        self.text += f"$data{self.count} << EOD\n" + "".join(" ".join(map(str, line)) + "\n" for line in lines) + "EOD\n"
        return f"$data{self.count}"


def curves(data, rows, ways, x):
    """One curve for each way, over what the key of the rows calls x; with the quartiles."""
    parts = []
    for way in ways:
        points = []
        for row in rows:
            middle = value(row, way)
            if middle is not None:
                number = row["ways"][way]
                points.append((row["key"][x], middle, number.get("low", middle), number.get("high", middle)))
        if points:
            block, style = data.block(points), STYLES[way]
            parts.append(f"{block} using 1:2:3:4 with yerrorlines ls {style} title {quoted(way)}")
    return ", ".join(parts)


def bars(data, rows, ways, name, transform=None):
    """Clusters of bars: a cluster for each row, a bar for each way."""
    parts = []
    for way in ways:
        lines = []
        for row in rows:
            height = value(row, way)
            if height is not None and transform:
                height = transform(row, way, height)
            lines.append((quoted(row["key"][name]), "NaN" if height is None else height))
        block = data.block(lines)
        parts.append(f"{block} using 2:xtic(1) ls {STYLES[way]} title {quoted(way)}")
    return ", ".join(parts)


def ways_in(rows):
    return list(dict.fromkeys(way for row in rows for way in row["ways"]))


# --- the plots: each returns a script, or None where there is nothing to draw ---

def latency(results):
    data, panels = Data(), []
    for scheme in ("http", "https, TLS 1.3"):
        rows = rows_of(results, "latency", scheme=scheme, size=300, state="warm")
        if rows:
            panels.append(f"set title '{scheme}, warm'\nplot {curves(data, rows, ways_in(rows), 'rtt')}")
    return panels and (data.text + "set multiplot layout 1,2\nset xlabel 'round trip time, ms'\n"
                       "set ylabel 'time to first byte, ms'\nset yrange [0:*]\n" + "\n".join(panels))


def overhead(results):
    rows = [row for row in rows_of(results, "overhead", of="instructions") if row["goals"]]
    ways = [way for way in ways_in(rows) if way not in ("none", "empty", "mptcpize")]

    def added(row, way, height):
        """Only of calls that the preload interposes. A tenth stands for nothing, which has no logarithm."""
        none = value(row, "none")
        return max(height - none, 0.1) if none is not None and way in row["key"]["interposed by"] else None

    data = Data()
    return rows and (f"set title 'instructions that a preload adds to a call that it interposes'\nset logscale y\nset yrange [1:*]\n"
                     f"set style data histogram\nset style histogram clustered gap 1\nset style fill solid\n"
                     f"set key top left horizontal\nPLOT {bars(data, rows, ways, 'call', added)}").replace(
                         "PLOT", data.text + "plot")


def startup(results):
    rows = rows_of(results, "startup", of="cpu", program="true")
    if len(rows) < 2:
        return None
    bare, typed = rows[0], rows[1]
    data = Data()
    lines = [(quoted(way), value(bare, way) or "NaN", value(typed, way) or "NaN") for way in bare["ways"]]
    block = data.block(lines)
    return (data.text + "set title 'CPU of true, ms'\nset style data histogram\nset style histogram clustered gap 1\n"
            "set style fill solid\nset yrange [0:*]\n"
            f"plot {block} using 2:xtic(1) ls 3 title 'in LD_PRELOAD', {block} using 3 ls 1 title 'as typed'")


def clients(results):
    rows = sorted(rows_of(results, "clients"), key=lambda row: value(row, "plain") or 0)
    data = Data()
    lines = [(quoted(row["name"]), value(row, "plain"), value(row, "tfo-run")) for row in rows
             if value(row, "plain") and value(row, "tfo-run")]
    if not lines:
        return None
    block = data.block(lines)
    return (data.text + "set title 'real clients, 50 ms from their server: ms'\nset logscale y\nset yrange [40:2000]\nset xrange [-1:*]\nset xtics rotate by 90 right font ',9'\n"
            "set key top left\n"
            f"plot {block} using 0:2:xtic(1) with points ls 1 title 'plain', {block} using 0:3 with points ls 3 title 'tfo-run'")


def growth(results):
    data, panels = Data(), []
    for title, of, x, scale in (("threads", "threads", "threads", "set logscale x 2"),
                                ("sockets in flight", "tracked", "tracked", "set logscale x 10")):
        rows = rows_of(results, "growth", of=of)
        if rows:
            panels.append(f"{scale}\nset format x '%.0s%c'\nset xlabel '{title}'\nplot {curves(data, rows, ways_in(rows), x)}")
    return panels and (data.text + "set multiplot layout 1,2\nset ylabel 'new connections per second'\nset yrange [0:*]\n"
                       "set key bottom right\n" + "\n".join(panels))


PLOTS = {"latency": (latency, 900, 380), "overhead": (overhead, 900, 380), "startup": (startup, 900, 320),
         "clients": (clients, 1000, 560), "growth": (growth, 900, 380)}


def draw(results, directory):
    """Returns the names of the plots that there are."""
    drawn = []
    for name, (script_of, width, height) in PLOTS.items():
        script = script_of(results)
        if not script:
            continue
        path = f"{directory}/{name}.svg"
        head = BEGIN.format(width=width, height=height, path=path.replace("'", "''"))
        subprocess.run(["gnuplot", "-"], input=head + script + "\n", text=True, check=True, capture_output=True)
        drawn.append(name)
    return drawn
