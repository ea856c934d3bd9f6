#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The part of the benchmarks that runs on the cluster: in the one machine of the namespace topology by virtual time, on
# the host of three machines by the wall clock. report.py reads what it prints.
#   cluster.sh measure REPEATS QUICK(yes|no)
#   cluster.sh profile ROUTE JOB              perf's view of one warm csvfs job, instead
#
# Volume 1 is csvfs's, volume 2 has XFS for itself and for NFS, volume 3 is a bare disk for the block protocols: so
# systems can take turns. Node 2 is measured (local XFS and csvfs at the coordinator: node 1).
#
# First pass: every job on a mount of its own, that holds nothing yet. Warm pass: the same jobs again on one mount, after
# the whole file was read and written once.
set -eEuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"

bench=${share:?}/tests/bench/node.sh
data_jobs=(randread-4k-qd1 randwrite-4k-qd1 randread-4k-qd16 randwrite-4k-qd16 read-1m write-1m)
mib=192 # a layout covers 64
sizes() { # QUICK
	# By virtual time jobs are long beside what happens every second (keepalives), and beside fio's milliseconds.
	case $TOPOLOGY$1 in
	nsno) ms=1500 qd1=20000 qd16=0 seq=1000 meta=3000 ;;
	nsyes) ms=200 qd1=2000 qd16=0 seq=100 meta=300 ;;
	vmno) ms=0 qd1=300 qd16=1000 seq=24 meta=60 ;;
	vmyes) ms=0 qd1=100 qd16=300 seq=8 meta=20 ;;
	esac
}

trap 'echo "# failed with exit status $?: $BASH_COMMAND ($(basename "${BASH_SOURCE[0]}"):$LINENO)"' ERR

# By virtual time node 1 and node 2 are joined by a cable of their own: a bridge would add its instructions.
address() { if [ "$TOPOLOGY" = ns ]; then echo "10.78.0.$1"; else echo "10.77.0.$1"; fi; }
iface=eth0 settle=0
if [ "$TOPOLOGY" = ns ]; then
	iface=direct0 settle=1
	node_addr() { if [ "$1" -le 2 ]; then address "$1"; else echo "10.77.0.$1"; fi; }
	ip link add $iface netns n1 type veth peer name $iface netns n2
	for n in 1 2; do
		ip -n n$n addr add "$(address $n)/24" dev $iface
		ip -n n$n link set $iface up mtu 1500
	done
fi

# run_jobs NODE KEY=VALUE... JOB...
run_jobs() {
	local n=$1
	shift
	node "$n" "$bench" job "settle=$settle" "iface=$iface" "mib=$mib" "ms=$ms" "qd1=$qd1" "qd16=$qd16" "seq=$seq" \
		"meta=$meta" meta_ops=phases "$@"
}

# both_passes SYSTEM ROUTE NODE FRESH KEY=VALUE... -- JOB...: FRESH is a command that leaves a mount that holds nothing.
both_passes() {
	local system=$1 route=$2 n=$3 fresh=$4 job keys=()
	shift 4
	while [ "$1" != -- ]; do keys+=("$1") && shift; done
	shift
	echo "# $system${route:+, $route}: first pass"
	echo "@system system=$system route=$route node=$n pass=first"
	for job in "$@"; do
		$fresh
		run_jobs "$n" "${keys[@]}" "$job"
	done
	echo "# $system${route:+, $route}: warm pass"
	$fresh
	run_jobs "$n" "${keys[@]}" ms=0 seq=$mib read-1m write-1m >/dev/null
	echo "@system system=$system route=$route node=$n pass=warm"
	run_jobs "$n" "${keys[@]}" "$@"
}

xfs_fresh() {
	node 1 "$bench" xfs-down /mnt/xfs
	node 1 mount -t xfs "$(disk 1 2)" /mnt/xfs
}

run_xfs() {
	both_passes xfs '' 1 xfs_fresh target=/mnt/xfs/file fstype=xfs "disk=$(disk 1 2)" -- "${data_jobs[@]}" meta
}

nfs_fresh() {
	if node 2 findmnt -n /mnt/nfs >/dev/null; then node 2 "$bench" nfs-umount /mnt/nfs; fi
	node 2 "$bench" nfs-mount "$(address 1)" /mnt/nfs
}

run_nfs() { # nfs|pnfs [EXPORT-OPTION]
	node 1 "$bench" nfs-serve /mnt/xfs "${@:2}"
	both_passes "$1" '' 2 nfs_fresh target=/mnt/nfs/file fstype=nfs4 "disk=$(disk 2 2)" -- "${data_jobs[@]}" meta
	node 2 "$bench" nfs-umount /mnt/nfs
	node 1 "$bench" nfs-stop
}

