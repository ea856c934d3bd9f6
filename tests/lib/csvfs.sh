# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The cluster's life: module, ownership table, volumes on line and off. Sourced by lib.sh.
#
#   cluster_up [ACCESS-OF-2 [ACCESS-OF-3]]  one XFS volume "data", on line at node 1, mounted everywhere at /csv/data
#   cluster_prepare [ACCESS...]             the same without on line and mount
#   cluster_down, cluster_reset
#   prepare_node N                          table, identity and key, also of a machine that was booted again
#   volume_online [N], volume_offline [N], mount_csv N..., umount_csv N...
#   set_access N MODE                       direct, block, file or none: the new table on every node
#   redirect N file|block|off               the administrator's redirection, on this node
#   route N ROUTE                           node N's data by this route from now on (local: only the coordinator)
#   move_volume FROM TO                     cold: off line, a table with another owner and epoch + 1, on line
#   csvctl_on N ARGS...
#   net_bytes N, disk_bytes N               since boot, of the interface and of node N's path to volume 1
#   stat_bytes N                            "NETWORK DISK", what csvctl stat says of the same since "stat reset"
#   write_table                             what the table is now; TRANSPORT, DIGEST, FAMILY (4, 6, or both), table_* are what it is made of
#   ops N                                   N, or a quarter of it on the debug kernel, for loops that prove by their number
#   root_of N                               ns only: node N's root directory as everybody in the machine sees it

share=/lab/csvfs # as the machines see it

table_uuid='' table_owner=1 table_epoch=1 table_type=xfs
declare -A table_access=() # by node

ops() { if [ "${KERNEL:-stock}" = debug ]; then echo $((($1 + 3) / 4)); else echo "$1"; fi; }

load_csvfs() { assert on_each_kernel "$share/tests/lib/module.sh" load; }

unload_csvfs() { assert on_each_kernel "$share/tests/lib/module.sh" unload; }

csvctl_on() {
	local n=$1
	shift
	node "$n" csvctl "$@"
}

write_table() {
	local n family addrs
	echo "cluster lab transport ${TRANSPORT:-tcp} digest ${DIGEST:-off}"
	for n in $(nodes); do
		addrs=()
		for family in ${FAMILY:-4}; do addrs+=("$(node_addr "$n" "$family")"); done
		(IFS=, && echo "node n$n id $n address ${addrs[*]}")
	done
	[ -n "$table_uuid" ] || return 0
	echo "volume data uuid $table_uuid device $(disk "$table_owner" 1) type $table_type" \
		"owner n$table_owner epoch $table_epoch"
	for n in $(nodes); do
		echo "access data n$n ${table_access[$n]:-direct} device $(disk "$n" 1)"
	done
}

# The table in force on these nodes (all, if none is named).
apply_table() {
	local n table
	# shellcheck disable=SC2046 # numbers
	[ $# -gt 0 ] || set -- $(nodes)
	table=$(write_table)
	for n in "$@"; do node_in "$n" csvctl cluster apply - <<<"$table" || return; done
}

# Table, identity and key on every node; no volume is on line yet.
cluster_prepare() {
	local n table
	load_csvfs
	table_owner=1 table_epoch=1
	table_access=([2]=${1:-direct} [3]=${2:-direct})
	case $table_type in
	xfs) make_xfs 1 ;;
	ext4) assert node 1 mkfs.ext4 -q -F "$(disk 1 1)" ;;
	esac
	table_uuid=$(volume_uuid 1)
	table=$(write_table)
	for n in $(nodes); do prepare_node "$n" "$table"; done
}

# The table, and who and how secret the node is; the module is loaded.
prepare_node() { # N [TABLE]
	local table=${2:-$(write_table)}
	# shellcheck disable=SC2016 # expanded on the node
	assert node_in "$1" bash -ec 'umask 077
		mkdir -p /etc/csvfs /csv/data
		cat >/etc/csvfs/table
		echo 0123456789abcdef0123456789abcdef >/etc/csvfs/key
		csvctl -batch - <<<"cluster apply /etc/csvfs/table
			node set $1 local key-file /etc/csvfs/key"' prepare "n$1" <<<"$table"
}

