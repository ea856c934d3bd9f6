#!/bin/bash
# Each node's own path to each shared disk: /dev/mapper/n<NODE>-vol<VOLUME>, dm-linear over the disk.
#   disks.sh create "NODES" VOLUMES
#   disks.sh fail|heal NODE VOLUME
#   disks.sh record "NODES"      what reaches the disk of volume 1 is written down on that of volume 2 (dm-log-writes)
#   disks.sh mark TEXT           into the record
#   disks.sh release "NODES"     the end of it; tests/tools/replay.py reads it
# device-mapper shares its claim on the disk, so the file system of one node may hold its path exclusively while others
# read and write by theirs; and a path is failed alone, by loading another table.
set -euo pipefail
export DM_DISABLE_UDEV=1 # there is none in the guest: dmsetup has to make the device nodes itself

# volume 1 is the first base disk; those of a sealed guest are in memory
base() {
	local disks=(/dev/vd[a-z])
	[ -b "${disks[0]}" ] || disks=(/dev/ram[0-9])
	[ -b "${disks[$1 - 1]:-}" ] || { echo "disks: no base disk for volume $1" >&2; return 1; }
	echo "${disks[$1 - 1]}"
}

linear() {
	local disk
	disk=$(base "$1")
	echo "0 $(blockdev --getsz "$disk") linear $disk 0"
}

load() { # NAME TABLE
	# Frozen file systems and a queue on a dead path would wait for ever: neither lock nor flush.
	dmsetup reload "$1" --table "$2"
	dmsetup suspend --nolockfs --noflush "$1"
	dmsetup resume "$1"
}

case $1 in
create)
	modprobe dm_mod
	[ -b /dev/vda ] || modprobe brd rd_nr="$3" rd_size=1048576
	tables=
	for ((volume = 1; volume <= $3; volume++)); do
		table=$(linear "$volume")
		for node in $2; do tables+="n$node-vol$volume,,,rw,$table;"; done
	done
	dmsetup create --concise "${tables%;}"
	;;
fail)
	load "n$2-vol$3" "0 $(blockdev --getsz "/dev/mapper/n$2-vol$3") error"
	;;
heal)
	load "n$2-vol$3" "$(linear "$3")"
	;;
record)
	modprobe dm_log_writes
	dmsetup create recorded --table "0 $(blockdev --getsz "$(base 1)") log-writes $(base 1) $(base 2)"
	for node in $2; do load "n$node-vol1" "0 $(blockdev --getsz "$(base 1)") linear /dev/mapper/recorded 0"; done
	;;
mark)
	dmsetup message recorded 0 mark "$2"
	;;
release)
	for node in $2; do load "n$node-vol1" "$(linear 1)"; done
	dmsetup remove recorded
	;;
*)
	echo "disks: unknown command $1" >&2
	exit 2
	;;
esac
