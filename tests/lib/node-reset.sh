#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# node-reset.sh NODE VOLUMES PHASE: what a case left on this node goes away. The phases, each on all nodes in turn:
#   umount     mounts end, and the paths are healed
#   offline    volumes are taken off line
#   settled    this node knows that nobody uses a volume any more
#   leave      the table goes away
set -euo pipefail

offline() {
	local volume
	csvctl volume show | awk '/^[^ ]/ { name = $1 } / local online$/ { print name }' | while IFS= read -r volume; do
		csvctl volume offline "$volume" || { echo "node-reset: $volume stays on line" >&2; exit 1; }
	done
}

settled() {
	local try
	for ((try = 0; try < 100; try++)); do
		[[ $(csvctl volume show) =~ \ (online|mounted)(\ |$'\n'|$) ]] || return 0
		sleep 0.1
	done
	echo "node-reset: a volume stays in use" >&2
	csvctl volume show >&2
	return 1
}

# A table without a single node, so that nothing refers to anything.
leave() {
	local cluster
	cluster=$(csvctl cluster export | awk '$1 == "cluster" { print $2; exit }')
	[ -z "$cluster" ] || echo "cluster $cluster" | csvctl cluster apply -
}

case $3 in
offline | settled | leave)
	[ ! -e /sys/module/csvfs ] || "$3"
	exit
	;;
umount) ;;
*) exit 2 ;;
esac

# Healed first: an unmount writes. A path that is whole is left alone.
for ((volume = 1; volume <= $2; volume++)); do
	case $(dmsetup table "n$1-vol$volume") in
	*linear*) ;;
	*) /lab/guest/disks.sh heal "$1" "$volume" ;;
	esac
done
# deepest first
awk '$3 == "csvfs" || $2 ~ "^/mnt/" { print $2 }' /proc/self/mounts | tac | while IFS= read -r dir; do
	umount "$dir" || { echo "node-reset: $dir stays mounted" >&2; exit 1; }
done
