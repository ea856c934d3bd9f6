#!/bin/bash
# ns-up.sh VM NODES VOLUMES: make NODES cluster nodes n1..nN inside this one machine.
#
# A node is a network namespace (named, so `ip -n n1` works) with a mount and a UTS namespace of its own. The latter two
# live as long as a process in them: a sleeper, whose pid is in /run/csvfs-nodes/N. Enter a node with ns-exec.
set -euo pipefail
nodes=$2 volumes=$3

hostname lab
modprobe -a bridge veth
mkdir -p /run/csvfs-nodes
cp /lab/ns-exec /run

network() {
	local n
	echo "link add br0 type bridge stp_state 0 forward_delay 0"
	echo "link set br0 up"
	for ((n = 1; n <= nodes; n++)); do
		echo "netns add n$n"
		echo "link add veth$n type veth peer name eth0 netns n$n"
		echo "link set veth$n master br0 up"
	done
}

node_network() {
	echo "link set lo up"
	echo "link set eth0 up mtu 1500"
	echo "addr add 10.77.0.$1/24 dev eth0"
	echo "addr add fd77::$1/64 dev eth0 nodad"
}

network | ip -batch -
for ((n = 1; n <= nodes; n++)); do
	node_network "$n" | ip -n "n$n" -batch -
	# `ip netns exec` mounts the node's own /sys; the rest is private to the node here.
	# shellcheck disable=SC2016 # expanded by the inner shell
	ip netns exec "n$n" unshare --mount --uts --propagation private bash -c '
		set -e
		hostname "n$1"
		mount -t debugfs debugfs /sys/kernel/debug
		mount -t tmpfs mnt /mnt
		mount -t tmpfs csvfs /etc/csvfs
		echo 1 >/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down
		echo $$ >"/run/csvfs-nodes/$1.tmp"
		mv "/run/csvfs-nodes/$1.tmp" "/run/csvfs-nodes/$1"
		exec sleep infinity' node "$n" </dev/null >/dev/null 2>/dev/console &
done
/lab/guest/disks.sh create "$(seq -s ' ' "$nodes")" "$volumes"
for ((n = 1; n <= nodes; n++)); do
	for ((try = 0; try < 200; try++)); do
		[ -e "/run/csvfs-nodes/$n" ] && continue 2
		sleep 0.05
	done
	echo "ns-up: node $n did not come up" >&2
	exit 1
done
