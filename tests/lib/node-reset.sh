#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# node-reset.sh NODE PHASE: what a case left on this node goes away. The phases, each on all nodes in turn:
#   umount     mounts end, and the paths are healed
#   offline    volumes are taken off line
#   settled    this node knows that nobody uses a volume any more
#   leave      the table goes away
# Few processes are started: on the debug kernel each takes 0.2 s, and this runs around every case.
set -euo pipefail

# Healed first: an unmount writes. A path that is whole is left alone.
heal() { # NODE
	local name rest
	while read -r name rest; do
		name=${name%:}
		[[ $name != "n$1-vol"* || $rest == *linear* ]] || /lab/guest/disks.sh heal "$1" "${name##*-vol}"
	done <<<"$(dmsetup table)"
}

unmount() {
	local dir type dirs=()
	while read -r _ dir type _; do
		# deepest first
		if [[ $type = csvfs || $dir == /mnt/* ]]; then dirs=("$dir" ${dirs[@]+"${dirs[@]}"}); fi
	done </proc/self/mounts
	for dir in ${dirs[@]+"${dirs[@]}"}; do
		umount "$dir" || { echo "node-reset: $dir stays mounted" >&2; exit 1; }
	done
}

offline() {
	local line volume='' said
	said=$(csvctl volume show)
	while IFS= read -r line; do
		if [[ $line != ' '* ]]; then
			volume=${line%% *}
		elif [[ $line == *' local online' ]]; then
			csvctl volume offline "$volume" || { echo "node-reset: $volume stays on line" >&2; exit 1; }
		fi
	done <<<"$said"
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
	local said
	said=$(csvctl cluster export)
	[[ $said =~ (^|$'\n')(cluster [^ $'\n']+) ]] || return 0
	csvctl cluster apply - <<<"${BASH_REMATCH[2]}"
}

case $2 in
umount)
	heal "$1"
	unmount
	;;
offline | settled | leave)
	[ ! -e /sys/module/csvfs ] || "$2"
	;;
*) exit 2 ;;
esac
