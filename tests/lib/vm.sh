# shellcheck shell=bash
# Nodes as machines; the case runs on the host.

LAB=${lib:?}/../lab/lab

node_in() {
	local n=$1
	shift
	"$LAB" run -i "$n" -- "$@"
}

on_each_kernel() {
	local n
	for n in $(nodes); do node "$n" "$@" || return; done
}

kill_node() { assert "$LAB" kill "$1"; }

restart_node() { assert "$LAB" restart "$1"; }

# Dead machines are booted again, for the next case.
revive_nodes() {
	local n
	for n in $(nodes); do
		node "$n" true || restart_node "$n"
	done
}

# Machines may have been booted again since.
left_clean() { false; }

leave_clean() { :; }

dmesg_mark() { "$LAB" dmesg-mark "$1"; }

dmesg_check() { "$LAB" dmesg-check --no-leaks "$1"; }
