# shellcheck shell=bash
# Nodes as namespaces of the machine that the case runs in.

node_in() { /run/ns-exec "$@"; }

on_each_kernel() { "$@"; }

kill_node() { fail "kill_node: namespace nodes share a machine; the case needs '# topology: vm'"; }

restart_node() { fail "restart_node: namespace nodes share a machine; the case needs '# topology: vm'"; }

revive_nodes() { :; }

# Whether the last case here ended with cluster_down, which then need not be done again; forgets it.
left_clean() { rm /run/csvfs-clean 2>/dev/null; }

leave_clean() { : >/run/csvfs-clean; }

dmesg_mark() { /lab/guest/dmesg-check.sh mark; }

dmesg_check() { /lab/guest/dmesg-check.sh no-leaks; }
