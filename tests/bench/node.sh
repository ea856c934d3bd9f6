#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the demonstration and the benchmarks do on one node.
#
#   node.sh layout TARGET MIB                write the file once
#   node.sh job KEY=VALUE... JOB...          run jobs one after the other; report.py reads what this prints
#   node.sh sum TARGET OFFSET BYTES          SHA-256 of a part of a file, read with O_DIRECT
#   node.sh xfs-up DEVICE DIR | xfs-down DIR
#   node.sh nfs-serve DIR [EXPORT-OPTION...] | nfs-stop
#   node.sh nfs-mount ADDRESS DIR | nfs-umount DIR
#   node.sh pnfs-up                          what a client of the block layout needs before nfs-mount
#   node.sh nvme-serve DEVICE ADDRESS | nvme-connect ADDRESS | nvme-disconnect | nvme-stop
#   node.sh tcp ARGUMENTS... | wait-port PORT
#   node.sh nbd-serve DEVICE ADDRESS | nbd-connect ADDRESS | nbd-disconnect | nbd-stop
#
# Keys of job: target= file or block device, fstype= that it must be on (block: a block device), iface= and disk= whose
# statistics count, stat= volume of csvctl stat, mib= size, tag= 8 characters that written blocks begin with (then a job
# writes each block of its range once, so that its content is known), qd1= qd16= seq= meta= number of operations,
# ms= milliseconds instead, of the jobs that read and write, meta_ops= cycle or phases, settle= seconds to wait before a job.
# Jobs: randread-4k-qd1 randwrite-4k-qd1 randread-4k-qd16 randwrite-4k-qd16 read-1m write-1m meta
set -euo pipefail

state=/run/csvfs-bench
declare -A opt=([qd1]=1000 [qd16]=4000 [seq]=64 [meta]=300 [ms]=0 [meta_ops]=cycle [mib]=64 [iface]=eth0 [settle]=0)

die() { echo "node.sh: $*" >&2; exit 1; }

layout() {
	fio --name=layout --filename="$1" --size="$2m" --rw=write --bs=1M --direct=1 --ioengine=psync --end_fsync=1 \
		--output=/dev/null
}

# /sys/dev/block/... of a device, by its name below /dev/mapper without starting a process
disk_stat_file() {
	local dir
	for dir in /sys/block/dm-*; do
		[ "$(<"$dir/dm/name")" != "${1#/dev/mapper/}" ] || { echo "$dir/stat"; return; }
	done
	die "no device $1"
}

# Into the variables net and disk: bytes since boot by the interface's and the block device's own count. The sectors of
# the latter are always of 512 bytes.
read_counters() {
	local dir=/sys/class/net/${opt[iface]}/statistics in out
	net=$(($(<"$dir/rx_bytes") + $(<"$dir/tx_bytes")))
	disk=0
	if [ -n "${opt[disk]:-}" ]; then
		read -r _ _ in _ _ _ out _ <"$disk_stat"
		disk=$(((in + out) * 512))
	fi
}

fio_job() { # RW BS DEPTH COUNT BYTES-OF-A-BLOCK
	local args=(--name=job --filename="${opt[target]}" --rw="$1" --bs="$2" --iodepth="$3" --direct=1
		--randrepeat=1 --allow_file_create=0 --lat_percentiles=1 --clat_percentiles=0 --percentile_list=50:99
		--output-format=json)
	if [ "$3" = 1 ]; then args+=(--ioengine=psync); else args+=(--ioengine=libaio); fi
	if [ -n "${opt[tag]:-}" ] && [[ $1 == *write ]]; then
		args+=(--size=$(($4 * $5)) --verify=pattern --verify_pattern="\"${opt[tag]}\"%o" --do_verify=0)
	elif [ "${opt[ms]}" = 0 ]; then
		args+=(--size="${opt[mib]}m" --io_size=$(($4 * $5)) --norandommap)
	else
		args+=(--size="${opt[mib]}m" --time_based --runtime="${opt[ms]}ms" --norandommap)
	fi
	fio "${args[@]}"
}

