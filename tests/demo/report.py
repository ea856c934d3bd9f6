#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""report.py JSON NOISE < what cluster.sh prints

Shows progress, judges every row, prints the table and writes the rows to the file JSON; what is neither goes to the
file NOISE. Exit status 1 if a job is missing or a number is not what its route promises."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))

from records import MIB, Clock, Reader, RecordError, write_json  # noqa: E402

SYSTEMS = [  # (system, route), as the table names it
    (("xfs", None), "local XFS"),
    (("csvfs", "local"), "csvfs on the coordinator"),
    (("csvfs", "direct"), "csvfs direct"),
    (("csvfs", "block"), "csvfs block-redirected"),
    (("csvfs", "file"), "csvfs file-redirected"),
    (("nfs", None), "NFSv4.2"),
]
JOBS = ["randread-4k-qd1", "randwrite-4k-qd1", "randread-4k-qd16", "randwrite-4k-qd16", "read-1m", "write-1m",
        "create-close-unlink"]
FEW = 0.01        # what a route does not use carries less than this part of the payload
AGREE = 0.01      # our count of disk bytes and the device's differ by less than this
OVERHEAD = 0.30   # what headers and acknowledgements may add to the redirected data of 4 KiB operations
SMALL = 128 << 10  # bytes of messages that any job may exchange
PAYLOAD_JOBS = JOBS[:-1]
WIDTHS = (6, 7, 7, 7, 6, 6, 7, 8, 8, 8, 6)  # of the numbers; the name has 24


def ratio(count, row):
    return count / row["payload_bytes"]


def judge(row):
    """Problems of one csvfs row, as text."""
    problems = []
    if row["job"] not in PAYLOAD_JOBS:
        return problems
    net, disk = row["net_bytes"], row["disk_bytes"]
    if row["route"] in ("local", "direct"):
        if ratio(net, row) >= FEW:
            problems.append(f"network {ratio(net, row):.2%} of the payload, allowed is less than {FEW:.0%}")
        if ratio(disk, row) < 1 - AGREE:
            problems.append(f"only {ratio(disk, row):.2%} of the payload reached the disk from this node")
        if row.stat_wire:
            problems.append(f"csvctl stat counts {row.stat_wire} redirected bytes")
    else:
        if ratio(disk, row) >= FEW:
            problems.append(f"own disk {ratio(disk, row):.2%} of the payload, allowed is less than {FEW:.0%}")
        if ratio(net, row) < 1:
            problems.append(f"only {ratio(net, row):.2%} of the payload crossed the network")
        if not row.stat_wire * (1 - AGREE) <= net <= row.stat_wire * (1 + OVERHEAD) + SMALL:
            problems.append(f"the interface counts {net} bytes, csvctl stat {row.stat_wire}")
    if abs(disk - row.stat_disk) > row["payload_bytes"] * AGREE:
        problems.append(f"the block device counts {disk} bytes, csvctl stat {row.stat_disk}")
    if "write" in row["job"] and row["verified"] is not True:
        problems.append("the other node read something else than was written" if row["verified"] is False
                        else "was not read by another node")
    return problems


def judge_all(rows, done):
    problems = [] if done else ["the run did not finish"]
    for key, name in SYSTEMS:
        mine = [row for row in rows if (row["system"], row["route"]) == key]
        missing = [job for job in JOBS if job not in [row["job"] for row in mine]]
        if missing:
            problems.append(f"{name}: no result of {', '.join(missing)}")
        for row in mine:
            if row.errors:
                problems.append(f"{name}, {row['job']}: fio error {row.errors}")
            if row["system"] == "csvfs":
                problems += [f"{name}, {row['job']}: {text}" for text in judge(row)]
    return problems


def number(value):
    """In at most six characters."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def table(rows):
    """Bytes are sums over the six jobs that have a payload. At most 100 columns."""
    by_key = {((row["system"], row["route"]), row["job"]): row for row in rows}
    def columns(name, *cells):
        """Numbers are right-aligned below headings that are, too."""
        return f"{name:24}" + "".join(f"{text:>{width}}" for text, width in zip(cells, WIDTHS))

    lines = [
        f"{'':24}{'4 KiB random, operations/s':^27}{'1 MiB, MiB/s':^12}{'':7}{'MiB, 4 KiB and 1 MiB jobs':>24}",
        columns("", "QD1", "QD1", "QD16", "QD16", "", "", "create", "", "", "own", "other"),
        columns("", "read", "write", "read", "write", "read", "write", "unlink", "payload", "network", "disk", "node"),
        columns("", "", "", "", "", "", "", "/s", "", "", "", "reads"),
        "-" * (24 + sum(WIDTHS)),
    ]
    for key, name in SYSTEMS:
        mine = [by_key.get((key, job)) for job in JOBS]
        cells = [number(row and row["mib_s" if "1m" in job else "iops"]) for job, row in zip(JOBS, mine)]
        cells += [f"{sum(row[what] for row in mine if row and row['payload_bytes']) / MIB:.2f}"
                  for what in ("payload_bytes", "net_bytes", "disk_bytes")]
        checked = [row["verified"] for row in mine if row and row["verified"] is not None]
        cells.append(("same" if all(checked) else "WRONG") if checked else "-")
        lines.append(columns(name, *cells))
    return "\n".join(lines)


def main():
    clock = Clock()

    def on_row(row):
        size = f"{row['mib_s']:8.1f} MiB/s" if row["mib_s"] is not None else f"{'':14}"
        clock.say(f"    {row['job']:20}{row['iops']:9.1f}/s {size}   p50 {row['lat_us_p50']:8.0f} us   "
                  f"p99 {row['lat_us_p99']:8.0f} us")

    def on_text(text):
        clock.say(text)

    with open(sys.argv[2], "w") as noise:
        reader = Reader(on_row, on_text, noise)
        try:
            for line in sys.stdin:
                reader.feed(line)
        except (RecordError, ValueError, KeyError, StopIteration) as error:
            print(f"demo: cannot read the results: {error!r}, see {sys.argv[2]}", file=sys.stderr)
            return 1
    write_json(sys.argv[1], reader.rows)
    problems = judge_all(reader.rows, reader.done)
    for text in problems:
        print(f"WRONG: {text}")
    print()
    print(table(reader.rows))
    print()
    if problems:
        print(f"demo: {len(problems)} wrong")
        return 1
    print("Each byte of a write job was read on another node. Direct rows used the network for less than 1 % of their\n"
          "payload, redirected rows their own disk, and the statistics of interface and disk agree with csvctl stat.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
