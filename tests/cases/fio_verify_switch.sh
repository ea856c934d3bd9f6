# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# kernel: stock
# timeout: 240
# Routes and accesses change under fio with verification, through io_uring, libaio and psync at once, and nothing fails.

cluster_up
{
	printf '%s\n' '[global]' directory=/csv/data thread rw=randrw size=2m time_based runtime=40 verify=crc32c verify_fatal=1 \
		verify_backlog=32
	for engine in io_uring libaio psync; do
		printf '%s\n' "[$engine]" "ioengine=$engine" direct=1 iodepth=8 bs=4k fsync=64
	done
	printf '%s\n' '[buffered]' ioengine=psync bsrange=1k-64k
} | node_in 2 fio --output=fio.log - &
job=$!

switches=0 end=$((SECONDS + 30))
while [ $SECONDS -lt $end ]; do
	for way in block file off; do
		redirect 2 $way
		sleep 1
	done
	for access in block file none direct; do
		set_access 2 $access
		sleep 1
	done
	switches=$((switches + 7))
done
assert wait $job
note "$switches switches"
[ $switches -ge 7 ] || fail "only $switches switches"
for way in direct block file; do
	csvctl_on 2 stat show data | grep -qE "^ +$way +.*(READ|read|direct)" || fail "nothing went by $way"
done
