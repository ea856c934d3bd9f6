# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# kernel: debug
# timeout: 300
# Allocations fail, of applications on every route and of the coordinator's threads: calls fail, and nothing else does.

cluster_up direct block
slab=/sys/kernel/debug/failslab
assert node 1 bash -c 'for d in 1 2 3; do mkdir /csv/data/$d; done; head -c 1M /dev/urandom >/csv/data/kept'
sum=$(node 3 md5sum /csv/data/kept)

injecting() { # PROBABILITY
	echo Y >$slab/task-filter
	echo N >$slab/ignore-gfp-wait
	echo 0 >$slab/verbose
	echo -1 >$slab/times
	echo 1 >$slab/interval
	echo "$1" >$slab/probability
}

faults() { # NODE
	local said
	said=$(node "$1" csv_call faults "/csv/data/$1" 150 2>&1) || fail "node $1: $said"
	note "node $1: $said"
	[[ $said =~ ^[1-9][0-9]*\ done,\ [1-9] ]] || fail "node $1: nothing failed, or everything"
}

injecting 3
for n in $(nodes); do faults "$n"; done
route 2 file
faults 2
route 2 direct

note "the coordinator's threads, too"
threads=$(pgrep '^csv_(svc|log)')
for thread in $threads; do echo 1 >"/proc/$thread/make-it-fail"; done
for n in 2 3; do faults "$n"; done
for thread in $threads; do echo 0 >"/proc/$thread/make-it-fail"; done
injecting 0

assert_eq "$(node 2 md5sum /csv/data/kept)" "$sum"
assert node 3 rm -r /csv/data/1 /csv/data/2 /csv/data/3
assert_eq "$(node 1 ls /csv/data)" kept
cluster_down
assert node 1 xfs_repair -n "$(disk 1 1)" >repair 2>&1 || fail "xfs_repair: $(cat repair)"
