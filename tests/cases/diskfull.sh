# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# A full disk is ENOSPC at write() by every route, what another node deletes is room again, and the file system is sound.

make_xfs() { assert node 1 mkfs.xfs -q -f -d size=300m "$(disk 1 "$1")"; }

full() { # ROUTE DD-ARGUMENTS...: until there is no room
	route 2 "$1"
	if node 2 env LC_ALL=C dd if=/tmp/pattern conv=notrunc "${@:2}" 2>said; then fail "$1: all of it had room"; fi
	grep -q 'error writing .*No space left on device' said || fail "$1: $(cat said)"
	note "$1: $(tail -n 1 said)"
}

cluster_up
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -ec 'head -c 48M /dev/urandom >/tmp/pattern; cd /csv/data
	left=$(($(stat -f -c "%a * %S / 1048576" .)))
	touch block file; fallocate -l 24M half1; fallocate -l 24M half2; fallocate -l $((left - 72))M most'
full direct of=/csv/data/direct bs=1M oflag=direct
wrote=$(node 2 stat -c %s /csv/data/direct)
[ "$wrote" -ge $((1 << 20)) ] || fail "only $wrote bytes had room"
assert_eq "$(node 3 bash -c 'dd if=/csv/data/direct bs=1M status=none | md5sum')" \
	"$(node 2 bash -c "head -c $wrote /tmp/pattern | md5sum")" "what had room"
for way in block file; do full $way of=/csv/data/$way bs=300001; done
full direct of=/csv/data/direct bs=1M oflag=direct,append

note "room again"
# XFS frees the blocks of a removed file by a worker of its own, of which a new inode does not wait
again() { node 2 dd if=/tmp/pattern of="/csv/data/$1" bs=1M count=16 oflag=direct status=none; }
assert node 3 rm /csv/data/half1
route 2 direct
wait_for 10 again again1
assert node 3 rm /csv/data/half2
route 2 block
wait_for 10 again again2
for name in again1 again2; do
	assert node 2 bash -c "dd if=/csv/data/$name bs=1M status=none | cmp -n $((16 << 20)) /tmp/pattern -"
done
umount_csv 1 2 3
assert volume_offline
assert node 1 xfs_repair -n "$(disk 1 1)" >repair 2>&1 || fail "xfs_repair: $(cat repair)"