run_block() { # nvme|nbd
	local dev
	node 1 "$bench" "$1-serve" "$(disk 1 3)" "$(address 1)"
	dev=$(node 2 "$bench" "$1-connect" "$(address 1)")
	both_passes "$1" '' 2 true "target=$dev" fstype=block -- "${data_jobs[@]}"
	node 2 "$bench" "$1-disconnect"
	node 1 "$bench" "$1-stop"
}

iface_bytes() { # NODE
	# shellcheck disable=SC2016 # expanded on the node
	node "$1" bash -c 'cd "/sys/class/net/$1/statistics"; echo $(($(<rx_bytes) + $(<tx_bytes)))' bytes "$iface"
}

exchange() { # JOB ASK REPLY COUNT
	local before said
	node 1 "$bench" tcp serve "$(address 1)" 7799 &
	node 1 "$bench" wait-port 7799
	node 1 sleep 2
	before=$(iface_bytes 2)
	said=$(node 2 "$bench" tcp call "$(address 1)" 7799 "$@")
	echo "@job $1 net=$(($(iface_bytes 2) - before)) disk=0"
	echo "$said"
	echo "@end"
	wait $!
}

run_tcp() {
	echo "# a bare TCP exchange"
	echo "@system system=tcp route= node=2 pass=warm"
	exchange message-64 64 64 "$qd1"
	exchange randread-4k-qd1 64 4160 "$qd1"
	exchange randwrite-4k-qd1 4160 64 "$qd1"
	exchange read-1m 64 1048640 "$seq"
	exchange write-1m 1048640 64 "$seq"
}

csvfs_fresh() {
	umount_csv "$measured"
	mount_csv "$measured"
}

run_csvfs() { # ROUTE
	measured=2
	[ "$1" != local ] || measured=1
	[ "$1" = local ] || route 2 "$1"
	both_passes csvfs "$1" $measured csvfs_fresh target=/csv/data/file fstype=csvfs "disk=$(disk $measured 1)" stat=data \
		-- "${data_jobs[@]}" meta
	[ "$1" = local ] || route 2 direct
}

measure() { # REPEATS QUICK
	local repeat way
	sizes "$2"
	echo "# disks: csvfs, XFS, bare"
	cluster_up direct direct
	node 2 "$bench" layout /csv/data/file $mib
	node 1 "$bench" xfs-up "$(disk 1 2)" /mnt/xfs
	node 1 "$bench" layout /mnt/xfs/file $mib
	node 1 "$bench" layout "$(disk 1 3)" $mib
	if [ "$TOPOLOGY" = vm ]; then node 2 "$bench" pnfs-up; fi

	for ((repeat = 1; repeat <= $1; repeat++)); do
		[ "$1" = 1 ] || echo "# turn $repeat of $1"
		run_xfs
		for way in local direct block file; do run_csvfs $way; done
		run_nfs nfs
		if [ "$TOPOLOGY" = vm ]; then run_nfs pnfs pnfs; fi
		run_block nvme
		run_block nbd
		run_tcp
	done
	echo "@done"
}

# The whole machine is sampled, both ends. The job is long, so that the start of its program is little beside it.
profile() { # ROUTE JOB
	local n=2 data=/tmp/perf.data show=(perf report -i /tmp/perf.data --stdio -g none)
	case $1$2 in
	local*-4k-* | direct*-4k-*) qd1=60000 qd16=60000 ;;
	*) qd1=8000 qd16=8000 ;;
	esac
	ms=0 seq=400 meta=2000
	if [ "$1" = local ]; then n=1; fi
	cluster_up direct direct
	node 2 "$bench" layout /csv/data/file $mib
	if [ "$1" != local ]; then route 2 "$1"; fi
	set -- "target=/csv/data/file" fstype=csvfs "$2"
	run_jobs $n "$@" >/tmp/warm.out
	perf record -q -a -e cpu-clock -F 20000 -g -o $data -- \
		nsenter --target "$(</run/csvfs-nodes/$n)" --net --mount --uts -- "$bench" job "iface=$iface" "mib=$mib" "qd1=$qd1" \
		"qd16=$qd16" "seq=$seq" "meta=$meta" meta_ops=phases "$@" >/tmp/job.json
	echo "== instructions by thread"
	"${show[@]}" --no-children --sort comm --percent-limit 1 2>/dev/null | grep -vE '^#|^$'
	echo "== by module"
	"${show[@]}" --no-children --sort dso --percent-limit 1 2>/dev/null | grep -vE '^#|^$'
	echo "== by function, itself"
	"${show[@]}" --no-children --sort sym --percent-limit 0.6 2>/dev/null | grep -vE '^#|^$'
	echo "== by function, with all that it calls: children, self"
	"${show[@]}" --children --sort sym --percent-limit 2 2>/dev/null | grep -vE '^#|^$|\] 0x'
}

"$@"
