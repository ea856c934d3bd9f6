# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# The module does not unload while anything uses it, and unloads when nothing does any more, again and again. A volume can
# be mounted while the last mount of it is ending.

references() { # -eq|-gt: to 0
	test "$(</sys/module/csvfs/refcnt)" "$1" 0
}

for ((round = 0; round < $(ops 3) + 1; round++)); do
	note "round $round"
	cluster_up
	assert node 2 bash -c 'echo content >/csv/data/file'
	assert_eq "$(node 3 cat /csv/data/file)" content
	if rmmod csvfs 2>/dev/null; then fail "unloaded while mounted and on line"; fi
	umount_csv 3 1 2
	assert references -gt
	if rmmod csvfs 2>/dev/null; then fail "unloaded while on line"; fi
	assert volume_offline
	# with lockdep the sockets of connected peers hold the module, too
	[ "${KERNEL:-stock}" != debug ] || cluster_down
	wait_for 10 references -eq
	assert rmmod csvfs
done

note "a mount begins while another one ends"
cluster_up
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -ec 'mkdir /csv/again
	for ((round = 0; round < $1; round++)); do
		for i in {1..30}; do echo "$round" >/csv/data/f$i; done
		umount /csv/data &
		sleep 0.0$((round % 10))
		mount -t csvfs data /csv/again
		wait $!
		read -r said </csv/again/f30
		[ "$said" = "$round" ]
		umount /csv/again
		mount -t csvfs data /csv/data
	done' again "$(ops 40)"