run_job() {
	case $1 in
	randread-4k-qd1) fio_job randread 4k 1 "${opt[qd1]}" 4096 ;;
	randwrite-4k-qd1) fio_job randwrite 4k 1 "${opt[qd1]}" 4096 ;;
	randread-4k-qd16) fio_job randread 4k 16 "${opt[qd16]}" 4096 ;;
	randwrite-4k-qd16) fio_job randwrite 4k 16 "${opt[qd16]}" 4096 ;;
	read-1m) fio_job read 1M 1 "${opt[seq]}" 1048576 ;;
	write-1m) fio_job write 1M 1 "${opt[seq]}" 1048576 ;;
	meta) /lab/csvfs/meta_loop "${opt[meta_ops]}" "${opt[target]%/*}/meta" "${opt[meta]}" ;;
	*) die "no job $1" ;;
	esac
}

# A mount that failed, or a disk that is not there, would be measured as the tmpfs below it, with wonderful results.
check_target() {
	local type
	if [ "${opt[fstype]}" = block ]; then
		[ -b "${opt[target]}" ] || die "${opt[target]} is no block device"
	else
		type=$(findmnt -n -o FSTYPE -T "${opt[target]}") || true
		[ "$type" = "${opt[fstype]}" ] || die "${opt[target]} is on ${type:-nothing}, not on ${opt[fstype]}"
	fi
}

job() {
	local word net disk net0 disk0 disk_stat='' out=/tmp/job.out
	local jobs=()
	for word in "$@"; do
		case $word in
		*=*) opt[${word%%=*}]=${word#*=} ;;
		*) jobs+=("$word") ;;
		esac
	done
	check_target
	[ -z "${opt[disk]:-}" ] || disk_stat=$(disk_stat_file "${opt[disk]}")
	cd /tmp # fio may leave files where it stands
	for word in "${jobs[@]}"; do
		# What earlier mounts and jobs left to do in the background gets done. In virtual time it costs nothing.
		sleep "${opt[settle]}"
		[ -z "${opt[stat]:-}" ] || csvctl stat reset "${opt[stat]}"
		read_counters
		net0=$net disk0=$disk
		run_job "$word" >$out || { cat $out; die "$word on ${opt[target]} failed"; }
		read_counters
		echo "@job $word net=$((net - net0)) disk=$((disk - disk0))"
		cat $out
		echo
		if [ -n "${opt[stat]:-}" ]; then
			echo "@stat"
			csvctl -j stat "${opt[stat]}"
		fi
		echo "@end"
	done
}

sum() { # FILE OFFSET BYTES
	local bs=1M unit=1048576
	[ $(($2 % unit + $3 % unit)) = 0 ] || bs=4k unit=4096
	dd if="$1" bs=$bs skip=$(($2 / unit)) count=$(($3 / unit)) iflag=direct status=none | sha256sum | cut -d' ' -f1
}

xfs_up() { # DEVICE DIR
	mkfs.xfs -q -f "$1"
	mkdir -p "$2"
	mount -t xfs "$1" "$2"
}

mount_once() { # TYPE DIR
	mkdir -p "$2"
	[ "$(findmnt -n -o FSTYPE "$2")" = "$1" ] || mount -t "$1" "$1" "$2"
}

# The server of this network namespace, or of this machine. The pids are kept: others may run the same programs.
nfs_serve() { # DIR [OPTION...]
	local options=rw,sync,no_root_squash,no_subtree_check,insecure,fsid=0 dir=$1 word
	for word in "${@:2}"; do options+=,$word; done
	modprobe nfsd
	mount_once nfsd /proc/fs/nfsd
	mount_once rpc_pipefs /run/rpc_pipefs
	mkdir -p $state /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery /var/lib/nfs/nfsdcld
	mount_once rpc_pipefs /var/lib/nfs/rpc_pipefs
	touch /var/lib/nfs/etab /var/lib/nfs/rmtab
	echo "$dir *($options)" >$state/exports
	mount --bind $state/exports /etc/exports
	exportfs -ra
	nfsdcld -F >$state/nfsdcld.log 2>&1 &
	echo $! >$state/nfsdcld.pid
	rpc.mountd -F -N 2 -N 3 >$state/mountd.log 2>&1 &
	echo $! >$state/mountd.pid
	rpc.nfsd -N 3 -V 4.2 --grace-time 10 --lease-time 10 4
	wait_port 2049
}

nfs_stop() {
	rpc.nfsd 0
	exportfs -ua
	kill "$(<$state/mountd.pid)" "$(<$state/nfsdcld.pid)"
	umount /etc/exports
}

