# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 180
# Space comes back: what was allocated behind the end of a file when its last user closes it, and all blocks of a file when
# its last name goes, although another node still remembers layouts of it; while it is open somewhere it stays.

cluster_up
used() { node 1 bash -c 'sync -f /csv/data; df --output=used -B 64k /csv/data | tail -n 1' | tr -d ' '; }
little() { [ "$(used)" -lt $((start + $1)) ]; }

start=$(used)
note "40 files of one block, written directly, and read by another node before they are closed"
node 2 rm -f /tmp/written /tmp/read
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -ec 'mkdir /csv/data/small; cd /csv/data/small
	for i in {1..40}; do exec {fd}>$i; dd if=/dev/zero of=$i bs=4k count=1 oflag=direct status=none; done
	touch /tmp/written; until [ -e /tmp/read ]; do sleep 0.2; done' &
writer=$!
wait_for 30 node 2 test -e /tmp/written
assert node 3 bash -ec 'cd /csv/data/small; for i in {1..40}; do dd if=$i of=/dev/null bs=4k iflag=direct status=none; done'
assert node 2 touch /tmp/read
assert wait $writer
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

note "a log that was written directly before it is appended to"
assert node 2 dd if=/dev/zero of=/csv/data/log bs=1M count=8 oflag=direct status=none
for n in 2 3; do assert node $n bash -ec 'for i in {1..5}; do echo line >>/csv/data/log; done'; done
blocks() { [ "$(node 1 stat -c %b /csv/data/log)" -lt $((8 * 2048 + 256)) ]; }
wait_for 20 blocks

note "quotas stay in force"
for n in $(nodes); do umount_csv "$n"; done
assert volume_offline
assert node 1 bash -ec 'mkdir -p /mnt/lower; mount -o uquota "$1" /mnt/lower; mkdir -m 777 /mnt/lower/home
	xfs_quota -x -c "limit bhard=4m 1000" /mnt/lower; umount /mnt/lower' quota "$(disk 1 1)"
assert volume_online
mount_csv 1 2
for n in 1 2; do assert node "$n" chmod 755 /csv; done
as() { node "$1" setpriv --reuid 1000 --regid 1000 --clear-groups bash -c "$2"; }
room() { as "$1" ": >/csv/data/home/$2"; }
for n in 1 2; do
	# what was removed is not counted for ever
	wait_for 20 room $n $n
	if as $n "dd if=/dev/zero of=/csv/data/home/$n bs=64k count=128 oflag=direct" 2>said; then fail "node $n: no quota"; fi
	grep -q 'quota exceeded' said || fail "node $n: $(cat said)"
	[ "$(node 1 bash -c 'du -s -B 1M /csv/data/home | cut -f 1')" -le 4 ] || fail "node $n: more than the quota"
	assert node $n rm /csv/data/home/$n
done
wait_for 20 room 2 fits
assert as 2 'dd if=/dev/zero of=/csv/data/home/fits bs=64k count=48 oflag=direct status=none'
for n in 1 2; do umount_csv "$n"; done
assert volume_offline
assert node 1 mount -o uquota "$(disk 1 1)" /mnt/lower
[[ $(node 1 xfs_quota -x -c 'quota -N -b 1000' /mnt/lower) == *4096* ]] || fail "the limit is gone: $(node 1 xfs_quota -x -c 'report -n' /mnt/lower)"
assert node 1 umount /mnt/lower
