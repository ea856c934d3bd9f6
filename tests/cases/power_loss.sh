# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 300
# The disk's volatile cache is lost: what was acknowledged as stable is there, by every route, with the very data; the file
# system is whole at every such moment. All that reaches the disk is recorded, and applied again up to the flushes.

share=/lab/csvfs
work=$PWD
marks=0

# Every step is done on the volume and beside it; then comes a mark, and what must be there from then on. Descriptor 3 is
# open before and after the mark: a close makes stable, too.
step() { # NODE FILE HOW SHELL-COMMAND
	# shellcheck disable=SC2016 # expanded on the node
	assert node "$1" bash -ec 'cd /csv/data; exec csv_call with "$1" "$2" bash -ec "$3"' step "$2" "$3" \
		"$4; /lab/guest/disks.sh mark m$marks"
	(cd "$work/beside" && eval "exec 3<>$2; $4")
	(cd "$work/beside" && find . -type f -exec md5sum {} + && find . -type d) | sort >"expect$marks"
	echo "node $1: $4" >"step$marks"
	marks=$((marks + 1))
}

# Steps that promise something when they return, with files of their own.
from='dd if=/tmp/pattern status=none conv=notrunc'
steps() { # NODE NAME
	note "steps of node $1: $2"
	step "$1" /dev/null create "mkdir $2; mv $2 $2.d; mkdir $2"
	step "$1" "$2/new" create "$from,fsync bs=64k count=4 oflag=direct >&3"
	# written blocks: the log has nothing of these but times
	step "$1" "$2/new" create "$from,fdatasync bs=4k count=8 skip=90 oflag=direct >&3"
	step "$1" "$2/new" dsync "$from bs=4k count=8 skip=100 oflag=direct >&3"
	step "$1" "$2/odd" create "$from,fsync bs=7777 count=5 >&3"
}

more_steps() { # NODE NAME
	step "$1" "$2/new" sync "$from bs=4000 count=5 skip=9 >&3"
	step "$1" "$2/alloc" create "fallocate -l 256k $2/alloc; $from,fdatasync bs=16k count=3 skip=4 oflag=direct >&3"
	step "$1" "$2/odd" create "head -c 3000 /tmp/pattern >>$2/odd; sync $2/odd"
	step "$1" /dev/null create "mv $2/odd $2/moved; ln $2/new $2/link; rm $2/new; truncate -s 9999 $2/alloc"
}

mkdir beside
head -c 1M /dev/urandom >/tmp/pattern
# shellcheck disable=SC2046 # numbers
assert /lab/guest/disks.sh record "$(nodes)"
cluster_up direct block
steps 2 direct
more_steps 2 direct
steps 3 block
route 3 file
steps 3 file
cluster_down
assert /lab/guest/disks.sh release "$(nodes)"

note "$marks losses of power"
record=/dev/vdb
modprobe loop
truncate -s "$(blockdev --getsize64 /dev/vda)" image
at=0
mkdir lost
for ((m = 0; m < marks; m++)); do
	at=$("$share/tests/tools/replay.py" $record image "$at" "m$m") || fail "the record ends before m$m"
	cp --sparse=always image copy
	assert mount -o loop copy lost
	(cd lost && find . -path ./.csvfs -prune -o -type f -exec md5sum {} + && find . -path ./.csvfs -prune -o -type d -print) |
		sort >got
	umount lost
	diff "expect$m" got || fail "after $(cat "step$m")"
done
xfs_repair -n copy >repair 2>&1 || fail "xfs_repair: $(tail -n 5 repair)"
