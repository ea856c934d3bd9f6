# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# After a cold move every file is as it was, by name, inode number and handle, and the old epoch is over.

contents() { # NODE: all that must not change (of the root the epoch, and so its ctime, does)
	node "$1" bash -ec 'cd /csv/data; csv_call handle . a b dir dir/* fifo link
		stat -c "%n %F %a %u:%g %h %s %.9Y %.9Z" a b dir dir/* fifo link; md5sum a dir/*; readlink link'
}

cluster_up
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -ec 'cd /csv/data; mkdir dir; mkfifo fifo; head -c 1234567 /dev/urandom >a; ln a b; ln -s dir/1 link
	for i in {1..20}; do echo $i >dir/$i; done; chmod 4750 b; chown 7:8 dir/1; truncate -s 8M dir/2'
assert node 3 dd if=/dev/urandom of=/csv/data/a bs=64k seek=4 count=8 oflag=direct conv=notrunc status=none
before=$(contents 1)
read -r _ _ type hex <<<"$(node 3 csv_call handle /csv/data/dir/7)"

note "who has it mounted does not leave its coordinator, nor does another machine take his place"
refused() { # NODE PATTERN: the table on standard input
	if node_in "$1" csvctl cluster apply - 2>said; then fail "node $1 takes the table"; fi
	grep -q "$2" said || fail "node $1: $(cat said)"
}
(table_owner=2 table_epoch=2 && write_table) >table2
for n in 2 3; do refused $n 'online on its owner, mounted here: set it offline first' <table2; done
refused 1 'is online here: set it offline first' <table2
write_table | sed 's/\bn2\b/n4/g' >renamed
refused 1 'n2 uses data: stop that' <renamed
assert node 2 dd if=/csv/data/a of=/dev/null bs=64k iflag=direct status=none

move_volume 1 2
for n in $(nodes); do assert_eq "$(contents "$n")" "$before" "node $n after the move"; done
assert_eq "$(node 3 csv_call byhandle /csv/data "$type" "$hex")" 7 "by a handle from before the move"
[[ $(csvctl_on 3 volume show) == *"coordinator n2"* ]] || fail "node 3 knows no new coordinator"
assert node 1 bash -c 'echo here >/csv/data/new'
assert_eq "$(node 3 cat /csv/data/new)" here
if csvctl_on 1 volume online data 2>said; then fail "on line at the old owner"; fi
grep -q 'to another node' said || fail "$(cat said)"

note "an open file keeps the volume, the volume keeps its disk"
# shellcheck disable=SC2016 # expanded on the node
node 3 bash -c 'exec {fd}<>/csv/data/a; echo $$ >/tmp/open.pid; exec sleep 1000' &
opener=$!
wait_for 10 node 3 test -s /tmp/open.pid
if csvctl_on 2 volume offline data 2>said; then fail "offline with an open file"; fi
grep -q 'files are open; close them, or force' said || fail "$(cat said)"
assert_eq "$(node 1 cat /csv/data/new)" here "after an offline that was refused"
assert node 2 mkdir -p /tmp/mnt
if node 2 mount -t xfs "$(disk 2 1)" /tmp/mnt 2>said; then fail "the disk of a volume can be mounted"; fi
grep -qi 'busy\|already mounted' said || fail "$(cat said)"
umount_csv 2
assert csvctl_on 2 volume offline data force
assert node 2 mount -t xfs "$(disk 2 1)" /tmp/mnt
if csvctl_on 2 volume online data 2>said; then fail "online with a disk that is mounted"; fi
grep -q 'its disk is in use: unmount it on this node first' said || fail "$(cat said)"
assert node 2 umount /tmp/mnt
pins() { csvctl_on 2 -j volume show data | grep -oE '"opens": *[0-9]+' | grep -oE '[0-9]+$' | sort -rn | head -n 1; }
assert volume_online 2
mount_csv 2
# the open file comes back
wait_for 20 eval '[ "$(pins)" = 1 ]'
if csvctl_on 2 volume offline data 2>said; then fail "offline with a file that is open again"; fi
# shellcheck disable=SC2016 # expanded on the node
assert node 3 bash -c 'kill $(cat /tmp/open.pid)'
wait $opener || true

# leaving FROM TO [DMSETUP-OPTION...]: FROM goes off line, and its last writes do not get through; TO would take over
leaving() {
	assert node "$1" dmsetup suspend "${@:3}" "n$1-vol1"
	node "$1" csvctl volume offline data &
	leaver=$!
	sleep 2
	table_owner=$2 table_epoch=$((table_epoch + 1))
	assert apply_table "$2"
	if csvctl_on "$2" volume online data 2>said; then fail "on line while node $1 still has it mounted"; fi
	grep -q "is online on n$1: set it offline there" said || fail "$(cat said)"
}

# left FROM TO: now they do
left() {
	kill -0 $leaver || fail "the offline did not wait for its disk"
	assert node "$1" dmsetup resume "n$1-vol1"
	assert wait $leaver
	assert apply_table
	assert volume_online "$2"
}

note "a volume that is still going off line is not free"
umount_csv 1 2 3
leaving 2 3 --nolockfs --noflush
if write_table | sed '/n2/d' | node_in 3 csvctl cluster apply - 2>said; then fail "a table without a node that has the disk"; fi
grep -q 'n2 uses data: stop that' said || fail "$(cat said)"
left 2 3

note "nor is one that is frozen, for a snapshot"
leaving 3 2
left 3 2

note "a node with an older table waits for the newer one"
mount_csv 3
assert volume_offline
table_epoch=$((table_epoch + 1))
assert apply_table 1 2
assert volume_online
node 3 ls /csv/data >listed &
lister=$!
sleep 3
kill -0 $lister || fail "node 3 did not wait"
[[ $(csvctl_on 3 node show n2) == *differs* ]] || fail "node 3 is not told that the tables differ: $(csvctl_on 3 node show n2)"
assert apply_table 3
assert wait $lister
grep -q new listed || fail "$(cat listed)"
umount_csv 3

note "off line while a node may miss a reply"
mount_csv 3
assert node 2 dmsetup suspend --nolockfs --noflush n2-vol1
node 3 mkdir /csv/data/once &
maker=$!
sleep 2
assert node 3 ip link set eth0 down
lost() { [[ $(csvctl_on 2 node show n3) == *'not connected'* ]]; }
wait_for 60 lost
assert node 2 dmsetup resume n2-vol1
sleep 1
if csvctl_on 2 volume offline data 2>said; then fail "off line while node 3 waits for a reply"; fi
grep -q 'n3 may miss a reply: connect it, fence it if off, or force' said || fail "$(cat said)"
assert node 3 ip link set eth0 up
# and not "File exists"
assert wait $maker
assert volume_offline
assert volume_online
umount_csv 3

note "the old epoch"
# shellcheck disable=SC2034 # of csvfs.sh
old_table() { (table_owner=1 table_epoch=1 && write_table); }
status=0
old_table | node_in 1 csvctl cluster apply - 2>said || status=$?
assert_eq $status 2 "apply of the old table"
grep -q 'epoch 1 is older than 5' said || fail "$(cat said)"
# nodes that have all forgotten the epoch hear of it from the disk
cluster_down
for n in $(nodes); do
	old_table | assert node_in "$n" csvctl cluster apply -
	assert csvctl_on "$n" node set "n$n" local key-file /etc/csvfs/key
done
if csvctl_on 1 volume online data 2>said; then fail "on line at an epoch older than the disk's"; fi
grep -q 'newer epoch: apply the newer table' said || fail "$(cat said)"
