# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 120
# A file with shared blocks is file-redirected by itself, with a reason that is counted; the files beside it go direct.

cluster_prepare
# Made before the volume goes online: csvfs has no way to share blocks yet.
# shellcheck disable=SC2016 # expanded on the node
assert node 1 bash -ec 'mount -t xfs "$1" /mnt; cd /mnt; head -c 2M /dev/urandom >plain; head -c 2M /dev/urandom >shared
	cp --reflink=always shared clone; cd /; umount /mnt' prepare "$(disk 1 1)"
assert volume_online
mount_csv 1 2 3

op() { # ROUTE: "COUNT" of reads on node 2
	csvctl_on 2 stat show data | awk -v route="$1" '$1 == route && $2 == "READ" { print $3; found = 1 } END { if (!found) print 0 }'
}

reason() { csvctl_on 2 stat show data | awk -v name="$1" '$1 == "file-redirected" && $2 == name { print $3 }'; }

assert csvctl_on 2 stat reset data
assert node 2 dd if=/csv/data/plain of=/dev/null bs=64k iflag=direct status=none
assert_eq "$(op file)" 0 "redirected reads of the plain file"
[ "$(op direct)" -ge 32 ] || fail "$(op direct) direct reads"
assert csvctl_on 2 stat reset data
assert node 2 dd if=/csv/data/clone of=/dev/null bs=64k iflag=direct status=none
assert_eq "$(op direct)" 0 "direct reads of the shared file"
[ "$(reason unmappable)" -ge 32 ] || fail "$(reason unmappable) operations with the reason unmappable"
[[ $(csvctl_on 2 -j volume show data) =~ \"node\":\ *\"n2\".*\"route\":\ *\"direct\" ]] || fail "the volume is redirected"

note "writing to one leaves the other alone"
sum=$(node 1 md5sum /csv/data/shared)
assert node 3 dd if=/dev/urandom of=/csv/data/clone bs=4k count=64 seek=100 conv=notrunc oflag=direct status=none
assert node 2 dd if=/dev/urandom of=/csv/data/clone bs=777 count=30 seek=9 conv=notrunc status=none
assert_eq "$(node 2 md5sum /csv/data/shared)" "$sum"
assert_eq "$(node 3 md5sum /csv/data/clone)" "$(node 1 md5sum /csv/data/clone)"
assert csv_fsx -N "$(ops 300)" -S $RANDOM "$(root_of 2)/csv/data/clone" "$(root_of 3)/csv/data/clone"
assert_eq "$(node 2 md5sum /csv/data/shared)" "$sum"
