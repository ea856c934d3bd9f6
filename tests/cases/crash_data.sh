# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: vm
# kernel: stock
# timeout: 420
# The coordinator dies under reads and writes of two other nodes, by every route, through io_uring, libaio and psync: they
# wait for it, no call fails, and what was acknowledged is there.

cluster_up
{
	printf '%s\n' '[global]' directory=/csv/data thread rw=randrw size=1m io_size=4m verify=crc32c verify_fatal=1 verify_backlog=32
	for engine in io_uring libaio psync; do
		printf '%s\n' "[$engine]" "ioengine=$engine" direct=1 iodepth=8 bsrange=4k-64k fsync=64
	done
	printf '%s\n' '[buffered]' ioengine=psync bsrange=1k-64k
} >fio.jobs
jobs=()
for n in 2 3; do
	assert node "$n" rm -f /tmp/stop /tmp/rounds
	assert node "$n" mkdir "/csv/data/node$n"
	sed "s|/csv/data|/csv/data/node$n|" fio.jobs | node_in "$n" tee /tmp/jobs >/dev/null
	# again and again, with files that grow anew
	node "$n" bash -ec 'until [ -e /tmp/stop ]; do rm -f '"/csv/data/node$n"'/*; fio --output=/tmp/fio.log /tmp/jobs ||
		{ cat /tmp/fio.log; exit 1; }; echo round >>/tmp/rounds; done' &
	jobs+=($!)
done
# a file that node 2 fills asynchronously while node 3 reads it: what is under way when the coordinator dies is told to the
# next one, who may have granted the blocks to the reader by then
assert node 2 fallocate -l 4M /csv/data/shared
node 2 bash -ec 'until [ -e /tmp/stop ]; do fallocate -z -l 4M /csv/data/shared; fio --name=shared --filename=/csv/data/shared --rw=randwrite \
	--bsrange=4k-64k --size=4m --io_size=4m --ioengine=libaio --iodepth=16 --direct=1 --fallocate=none --thread --output=/tmp/shared.log ||
	{ cat /tmp/shared.log; exit 1; }; done' &
jobs+=($!)
node 3 bash -ec 'until [ -e /tmp/stop ]; do dd if=/csv/data/shared of=/dev/null bs=64k iflag=direct status=none; done' &
jobs+=($!)
# what was acknowledged is kept outside of the machines
node 2 bash -ec 'for ((i = 0; ; i++)); do [ ! -e /tmp/stop ] || break; echo "$i" >>/csv/data/log; echo "$i"; done' >lines &
jobs+=($!)

rounds() { node "$1" bash -c 'cat /tmp/rounds 2>/dev/null | wc -l'; }

goes_on() { # NODE ROUNDS-BEFORE
	for job in "${jobs[@]}"; do kill -0 "$job" 2>/dev/null || fail "a job ended"; done
	[ "$(rounds "$1")" -gt "$2" ]
}

for way in direct block file; do
	route 3 $way
	for n in 2 3; do wait_for 90 goes_on "$n" "$(rounds "$n")"; done
	note "node 1 dies; node 3 goes by $way"
	kill_node 1
	sleep 1
	restart_node 1
	load_csvfs
	prepare_node 1
	assert volume_online
done
for n in 2 3; do wait_for 90 goes_on "$n" "$(rounds "$n")"; done
for n in 2 3; do assert node "$n" touch /tmp/stop; done
for job in "${jobs[@]}"; do assert wait "$job"; done

# a line in flight when the coordinator died may be there twice, but none that was acknowledged is missing
assert node 3 cat /csv/data/log >log
assert_eq "$(sort -u log | comm -13 - <(sort -u lines) | wc -l)" 0 "acknowledged lines that are not there"
twice=$(sort log | uniq -d | wc -l)
note "$(wc -l <lines) lines acknowledged, $twice of them twice"
[ "$twice" -le 3 ] || fail "$twice lines are there twice after 3 crashes"
umount_csv 2 3
assert volume_offline
node 1 xfs_repair -n "$(disk 1 1)" >repair 2>&1 || fail "xfs_repair: $(cat repair)"
