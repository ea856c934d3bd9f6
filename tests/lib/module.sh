#!/bin/bash
# module.sh load|unload: csvfs in the kernel this runs on, idempotent.
set -euo pipefail
modules=$(cd "$(dirname "$0")/../../kernel" && pwd)

case $1 in
load)
	[ ! -e /sys/module/csvfs ] || exit 0
	IFS=, read -ra needed <<<"$(modinfo -F depends "$modules/csvfs.ko")"
	[ ${#needed[@]} = 0 ] || modprobe -a "${needed[@]}"
	insmod "$modules/csvfs.ko"
	;;
unload)
	for module in csvfs_rdma csvfs; do
		[ ! -e "/sys/module/$module" ] || rmmod "$module"
	done
	;;
*)
	exit 2
	;;
esac
