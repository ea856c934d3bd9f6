# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 300
# Files of more extents than a COMMIT names, or a node remembers, are written asynchronously without an error; so are those
# whose COMMIT comes too late, for which nobody waits while it is under way. And what a writer was killed over is read as
# the coordinator has it, not as the node believed it to be.

cluster_up

asynchronous() { # FILE FIO-OPTION...
	assert node 2 fio --name=w --filename="/csv/data/$1" --ioengine=libaio --direct=1 --fallocate=none --output=/tmp/fio "${@:2}"
}

note "one write over many extents"
assert node 2 fallocate -l 2M /csv/data/striped
asynchronous striped --rw=write:4k --bs=4k --size=2M --io_size=1M
asynchronous striped --rw=write --bs=1M --size=2M --verify=crc32c --iodepth=2

note "more extents than a node remembers"
assert node 2 fallocate -l 64M /csv/data/scattered
asynchronous scattered --rw=randwrite --bs=4k --size=64M --io_size="$(ops 8)M" --iodepth=32 --verify=crc32c

note "a writer is killed over its COMMIT"
assert node 2 fallocate -l 64k /csv/data/doubt
for n in 2 3; do assert node $n dd if=/csv/data/doubt of=/dev/null bs=4k iflag=direct status=none; done
write() { node "$1" bash -c "head -c 4k /dev/zero | tr '\\0' $2 | dd of=/csv/data/doubt bs=4k iflag=fullblock oflag=direct conv=notrunc status=none"; }
first() { node "$1" dd if=/csv/data/doubt bs=4k count=1 iflag=direct status=none | head -c 1; }
# the coordinator cannot write its log, and so cannot answer
assert node 1 dmsetup suspend --nolockfs --noflush n1-vol1
node 2 bash -c "echo \$\$ >/tmp/doubt.pid; head -c 4k /dev/zero | tr '\\0' a >/tmp/a; exec dd if=/tmp/a of=/csv/data/doubt bs=4k \
	oflag=direct conv=notrunc status=none" &
writer=$!
waits() { node 2 bash -c 'grep -q csv_ /proc/$(</tmp/doubt.pid)/stack'; }
wait_for 30 waits
sleep 1
assert node 2 bash -c 'kill -9 $(</tmp/doubt.pid)'
wait $writer || true
assert node 1 dmsetup resume n1-vol1
wait_for 20 eval '[ "$(first 1)" = a ]'
assert write 3 b
assert_eq "$(first 2)" b "what node 2 reads"
assert write 2 c
assert_eq "$(first 3)" c "what node 3 reads"

note "others fill up the blocks of asynchronous writes before their COMMIT"
lost() { csvctl_on 1 node show n2 | grep -q 'not connected'; }
written() { [ $(($(disk_bytes 2) - before)) -ge "$1" ]; }

# late FILE: a file whose blocks node 2 may write, and has not written yet
late() {
	assert node 2 fallocate -l 1M "/csv/data/$1"
	assert node 2 dd if=/dev/zero of="/csv/data/$1" bs=4k count=1 oflag=direct conv=notrunc status=none
}
aio=(fio --name=w --direct=1 --rw=write --bs=4k --size=128k --fallocate=none --verify=crc32c --output=/tmp/fio)
pause=12
[ "${KERNEL:-stock}" = stock ] || pause=40
waits=(--iodepth=16 "--thinktime=${pause}s" --thinktime_blocks=16 --thinktime_blocks_type=issue --do_verify=0)
late late
late fixed
late killed
before=$(disk_bytes 2)
node 2 "${aio[@]}" "${waits[@]}" --filename=/csv/data/late --ioengine=libaio &
jobs=($!)
node 2 "${aio[@]}" "${waits[@]}" --filename=/csv/data/fixed --ioengine=io_uring --fixedbufs=1 &
jobs+=($!)
node 2 bash -c 'echo $$ >/tmp/killed.pid; exec "$@"' - "${aio[@]}" "${waits[@]}" --filename=/csv/data/killed --ioengine=libaio --thread &
killed=$!
wait_for $pause written $((3 * 65536))
sleep 1
assert node 2 ip link set eth0 down
wait_for $((pause + 30)) written $((3 * 131072))
for job in "${jobs[@]}" $killed; do kill -0 "$job" || fail "a writer did not wait for its COMMIT"; done
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -c 'kill -9 $(cat /tmp/killed.pid)'
wait $killed || true
wait_for 60 lost
assert csvctl_on 1 node set n2 fenced on
# nothing keeps others from its blocks, and each of these fills up one of them with zeros
assert node 3 python3 -c 'import os
for name in "late", "fixed", "killed":
    f = os.open("/csv/data/" + name, os.O_RDWR)
    for block in range(16, 32): os.pwrite(f, b"x" * 100, block * 4096 + 50)'
for job in "${jobs[@]}"; do kill -0 "$job" || fail "a writer did not wait for its COMMIT"; done
assert csvctl_on 1 node set n2 fenced off
assert node 2 ip link set eth0 up
for job in "${jobs[@]}"; do assert wait "$job"; done
for n in 2 3; do
	for file in late fixed; do assert node $n "${aio[@]}" --filename=/csv/data/$file --ioengine=psync --verify_only=1; done
	assert_eq "$(node $n dd if=/csv/data/killed bs=64k skip=1 count=1 iflag=direct status=none | tr -d '\0')" \
		"$(printf 'x%.0s' {1..1600})" "what the killed one left of node 3's"
done
