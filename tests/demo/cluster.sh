#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The part of the demonstration that runs on the cluster. What it prints is for report.py: "# progress", and records that
# begin with "@"; the rest is noise.
set -eEuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"

bench=${share:?}/tests/bench/node.sh
coordinator=1 user=2 witness=3 # the disk's owner; the node that is measured; the one that reads what was written
jobs=(randread-4k-qd1 randwrite-4k-qd1 randread-4k-qd16 randwrite-4k-qd16 read-1m write-1m meta)
mib=64

trap 'echo "# failed with exit status $?: $BASH_COMMAND ($(basename "${BASH_SOURCE[0]}"):$LINENO)"' ERR

# measure SYSTEM ROUTE NODE TARGET FSTYPE [WITNESS-TARGET]: every job; with a witness, what a job wrote is read there
# before the next job writes.
measure() {
	local system=$1 route=$2 n=$3 target=$4 fstype=$5 seen=${6:-} job tag bytes args
	# Over the network it takes longer, so that fewer tell as much.
	local qd1=500 qd16=1500 seq=32 meta=100
	case $system$route in xfs | csvfslocal | csvfsdirect) qd1=2000 qd16=4000 seq=64 ;; esac
	args=("target=$target" "fstype=$fstype" "disk=$(disk "$n" 1)" "mib=$mib" "qd1=$qd1" "qd16=$qd16" "seq=$seq" "meta=$meta")
	[ "$system" != csvfs ] || args+=(stat=data)
	echo "@system system=$system route=$route node=$n"
	for job in "${jobs[@]}"; do
		tag=$(printf '%s %s %s' "$system" "$route" "$job" | md5sum | cut -c1-8)
		node "$n" "$bench" job "${args[@]}" "tag=$tag" "$job"
		case $job in
		randwrite-4k-qd1) bytes=$((qd1 * 4096)) ;;
		randwrite-4k-qd16) bytes=$((qd16 * 4096)) ;;
		write-1m) bytes=$((seq << 20)) ;;
		*) continue ;;
		esac
		[ -z "$seen" ] || echo "@sum $job tag=$tag bytes=$bytes sha256=$(node $witness "$bench" sum "$seen" 0 "$bytes")"
	done
}

echo "# local XFS on the shared disk, at node $coordinator"
node $coordinator "$bench" xfs-up "$(disk $coordinator 1)" /mnt/xfs
node $coordinator "$bench" layout /mnt/xfs/file $mib
measure xfs '' $coordinator /mnt/xfs/file xfs

echo "# NFSv4.2 from node $coordinator to node $user, the same disk and file"
node $coordinator "$bench" nfs-serve /mnt/xfs
node $user "$bench" nfs-mount "$(node_addr $coordinator)" /mnt/nfs
measure nfs '' $user /mnt/nfs/file nfs4
node $user "$bench" nfs-umount /mnt/nfs
node $coordinator "$bench" nfs-stop
node $coordinator "$bench" xfs-down /mnt/xfs

echo "# csvfs on the same disk: module, ownership table and key on three nodes, volume on line, mounted everywhere"
cluster_up direct direct
csvctl_on $user volume show data
node $user "$bench" layout /csv/data/file $mib
echo "# csvfs at the coordinator (node $coordinator)"
measure csvfs local $coordinator /csv/data/file csvfs /csv/data/file
for way in direct block file; do
	echo "# csvfs at node $user, route: $way"
	route $user $way
	measure csvfs $way $user /csv/data/file csvfs /csv/data/file
done
route $user direct
cluster_down
echo "@done"
