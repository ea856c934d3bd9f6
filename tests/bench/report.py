#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""report.py virtual|wall DIR NOISE < what cluster.sh prints

Shows progress, writes DIR/bench.json, prints the tables, and draws DIR/bench-CLOCK.svg and .png. Rows of the other clock
that are in DIR/bench.json already stay there. Turns of the same job become one row: the one with the median time.
Exit status 1 if something is missing; a target that is not reached is only said."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True

from records import Clock, Reader, RecordError, write_json  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEMS = [  # (system, route), in tables, in the plot, colour
    (("xfs", None), "local XFS", "XFS", "#7f7f7f"),
    (("csvfs", "local"), "csvfs, coordinator", "csvfs local", "#08519c"),
    (("csvfs", "direct"), "csvfs direct", "csvfs direct", "#3182bd"),
    (("csvfs", "block"), "csvfs block-redir.", "csvfs block", "#6baed6"),
    (("csvfs", "file"), "csvfs file-redir.", "csvfs file", "#9ecae1"),
    (("nfs", None), "NFSv4.2", "NFSv4.2", "#e6550d"),
    (("pnfs", None), "pNFS block", "pNFS block", "#fd8d3c"),
    (("nvme", None), "NVMe/TCP, 1 queue", "NVMe/TCP", "#31a354"),
    (("nbd", None), "NBD", "NBD", "#74c476"),
    (("tcp", None), "bare TCP exchange", "TCP", "#bcbddc"),
]
JOBS = [  # job, first line of the heading, second line, title in the plot
    ("randread-4k-qd1", "4k read", "QD1", "4 KiB random read, QD1"),
    ("randwrite-4k-qd1", "4k write", "QD1", "4 KiB random write, QD1"),
    ("randread-4k-qd16", "4k read", "QD16", "4 KiB random read, QD16"),
    ("randwrite-4k-qd16", "4k write", "QD16", "4 KiB random write, QD16"),
    ("read-1m", "1M read", "QD1", "1 MiB sequential read"),
    ("write-1m", "1M write", "QD1", "1 MiB sequential write"),
    ("create-close", "create", "+close", "create + close"),
    ("unlink", "unlink", "", "unlink"),
]
TARGETS = [  # route, job, virtual microseconds in the warm pass
    ("direct", "randread-4k-qd1", 9), ("direct", "randwrite-4k-qd1", 10),
    ("block", "randread-4k-qd1", 70), ("block", "randwrite-4k-qd1", 70),
    ("file", "randread-4k-qd1", 80), ("file", "randwrite-4k-qd1", 85),
    ("block", "read-1m", 2800), ("block", "write-1m", 2800), ("file", "read-1m", 2800), ("file", "write-1m", 2800),
    ("direct", "create-close", 400),
]
NO_JOBS = {"nvme": ("create-close", "unlink"), "nbd": ("create-close", "unlink"),
           "tcp": ("randread-4k-qd16", "randwrite-4k-qd16", "create-close", "unlink")}


def key_of(row):
    return (row["system"], row["route"]), row["job"], row["pass"]


