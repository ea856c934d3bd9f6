# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# Two volumes of one coordinator, and the disk of the first hangs there: however much of that volume waits, on every route,
# the second one goes on. What waited is done when the disk is back.

cluster_up
both() {
	write_table
	echo "volume other uuid $other device $(disk 1 2) type xfs owner n1 epoch 1"
	for n in $(nodes); do echo "access other n$n direct device $(disk "$n" 2)"; done
}
# Slots are shared out by a hash of the volume's id, of 6 bits: once in 64 times two count as one.
shares() {
	local id
	csvctl_on 1 volume show | sed -n 's/.* id \(0x[0-9a-f]*\) .*/\1/p' | while read -r id; do
		echo $(((id * 0x61C88647 & 0xffffffff) >> 26))
	done | sort -u | wc -l
}
until [ "$(shares)" = 2 ]; do
	make_xfs 2
	other=$(volume_uuid 2)
	assert apply_table 1
	both | assert node_in 1 csvctl cluster apply -
done
for n in 2 3; do both | assert node_in "$n" csvctl cluster apply -; done
assert csvctl_on 1 volume online other
for n in $(nodes); do assert node "$n" bash -c 'mkdir -p /csv/other; mount -t csvfs other /csv/other'; done

note "the second volume, by itself"
goes_on() { # NODE
	# shellcheck disable=SC2016 # expanded on the node
	node "$1" timeout 60 bash -ec 'cd /csv/other; rm -rf "$0"; mkdir "$0"; cd "$0"
		echo appended >>file; dd if=/dev/zero of=written bs=64k count=16 oflag=direct status=none
		sync written; cat file; stat -c %s written; mv written moved; rm moved' "$1"
}
for n in $(nodes); do assert_eq "$(goes_on "$n" | tr '\n' ' ')" "appended 1048576 " "node $n"; done

background() { # NAME FIO-OPTION...
	# shellcheck disable=SC2016 # expanded on the node
	node 2 bash -c 'exec fio --name="$1" --filename="/csv/data/$1" --direct=1 --ioengine=libaio --fallocate=none --thread \
		--output="/tmp/$1.fio" "${@:2}"' fio "$@" &
	waiting+=($!)
}
assert node 2 bash -ec 'mkdir /csv/data/names; touch /csv/data/names/{1..100}; fallocate -l 8M /csv/data/commits; fallocate -l 8M /csv/data/reads
	fallocate -l 8M /csv/data/writes'
assert node 2 dd if=/dev/zero of=/csv/data/reads bs=1M count=8 oflag=direct conv=notrunc status=none
assert node 1 dmsetup suspend --noflush --nolockfs n1-vol1

note "the first one hangs: modes, COMMITs"
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'cd /csv/data/names; for i in {1..100}; do chmod 600 $i & done; wait' &
waiting=($!)
background commits --rw=randwrite --bs=4k --iodepth=100 --size=8M --io_size=2M
sleep 3
for n in 2 3 1; do assert_eq "$(goes_on "$n" | tr '\n' ' ')" "appended 1048576 " "node $n"; done

note "file-redirected reads and writes"
redirect 2 file
background reads --rw=randread --bs=4k --iodepth=100 --size=8M --io_size=2M
background writes --rw=randwrite --bs=4k --iodepth=100 --size=8M --io_size=2M
sleep 3
for n in 2 3 1; do assert_eq "$(goes_on "$n" | tr '\n' ' ')" "appended 1048576 " "node $n"; done

note "and it is back"
assert node 1 dmsetup resume n1-vol1
for pid in "${waiting[@]}"; do assert wait "$pid"; done
redirect 2 off
assert_eq "$(node 3 find /csv/data/names -type f -perm 600 | wc -l)" 100 "modes"

note "the first one has no coordinator, and many of its writes wait to be done again: those of the second one are"
redirect 2 block
background reads --rw=randwrite --bs=4k --iodepth=400 --size=8M --time_based --runtime=15
again=$!
sleep 5
assert csvctl_on 1 volume offline data force
sleep 2
assert kill -0 "$again"
fail_path 2 2
assert_eq "$(goes_on 2 | tr '\n' ' ')" "appended 1048576 " "by another route"
heal_path 2 2
assert volume_online
assert wait "$again"
redirect 2 off
