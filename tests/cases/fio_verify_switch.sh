# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns vm
# timeout: 240
# Routes and accesses change, and the node's path to the disk fails, under fio with verification, through io_uring, libaio
# and psync at once, and nothing fails.

cluster_up
{
	printf '%s\n' '[global]' directory=/csv/data thread rw=randrw size=1m io_size=4m verify=crc32c verify_fatal=1 verify_backlog=32
	for engine in io_uring libaio psync; do
		printf '%s\n' "[$engine]" "ioengine=$engine" direct=1 iodepth=8 bs=4k fsync=64
	done
	printf '%s\n' '[buffered]' ioengine=psync bsrange=1k-64k
} | node_in 2 tee /tmp/jobs >/dev/null
assert node 2 rm -f /tmp/stop
# Again and again, until all has been switched.
node 2 bash -ec 'until [ -e /tmp/stop ]; do fio --output=/tmp/fio.log /tmp/jobs || { cat /tmp/fio.log; exit 1; }; done' &
job=$!

# Reads and writes of node 2 so far that went by this route.
by_route() { csvctl_on 2 stat show data | awk -v route="$1" '$1 == route && /READ|WRITE/ { sum += $3 } END { print sum + 0 }'; }

before=0
more_by() {
	kill -0 $job 2>/dev/null || fail "fio ended"
	[ "$(by_route "$1")" -gt "$before" ]
}

rounds=$(ops 2)
for ((round = 0; round < rounds; round++)); do
	for way in block file direct; do
		before=$(by_route $way)
		route 2 $way
		wait_for 30 more_by $way
	done
	for access in block file none direct; do
		way=$access
		[ $access != none ] || way=direct
		before=$(by_route $way)
		set_access 2 $access
		if [ $access = none ]; then sleep 1; else wait_for 30 more_by $way; fi
	done
	before=$(by_route block)
	fail_path 2 1
	wait_for 30 more_by block
	csvctl_on 2 volume show data | grep -q no-disk || fail "no reason: $(csvctl_on 2 volume show data)"
	before=$(by_route direct)
	heal_path 2 1
	wait_for 30 more_by direct
done
assert node 2 touch /tmp/stop
assert wait $job