def medians(rows):
    """One row of each job: the one whose time is the median of its turns."""
    turns = {}
    for row in rows:
        turns.setdefault(key_of(row), []).append(row)
    return [sorted(same, key=lambda row: row["us_per_op"])[(len(same) - 1) // 2] for same in turns.values()]


def spread(rows):
    """The largest factor between two turns of a job in the warm pass, and whose."""
    turns = {}
    for row in rows:
        turns.setdefault(key_of(row), []).append(row["us_per_op"])
    found = max(((max(times) / min(times), key) for key, times in turns.items() if len(times) > 1), default=None)
    return found and (found[0], " ".join(filter(None, (*found[1][0], *found[1][1:]))))


def cell(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def heading(title):
    """Two lines; eight columns after the name make 97."""
    return [f"{title:25}" + "".join(f"{first:>9}" for _, first, _, _ in JOBS),
            " " * 25 + "".join(f"{second:>9}" for _, _, second, _ in JOBS), "-" * (25 + 9 * len(JOBS))]


def table(title, value):
    """value(key, job) for every system that has any."""
    lines = heading(title)
    for key, name, _, _ in SYSTEMS:
        values = [value(key, job) for job, *_ in JOBS]
        if any(number is not None for number in values):
            lines.append(f"{name:25}" + "".join(f"{cell(number):>9}" for number in values))
    return "\n".join(lines) + "\n"


class Results:
    def __init__(self, rows, clock):
        self.times = {key_of(row): row["us_per_op"] for row in rows}
        self.clock = clock

    def time(self, key, job, mode="warm"):
        return self.times.get((key, job, mode))

    def versus(self, base, upside_down=False):
        """How many times as long as the base system, or the other way round."""
        def value(key, job):
            ours, theirs = self.time(key, job), self.time(base, job)
            if not ours or not theirs or key == base:
                return None
            return theirs / ours if upside_down else ours / theirs
        return value

    def tables(self):
        unit = "virtual us" if self.clock == "virtual" else "us"
        return [table(f"warm, {unit} a piece", self.time),
                table(f"first, {unit} a piece", lambda key, job: self.time(key, job, "first")),
                table("times as long as XFS", self.versus(("xfs", None))),
                table("times as fast as NFS", self.versus(("nfs", None), True))]

    def targets(self):
        names = {key: name for key, name, *_ in SYSTEMS}
        lines = [f"{'target, warm pass':47}{'at most':>10}{'reached':>10}"]
        for route, job, limit in TARGETS:
            got = self.time(("csvfs", route), job)
            verdict = "" if got is None else "yes" if got <= limit else f"no, {got / limit - 1:.0%} more"
            lines.append(f"{names['csvfs', route]:25}{job:22}{limit:10}{cell(got):>10}   {verdict}")
        return "\n".join(lines) + "\n"


def missing(rows, clock):
    have = {key_of(row) for row in rows}
    problems = []
    for (system, route), name, *_ in SYSTEMS:
        if system == "pnfs" and clock == "virtual":
            continue
        for job, *_ in JOBS:
            if job in NO_JOBS.get(system, ()):
                continue
            for mode in ("first", "warm") if system != "tcp" else ("warm",):
                if ((system, route), job, mode) not in have:
                    problems.append(f"{name}: no result of {job}, {mode} pass")
    return problems


def plot(results, directory):
    """A panel for each job, a bar for each system, the same colours everywhere."""
    base = f"{directory}/bench-{results.clock}"
    script = ["set style fill solid", "set boxwidth 0.75", "set grid ytics lc rgb '#e0e0e0'", "unset key",
              "set xtics rotate by -40 nomirror scale 0", "set border 3", "set ytics nomirror"]
    unit = "virtual µs" if results.clock == "virtual" else "µs, wall clock"
    data = []
    for index, (job, _, _, title) in enumerate(JOBS):
        bars = [(short, results.time(key, job), int(colour[1:], 16))
                for key, _, short, colour in SYSTEMS if results.time(key, job)]
        data.append(f"$panel{index} << END")
        data += [f'{place} "{short}" {value} {colour}' for place, (short, value, colour) in enumerate(bars)]
        data.append("END")
        top = max((value for _, value, _ in bars), default=1) * 1.15
        script += [f"set title '{title}'", f"set yrange [0:{top}]", f"set xrange [-0.6:{max(len(bars), 1) - 0.4}]",
                   f"plot $panel{index} using 1:3:4:xtic(2) with boxes lc rgb variable, "
                   f"$panel{index} using 1:3:($3 >= 1000 ? sprintf('%.0f', $3) : sprintf('%.3g', $3)) "
                   "with labels offset 0,0.6 font ',9'"]
    for terminal, suffix in (("svg size 1600,900 font 'sans,11' background '#ffffff'", "svg"),
                             ("pngcairo size 1600,900 font 'sans,11'", "png")):
        text = "\n".join([f"set terminal {terminal}", f"set output '{base}.{suffix}'", *data,
                          f"set multiplot layout 2,4 title 'csvfs and its peers: {unit} per operation, warm "
                          "(less is better)' font ',15'", *script, "unset multiplot"])
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
    return base


def read(noise_path):
    clock = Clock()

    def on_row(row):
        clock.say(f"    {row.mode:6}{row['job']:20}{row.us_per_op:12.2f} us a piece")

    with open(noise_path, "w") as noise:
        reader = Reader(on_row, clock.say, noise)
        for line in sys.stdin:
            reader.feed(line)
    return reader


def main():
    clock, directory, noise = sys.argv[1:4]
    try:
        reader = read(noise)
    except (RecordError, ValueError, KeyError, StopIteration) as error:
        print(f"bench: cannot read the results: {error!r}, see {noise}", file=sys.stderr)
        return 1
    for row in reader.rows:
        row.update({"clock": clock, "us_per_op": row.us_per_op, "pass": row.mode})
    rows = medians(reader.rows)
    path, others = f"{directory}/bench.json", []
    if os.path.exists(path):
        with open(path) as file:
            others = [row for row in json.load(file) if row["clock"] != clock]
    write_json(path, others + rows)
    results = Results(rows, clock)
    print()
    print("\n".join(results.tables()))
    if clock == "virtual":
        print(results.targets())
    elif found := spread(reader.rows):
        print(f"Largest factor between two turns of one job: {found[0]:.1f} ({found[1]})\n")
    print(f"plots: {plot(results, directory)}.svg and .png")
    problems = ([] if reader.done else ["the run did not finish"]) + missing(rows, clock)
    problems += [f"{row['system']} {row['job']}: fio error {row.errors}" for row in reader.rows if row.errors]
    # A client of pNFS that cannot use the disk falls back to plain NFS without a word.
    problems += [f"pNFS {row['job']}: the data crossed the network" for row in rows
                 if row["system"] == "pnfs" and row["payload_bytes"] and row["net_bytes"] > row["payload_bytes"] / 2]
    for text in problems:
        print(f"WRONG: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
