# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 180
# When a node's layouts end: it returns them, or an administrator says that it is off. Until then nobody changes what they
# promise; and a node that was taken for dead and comes back has none. What a disk behind a wrong path holds is not touched.

cluster_up
make_xfs 2

layouts() { csvctl_on 1 -j volume show data | grep -oE '"layouts": *[0-9]+' | grep -oE '[0-9]+$' | sort -rn | head -n 1; }
some() { [ "$(layouts)" -gt 0 ]; }
none() { [ "$(layouts)" = 0 ]; }

fill() { (yes "$1" || true) | head -c 64k; }

write() { # NODE FILE SEED: 64k by the node itself
	fill "$3" | node_in "$1" dd of="/csv/data/$2" bs=64k iflag=fullblock oflag=direct conv=notrunc status=none
}

content() { fill "$1" | md5sum; }

note "umount returns layouts"
assert write 2 returned one
assert some
umount_csv 2
assert none
mount_csv 2

note "a node that was taken for dead"
node 3 rm -f /tmp/gone.pid # namespaces share /tmp, and so do cases
node 2 rm -f /tmp/truncated
# It keeps the file open, and so its layout.
# shellcheck disable=SC2016 # expanded on the node
node 3 bash -c 'exec 5<>/csv/data/held; dd if=/dev/zero of=/csv/data/held bs=64k count=1 oflag=direct conv=notrunc status=none
	echo $$ >/tmp/gone.pid; exec sleep 1000' &
holder=$!
wait_for 60 node 3 test -s /tmp/gone.pid
assert some
assert node 3 ip link set eth0 down
node 2 bash -c 'truncate -s 100 /csv/data/held && echo done >/tmp/truncated' &
waiter=$!
lost() { [[ $(csvctl_on 1 node show n3) == *'not connected'* ]]; }
wait_for 60 lost
sleep 2
[ -z "$(node 2 cat /tmp/truncated)" ] || fail "the truncate did not wait for node 3"
assert csvctl_on 1 node set n3 fenced on
assert wait $waiter
assert_eq "$(node 2 stat -c %s /csv/data/held)" 100
assert none
# whatever has been given away is another file's now
assert write 2 taker taken

note "it is back without having been off"
assert node 3 ip link set eth0 up
assert csvctl_on 1 node set n3 fenced off
# Its layout is not used: other blocks may be there by now.
wait_for 60 node 3 timeout 10 stat /csv/data/held
assert_eq "$(node 3 stat -c %s /csv/data/held)" 100
assert write 2 held two
assert_eq "$(node 3 dd if=/csv/data/held bs=64k iflag=direct status=none | md5sum)" "$(content two)" "read after the return"
assert write 3 held three
assert_eq "$(node 2 dd if=/csv/data/held bs=64k iflag=direct status=none | md5sum)" "$(content three)" "written after the return"
assert_eq "$(node 1 dd if=/csv/data/taker bs=64k iflag=direct status=none | md5sum)" "$(content taken)" "the other file"
# shellcheck disable=SC2016 # expanded on the node
assert node 3 bash -c 'kill $(cat /tmp/gone.pid)'
wait $holder || true

note "the path of node 3 leads to another disk"
umount_csv 3
before=$(node 1 bash -c "head -c 64M $(disk 1 2) | md5sum")
write_table | sed "s|^access data n3 .*|access data n3 direct device $(disk 3 2)|" >wrong
for n in 1 2 3; do assert node_in "$n" csvctl cluster apply - <wrong; done
mount_csv 3
says() { [[ $(csvctl_on 3 volume show data) =~ $1 ]]; }
wait_for 30 says wrong-disk
assert write 3 elsewhere four
assert_eq "$(node 2 dd if=/csv/data/elsewhere bs=64k iflag=direct status=none | md5sum)" "$(content four)" "written by the coordinator"
assert_eq "$(node 1 bash -c "head -c 64M $(disk 1 2) | md5sum")" "$before" "the other disk"
assert apply_table
right() { ! says wrong-disk; }
wait_for 30 right
