# shellcheck shell=bash
# Nodes as namespaces of the machine that the case runs in.

node_in() {
	local pid
	# What ns-exec does, without a second bash: starting one takes 0.4 s on the debug kernel.
	read -r pid <"/run/csvfs-nodes/$1"
	shift
	nsenter --target "$pid" --net --mount --uts -- "$@"
}

on_each_kernel() { "$@"; }

kill_node() { fail "kill_node: namespace nodes share a machine; the case needs '# topology: vm'"; }

restart_node() { fail "restart_node: namespace nodes share a machine; the case needs '# topology: vm'"; }

revive_nodes() { :; }

dmesg_mark() { /lab/guest/dmesg-check.sh mark; }

dmesg_check() { /lab/guest/dmesg-check.sh no-leaks; }
