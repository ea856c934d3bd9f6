# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 300
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
# also when others have been granted something since
assert_eq "$(node 3 dd if=/csv/data/returned bs=64k iflag=direct status=none | md5sum)" "$(content one)" "read by node 3"
assert some
umount_csv 2 3
assert none
mount_csv 2 3
# by force, too
assert write 2 returned two
assert some
assert node 2 umount -f /csv/data
wait_for 5 none
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

note "what a dead node had asked for is not done after it was fenced"
assert write 3 both five
node 3 rm -f /tmp/gone.pid
# shellcheck disable=SC2016 # expanded on the node
node 3 bash -c 'exec 5<>/csv/data/both; dd if=/dev/zero of=/csv/data/both bs=4k count=1 oflag=direct conv=notrunc status=none
	echo $$ >/tmp/gone.pid; exec sleep 1000' &
holder=$!
wait_for 20 node 3 test -s /tmp/gone.pid
node 2 rm -f /tmp/asker.pid
before=$(node 2 dd if=/csv/data/both bs=64k iflag=direct status=none | md5sum)
assert node 3 ip link set eth0 down
node 2 bash -c 'echo $$ >/tmp/asker.pid; exec truncate -s 0 /csv/data/both' &
waiter=$!
wait_for 20 node 2 test -s /tmp/asker.pid
sleep 2
assert node 2 ip link set eth0 down
both_lost() { [ "$(csvctl_on 1 node show | grep -c 'not connected')" = 2 ]; }
wait_for 60 both_lost
assert csvctl_on 1 node set n2 fenced on
assert csvctl_on 1 node set n3 fenced on
sleep 1
assert_eq "$(node 1 dd if=/csv/data/both bs=64k iflag=direct status=none | md5sum)" "$before" "after both were fenced"
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -c 'kill -9 $(cat /tmp/asker.pid)'
wait $waiter || true
for n in 2 3; do
	assert node $n ip link set eth0 up
	assert csvctl_on 1 node set n$n fenced off
done
for n in 2 3; do wait_for 60 node $n timeout 10 stat /csv/data/both; done
# shellcheck disable=SC2016 # expanded on the node
assert node 3 bash -c 'kill $(cat /tmp/gone.pid)'
wait $holder || true
assert_eq "$(node 2 stat -c %s /csv/data/both)" 65536

note "a close from before the volume went off line gives no newer pin back"
assert write 1 pinned six
node 1 rm -f /tmp/is-open
# shellcheck disable=SC2016 # expanded on the node
node 1 bash -ec 'exec 5</csv/data/pinned; csvctl volume offline data force; exec 5<&-
	(exec 6</csv/data/pinned; touch /tmp/is-open; sleep 3; head -c 3 <&6) & sleep 1; csvctl volume online data; wait' >said 2>&1 &
opener=$!
wait_for 20 node 1 test -e /tmp/is-open
sleep 1
assert node 2 rm /csv/data/pinned
assert wait $opener
assert_eq "$(tail -n 1 said)" six "an open file whose name is gone"

note "a disk that hangs keeps no administrator"
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'exec fio --name=hangs --filename=/csv/data/hangs --size=1M --rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=4 \
	--time_based --runtime=1000 --allow_file_create=1 --thread --output=/tmp/hangs.fio' &
writer=$!
exists() { [ "$(node 3 stat -c %s /csv/data/hangs)" = 1048576 ]; }
wait_for 30 exists
assert node 2 dmsetup suspend --noflush --nolockfs n2-vol1
sleep 1
# shellcheck disable=SC2034 # of csvfs.sh
table_access[2]=block
write_table >blocked
assert node_in 2 timeout 15 csvctl cluster apply - <blocked
assert node 2 timeout 10 csvctl volume redirect data file
assert node 2 timeout 10 csvctl volume redirect data off
assert node 3 ip link set eth0 down
lost_at_2() { [[ $(csvctl_on 2 node show n3) == *'not connected'* ]]; }
wait_for 60 lost_at_2
assert node 2 timeout 10 csvctl node set n3 fenced on
assert node 2 timeout 10 csvctl node set n3 fenced off
assert node 3 ip link set eth0 up
assert node 2 dmsetup resume n2-vol1
node 2 pkill -x fio
wait $writer || true
wait_for 30 connected 2
assert apply_table

note "memory that hangs keeps nobody"
make_xfs 2
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -ec 'mkdir -p /mnt/memory; mount -t xfs "$1" /mnt/memory; head -c 64k /dev/zero >/mnt/memory/file
	sync; echo 1 >/proc/sys/vm/drop_caches' memory "$(disk 2 2)"
assert write 2 memory one
in_memory() { # shellcheck disable=SC2016 # expanded on the node
	node 2 bash -c 'grep -q fault /proc/$(</tmp/memory.pid)/stack'
}
for how in read write; do
	offset=0
	[ $how = read ] || offset=65536
	assert node 2 dmsetup suspend --noflush --nolockfs n2-vol2
	# 64 KiB written, and behind the end
	# shellcheck disable=SC2016 # expanded on the node
	node 2 bash -c 'echo $$ >/tmp/memory.pid; exec csv_call memory /csv/data/memory $1 $2 /mnt/memory/file' memory \
		$how "$offset" >said &
	reader=$!
	wait_for 30 in_memory
	assert node 3 timeout 20 chmod 600 /csv/data/memory
	assert node 1 timeout 20 chmod 640 /csv/data/memory
	assert node 2 dmsetup resume n2-vol2
	assert wait $reader
	assert_eq "$(<said)" ok "$how from and to memory that hung"
	assert node 2 bash -c 'echo 1 >/proc/sys/vm/drop_caches'
done
assert node 2 umount /mnt/memory
