# shellcheck shell=bash
# What a case may use. The same body runs in two places: inside the one machine of the namespace topology, and on the host
# of the machines of the vm topology; only node() and its kin know the difference.
#
#   nodes                      1 2 3                NODES, VOLUMES, TOPOLOGY (ns|vm): variables
#   node N CMD...              run CMD on node N, as it is (no shell in between); its exit status
#   node_in N CMD...           the same with our stdin
#   on_each_kernel CMD...      once per running kernel: once in ns, on every node in vm
#   node_addr N [4|6]          address of node N
#   disk N VOL                 device of volume VOL as node N sees it
#   fail_path N VOL, heal_path N VOL     only node N's path to the disk answers with errors
#   kill_node N, restart_node N          power cut (vm only: a case for both topologies must not use it)
#   make_xfs VOL, volume_uuid VOL
#   dmesg_mark N, dmesg_check N          the runner does both around every case
#   assert CMD..., assert_eq A B [WHAT], wait_for SECONDS CMD..., fail MESSAGE, skip REASON, note TEXT
#   and csvfs.sh: load_csvfs, unload_csvfs, write_table, cluster_up, cluster_down, cluster_reset

lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${TOPOLOGY:?ns or vm}" "${NODES:=3}" "${VOLUMES:=2}"
SKIP_STATUS=77

note() { printf '# %3d s: %s\n' $SECONDS "$*"; }

fail() {
	printf 'FAIL: %s (%s)\n' "$*" "$(where)" >&2
	exit 1
}

skip() {
	printf 'SKIP: %s\n' "$*"
	exit $SKIP_STATUS
}

# file:line of the case (not of this library) that we are called from
where() {
	local i
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		case ${BASH_SOURCE[i]} in "$lib"/*) ;; *) break ;; esac
	done
	echo "$(basename "${BASH_SOURCE[i]:-?}"):${BASH_LINENO[i - 1]}"
}

assert() { "$@" || fail "assert: exit status $? of: $*"; }

assert_eq() { [ "$1" = "$2" ] || fail "${3:-assert_eq}: '$1' is not '$2'"; }

# On the debug kernel everything takes its time, as in the runner.
wait_for() {
	local end=$((SECONDS + $1))
	[ "${KERNEL:-stock}" = stock ] || end=$((SECONDS + 3 * $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "waited in vain for: $*"
		sleep 0.2
	done
}

nodes() { # without a process
	local n
	for ((n = 1; n <= NODES; n++)); do printf '%d ' "$n"; done
}

node_addr() {
	case ${2:-4} in
	4) echo "10.77.0.$1" ;;
	6) echo "fd77::$1" ;;
	esac
}

# shellcheck source=tests/lib/ns.sh
# shellcheck source=tests/lib/vm.sh
. "$lib/$TOPOLOGY.sh"

node() { node_in "$@" </dev/null; }

disk() { echo "/dev/mapper/n$1-vol$2"; }

fail_path() { assert node "$1" /lab/guest/disks.sh fail "$1" "$2"; }

heal_path() { assert node "$1" /lab/guest/disks.sh heal "$1" "$2"; }

make_xfs() { assert node 1 mkfs.xfs -q -f "$(disk 1 "$1")"; }

volume_uuid() { node 1 blkid -p -s UUID -o value "$(disk 1 "$1")"; }

# shellcheck source=tests/lib/csvfs.sh
. "$lib/csvfs.sh"
