# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 120
# Space comes back: what was allocated behind the end of a file when its last user closes it, and all blocks of a file when
# its last name goes, although another node still remembers layouts of it; while it is open somewhere it stays.

cluster_up
used() { node 1 bash -c 'sync -f /csv/data; df --output=used -B 64k /csv/data | tail -n 1' | tr -d ' '; }
little() { [ "$(used)" -lt $((start + $1)) ]; }

start=$(used)
note "40 files of one block, written directly"
assert node 2 bash -ec 'mkdir /csv/data/small; cd /csv/data/small
	for i in {1..40}; do dd if=/dev/zero of=$i bs=4k count=1 oflag=direct status=none; done'
# 64 KiB each at most, and not a mebibyte
wait_for 20 little 45

note "files that node 2 and 3 have written, removed by node 1"
assert node 2 dd if=/dev/urandom of=/csv/data/a bs=1M count=32 oflag=direct status=none
assert node 3 dd if=/dev/urandom of=/csv/data/b bs=1M count=32 oflag=direct status=none
assert node 3 dd if=/csv/data/a of=/dev/null bs=1M iflag=direct status=none
[ "$(used)" -ge $((start + 1000)) ] || fail "$(used) used, $start before"
assert node 1 rm /csv/data/a
assert node 1 mv /csv/data/small/1 /csv/data/b # replaces it
wait_for 20 little 60

note "removed while it is open"
node 3 bash -ec 'exec 5<>/csv/data/open; dd if=/dev/zero of=/csv/data/open bs=1M count=16 oflag=direct conv=notrunc status=none
	touch /csv/data/is-open; until [ -e /csv/data/close ]; do sleep 0.2; done
	dd of=/proc/self/fd/5 if=/dev/zero bs=64k count=2 conv=notrunc status=none; head -c 1 /proc/self/fd/5 | wc -c' >said &
holder=$!
wait_for 20 node 2 test -e /csv/data/is-open
assert node 2 rm /csv/data/open
sleep 1
[ "$(used)" -ge $((start + 256)) ] || fail "an open file lost its blocks"
assert node 1 touch /csv/data/close
assert wait $holder
assert_eq "$(cat said)" 1 "the open file"
wait_for 20 little 60
