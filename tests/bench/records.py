# SPDX-License-Identifier: GPL-2.0
"""What node.sh and the scripts around it print, made into rows.

  @system KEY=VALUE...      the jobs that follow are of this system, route, node, and pass
  @job JOB net=N disk=N     then the JSON of fio, or a line of JSON for each phase of meta_loop or tcp_exchange
  @stat                     then the JSON of csvctl stat
  @end                      of the job
  @sum JOB tag=T bytes=N sha256=H     what another node read after it
  @done                     everything ran
  # TEXT                    progress
"""
import hashlib
import json
import os
import time

MIB = 1 << 20
PATTERN = 16  # bytes: the tag, then the offset of the block
PLAIN_OPS = {"cycle": "create-close-unlink", "create": "create-close", "unlink": "unlink"}
BLOCK_BYTES = {"randread-4k-qd1": 4096, "randwrite-4k-qd1": 4096, "randread-4k-qd16": 4096, "randwrite-4k-qd16": 4096,
               "read-1m": MIB, "write-1m": MIB}
KEYS = ("system", "route", "job", "iops", "mib_s", "lat_us_p50", "lat_us_p99", "payload_bytes", "net_bytes",
        "disk_bytes", "verified")


class RecordError(Exception):
    """What was printed is not what the scripts print."""


class Row(dict):
    """The keys above, as they go to the JSON file; what is only looked at here is in attributes."""
    stat_disk = stat_wire = None
    us_per_op = None
    errors = 0
    node = None
    mode = None


def words(text):
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def expected_sum(job, tag, size):
    """Of what the job wrote: every block is its tag and its offset, again and again."""
    block, digest = BLOCK_BYTES[job], hashlib.sha256()
    for offset in range(0, size, block):
        digest.update((tag.encode() + offset.to_bytes(8, "little")) * (block // PATTERN))
    return digest.hexdigest()


def base_row(system, job, counters):
    row = Row(dict.fromkeys(KEYS), system=system["system"], route=system.get("route") or None, job=job,
              net_bytes=int(counters["net"]), disk_bytes=int(counters["disk"]))
    row.node, row.mode = system.get("node"), system.get("pass")
    return row


def fio_row(system, name, counters, text):
    result = json.loads(text)["jobs"][0]
    side = result["read"] if result["read"]["total_ios"] else result["write"]
    latency = side["lat_ns"]
    if not latency["N"]:
        raise RecordError(f"{name}: fio did nothing")
    # At depth 1 the latency is all there is, and fio tells it in nanoseconds; the run time only in milliseconds.
    if name.endswith("qd16"):
        seconds = side["runtime"] / 1e3 / side["total_ios"]
    else:
        seconds = latency["mean"] / 1e9
    row = base_row(system, name, counters)
    row.update(iops=round(1 / seconds, 1), mib_s=round(BLOCK_BYTES[name] / MIB / seconds, 2),
               lat_us_p50=latency["percentile"]["50.000000"] / 1e3,
               lat_us_p99=latency["percentile"]["99.000000"] / 1e3, payload_bytes=side["io_bytes"])
    row.us_per_op = round(seconds * 1e6, 3)
    row.errors = result["error"]
    return row


def plain_rows(system, counters, text):
    rows = []
    for line in text.splitlines():
        said = json.loads(line)
        row = base_row(system, PLAIN_OPS.get(said["op"], said["op"]), counters)
        row.us_per_op = round(said["ns"] / said["count"] / 1e3, 3)
        row.update(iops=round(1e6 / row.us_per_op, 1), lat_us_p50=said["p50_ns"] / 1e3, lat_us_p99=said["p99_ns"] / 1e3)
        if said.get("bytes"):
            row.update(mib_s=round(said["bytes"] / said["count"] / MIB * 1e6 / row.us_per_op, 2),
                       payload_bytes=said["bytes"])
        rows.append(row)
    if len(rows) > 1:  # they share what was counted around both
        for row in rows:
            row.update(net_bytes=None, disk_bytes=None)
    return rows


def add_stat(rows, text):
    total = next(entry for entry in json.loads(text) if "route" not in entry)
    for row in rows:
        row.stat_disk = total["disk_read"] + total["disk_written"]
        row.stat_wire = total["wire_sent"] + total["wire_received"]


class Reader:
    """Feed it lines; .rows and .done are the outcome."""

    def __init__(self, on_row=lambda row: None, on_text=lambda text: None, noise=None):
        self.rows, self.done = [], False
        self.on_row, self.on_text, self.noise = on_row, on_text, noise
        self.system, self.current = None, None

    def feed(self, line):
        if line.startswith("# "):
            self.on_text(line[2:].rstrip())
        elif line.startswith("@"):
            self.command(line.split(None, 1)[0][1:], line.partition(" ")[2])
        elif self.current:
            self.current["text"][-1] += line
        elif self.noise and line.strip():
            self.noise.write(line)

    def command(self, name, rest):
        if name == "system":
            self.system = words(rest)
        elif name == "job":
            self.current = {"job": rest.split()[0], "counters": words(rest), "text": [""]}
        elif name == "stat":
            self.current["text"].append("")
        elif name == "end":
            self.finish_job()
        elif name == "sum":
            self.finish_sum(rest.split()[0], words(rest))
        elif name == "done":
            self.done = True
        else:
            raise RecordError(f"unknown record @{name}")

    def finish_job(self):
        current, self.current = self.current, None
        body, job = current["text"][0], current["job"]
        if job in BLOCK_BYTES and '"jobs"' in body:
            # fio prints notes in front of the JSON
            rows = [fio_row(self.system, job, current["counters"], body[body.index("{"):])]
        else:
            rows = plain_rows(self.system, current["counters"], body.strip())
        if len(current["text"]) > 1:
            add_stat(rows, current["text"][1])
        for row in rows:
            self.rows.append(row)
            self.on_row(row)

    def finish_sum(self, job, said):
        row = self.rows[-1]
        if row["job"] != job:
            raise RecordError(f"checksum of {job} after {row['job']}")
        row["verified"] = said["sha256"] == expected_sum(job, said["tag"], int(said["bytes"]))


class Clock:
    """Progress lines begin with the time since the start."""

    def __init__(self):
        self.start = time.monotonic()

    def say(self, text):
        seconds = int(time.monotonic() - self.start)
        print(f"[{seconds // 60:2d}:{seconds % 60:02d}] {text}", flush=True)


def write_json(path, rows):
    """One row a line, by rename: a reader never sees half of it."""
    with open(path + ".new", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    os.rename(path + ".new", path)
