#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""replay.py RECORD IMAGE FROM MARK: apply a record of dm-log-writes to an image, up to a mark.

The record has a write when the flush that made it stable has: what is applied is what a disk with a volatile cache has
after a loss of power at that mark, in the worst case. FROM is where an earlier call ended, 0 at first; where this one
ends is printed. The layout is that of drivers/md/dm-log-writes.c.
"""
import struct
import sys

SECTOR = 512
MAGIC = 0x6a736677736872
DISCARD, MARK = 1 << 2, 1 << 3


def replay(record, image, entry, mark):
    record.seek(0)
    magic, _, entries, size = struct.unpack("<QQQI", record.read(28))
    if magic != MAGIC:
        sys.exit("replay: not a record")
    number, offset = (int(word) for word in entry.split(":")) if entry != "0" else (0, size)
    while number < entries:
        record.seek(offset)
        head = record.read(size)
        sector, sectors, flags, length = struct.unpack_from("<QQQQ", head)
        number, offset = number + 1, offset + size
        if flags & MARK:
            if head[32:32 + length].rstrip(b"\0").decode() == mark:
                return f"{number}:{offset}"
            continue
        if flags & DISCARD:
            continue  # a disk need not heed it
        data = record.read(sectors * size)
        offset += sectors * size
        image.seek(sector * SECTOR)
        if data.count(0) == len(data) and image.read(len(data)) == data:
            continue  # the image stays sparse
        image.seek(sector * SECTOR)
        image.write(data)
    sys.exit(f"replay: no mark {mark} in {entries} entries")


if len(sys.argv) != 5:
    sys.exit(__doc__)
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "r+b") as target:
    print(replay(source, target, sys.argv[3], sys.argv[4]))