volume_online() { csvctl_on "${1:-$table_owner}" volume online data; }

volume_offline() { csvctl_on "${1:-$table_owner}" volume offline data; }

mount_csv() {
	local n
	for n in "$@"; do assert node "$n" mount -t csvfs data /csv/data; done
}

umount_csv() {
	local n
	for n in "$@"; do assert node "$n" umount /csv/data; done
}

connected() {
	local up
	up=$(csvctl_on "$1" -j node show | grep -o '"connected": *true' | wc -l)
	[ "$up" = $((NODES - 1)) ]
}

# cluster_up: module loaded, table in force on every node, volume on line and mounted.
cluster_up() {
	local n
	cluster_prepare "$@"
	assert volume_online
	for n in $(nodes); do
		[ "${table_access[$n]:-direct}" = none ] || mount_csv "$n"
	done
}

# cluster_down: unmounted, off line, no table; the module stays, so that kmemleak can name what it leaked.
cluster_down() {
	local n phase
	# A mount gives back to the coordinator what it held, so that all of them end before the first volume does. And no
	# node leaves the table before the others have heard that it uses nothing any more.
	for phase in umount offline settled leave; do
		if [ $phase != umount ] && on_each_kernel test ! -e /sys/module/csvfs; then break; fi
		for n in $(nodes); do
			assert node "$n" "$share/tests/lib/node-reset.sh" "$n" $phase
		done
	done
}

# The state that every case starts from: nothing mounted, no module, whole paths, blank disks.
cluster_reset() {
	local volume
	revive_nodes
	left_clean || cluster_down
	unload_csvfs
	for ((volume = 1; volume <= VOLUMES; volume++)); do
		# Also the next megabytes: XFS looks for other signatures, and a case may look at "its" zeroes.
		assert node 1 dd if=/dev/zero of="$(disk 1 "$volume")" bs=1M count=4 oflag=direct status=none
	done
}

set_access() {
	table_access[$1]=$2
	assert apply_table
}

redirect() { assert csvctl_on "$1" volume redirect data "$2"; }

route() {
	case $2 in
	direct | local) redirect "$1" off ;;
	block | file) redirect "$1" "$2" ;;
	*) fail "route: no route $2" ;;
	esac
}

move_volume() {
	assert volume_offline "$1"
	table_owner=$2 table_epoch=$((table_epoch + 1))
	table_access[$2]=direct
	assert apply_table
	assert volume_online "$2"
}

net_bytes() {
	# shellcheck disable=SC2016 # expanded on the node
	node "$1" bash -c 'cd /sys/class/net/eth0/statistics; echo $(($(<rx_bytes) + $(<tx_bytes)))'
}

# Sectors are of 512 bytes here, whatever the disk's are.
disk_bytes() {
	# shellcheck disable=SC2016 # expanded on the node
	node "$1" bash -c 'id=$(dmsetup info -c --noheadings --separator : -o major,minor "$1")
		read -r _ _ in _ _ _ out _ <"/sys/dev/block/$id/stat"
		echo $(((in + out) * 512))' disk "$(disk "$1" 1)"
}

stat_bytes() {
	local said name number words=0 net=0 disk=0
	said=$(csvctl_on "$1" -j stat show data)
	while [[ $said =~ \"(wire|disk)_(sent|received|read|written)\":\ *([0-9]+) ]]; do
		name=${BASH_REMATCH[1]} number=${BASH_REMATCH[3]} words=$((words + 1))
		if [ "$name" = wire ]; then net=$((net + number)); else disk=$((disk + number)); fi
		said=${said#*"${BASH_REMATCH[0]}"}
	done
	[ $words = 4 ] || fail "stat_bytes: $words numbers of csvctl stat, not 4"
	echo "$net $disk"
}

root_of() {
	local pid
	read -r pid <"/run/csvfs-nodes/$1"
	echo "/proc/$pid/root"
}
