#!/bin/bash
# Complaints of the kernel since the last mark.
#   dmesg-check.sh mark        forget what is in the log (and in kmemleak) by now
#   dmesg-check.sh check       print complaints and leaks of csvfs, exit 1 if there are any
#   dmesg-check.sh no-leaks    the same without the scan for leaks, which takes seconds
#   dmesg-check.sh filter      print complaints in the log on stdin (the serial log of a dead machine)
set -euo pipefail

mark='csvfs-lab: the log is clean up to here'
leaks=/sys/kernel/debug/kmemleak
complaint='BUG:|WARNING:|Oops|KASAN|UBSAN|KFENCE|INFO: task|INFO: trying to register|possible .*(deadlock|recursive)'
complaint+='|possible irq lock inversion|inconsistent lock|suspicious RCU|held lock freed|lock held when returning'
complaint+='|refcount_t|rcu: INFO|RCU stall|self-detected stall|Kernel panic|general protection|unable to handle'
complaint+='|XFS .*Internal error|unregister_netdevice: waiting|Objects remaining|list_(add|del) corruption|kernel tried to execute'
# An unsigned (13), out-of-tree (12) module and a KUnit run (18) are what we do here; any other taint is news.
expected_taint=$(((1 << 12) | (1 << 13) | (1 << 18)))

filter() {
	! grep -a -E "$complaint"
}

check_log() {
	dmesg | awk -v mark="$mark" 'index($0, mark) { n = 0; next } { line[n++] = $0 } END { for (i = 0; i < n; i++) print line[i] }' |
		filter
}

check_taint() {
	local taint=$(($(</proc/sys/kernel/tainted) & ~expected_taint))
	[ "$taint" = 0 ] || { echo "kernel tainted: $taint"; return 1; }
}

# An object counts when two scans find it unchanged and unreferenced, and it is at least 5 s old. After rmmod the
# addresses of a module have no name any more; csvfs and its tests are the only modules of the debug kernel.
check_leaks() {
	[ -e "$leaks" ] || return 0
	echo scan >"$leaks"
	sleep 5
	echo scan >"$leaks"
	awk '/^unreferenced object/ { show(); text = ""; ours = 0 }
	     { text = text $0 "\n" }
	     /\[csvfs|\] 0xffffffff[ac]/ { ours = 1 }
	     function show() { if (ours) { printf "%s", text; found = 1 } }
	     END { show(); exit found }' "$leaks"
}

case ${1:-check} in
mark)
	echo "<6>$mark" >/dev/kmsg
	[ ! -e "$leaks" ] || echo clear >"$leaks"
	;;
check | no-leaks)
	bad=0
	check_log || bad=1
	check_taint || bad=1
	[ "$1" = no-leaks ] || check_leaks || bad=1
	exit $bad
	;;
filter)
	filter
	;;
esac