wait_port() { # PORT
	local try
	for ((try = 0; try < 100; try++)); do
		[ -z "$(ss -Hltn "sport = :$1")" ] || return 0
		sleep 0.1
	done
	die "nobody listens on port $1"
}

nfs_mount() { # ADDRESS DIR
	modprobe nfsv4
	mkdir -p "$2"
	mount -t nfs4 -o vers=4.2,nconnect=1 "$1:/" "$2"
}

pnfs_up() {
	modprobe blocklayoutdriver
	mkdir -p $state
	mount_once rpc_pipefs /run/rpc_pipefs
	blkmapd -f >$state/blkmapd.log 2>&1 &
	echo $! >$state/blkmapd.pid
}

nvme_serve() { # DEVICE ADDRESS
	local root=/sys/kernel/config/nvmet subsystem port
	modprobe -a configfs nvmet-tcp
	mount_once configfs /sys/kernel/config
	subsystem=$root/subsystems/bench port=$root/ports/1
	mkdir -p $subsystem/namespaces/1 $port
	echo 1 >$subsystem/attr_allow_any_host
	echo -n "$1" >$subsystem/namespaces/1/device_path
	echo 1 >$subsystem/namespaces/1/enable
	echo "$2" >$port/addr_traddr
	echo tcp >$port/addr_trtype
	echo 4420 >$port/addr_trsvcid
	echo ipv4 >$port/addr_adrfam
	ln -s $subsystem $port/subsystems/bench # nvmet wants an absolute target
}

nvme_stop() {
	local root=/sys/kernel/config/nvmet
	rm $root/ports/1/subsystems/bench
	rmdir $root/ports/1
	echo 0 >$root/subsystems/bench/namespaces/1/enable
	rmdir $root/subsystems/bench/namespaces/1 $root/subsystems/bench
}

# One I/O queue: the machine has one CPU, and csvfs uses one data connection at queue depth 1. Prints the device.
nvme_connect() { # ADDRESS
	local try dev
	modprobe nvme-tcp
	mkdir -p $state
	cat /proc/sys/kernel/random/uuid >$state/hostid
	nvme connect -t tcp -a "$1" -s 4420 -n bench --nr-io-queues=1 \
		--hostnqn=nqn.2014-08.org.nvmexpress:uuid:"$(<$state/hostid)" --hostid="$(<$state/hostid)" >&2
	for ((try = 0; try < 100; try++)); do
		for dev in /dev/nvme*n1; do
			if [ -b "$dev" ]; then echo "$dev" && return; fi
		done
		sleep 0.1
	done
	die "no NVMe device after connect"
}

nbd_serve() { # DEVICE ADDRESS
	mkdir -p $state
	printf '[generic]\n\tuser = root\n\tgroup = root\n\tallowlist = false\n\tlistenaddr = %s\n[bench]\n\texportname = %s\n' \
		"$2" "$1" >$state/nbd.conf
	nbd-server -d -C $state/nbd.conf >$state/nbd.log 2>&1 &
	echo $! >$state/nbd.pid
	wait_port 10809
}

nbd_connect() { # ADDRESS
	modprobe nbd nbds_max=1
	nbd-client "$1" -N bench /dev/nbd0 >&2
	echo /dev/nbd0
}

case $1 in
layout | job | sum) "$@" ;;
xfs-up) xfs_up "$2" "$3" ;;
xfs-down | nfs-umount) umount "$2" ;;
nfs-serve) nfs_serve "${@:2}" ;;
nfs-stop) nfs_stop ;;
nfs-mount) nfs_mount "$2" "$3" ;;
pnfs-up) pnfs_up ;;
nvme-serve) nvme_serve "$2" "$3" ;;
nvme-connect) nvme_connect "$2" ;;
nvme-disconnect) nvme disconnect -n bench >&2 ;;
nvme-stop) nvme_stop ;;
nbd-serve) nbd_serve "$2" "$3" ;;
nbd-connect) nbd_connect "$2" ;;
nbd-disconnect) nbd-client -d /dev/nbd0 >&2 ;;
nbd-stop) kill "$(<$state/nbd.pid)" 2>/dev/null || true ;; # -d: it ends with its only client
tcp) exec /lab/csvfs/tcp_exchange "${@:2}" ;;
wait-port) wait_port "$2" ;;
*) die "unknown command $1" ;;
esac
