# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 180
# Whoever is killed while the coordinator waits for another node on his behalf is not waited for by it, either: its threads
# are free for others although the node stays away. What the node holds stays its own until it answers.

files=12 # more than the coordinator has threads
cluster_up
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -ec 'for ((i = 0; i < $1; i++)); do dd if=/dev/zero of=/csv/data/f$i bs=64k count=1 oflag=direct status=none; done' \
	write $files
assert node 3 bash -c 'echo old >/csv/data/late'
# Open files keep the inodes of node 2, and so its layouts.
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'echo $$ >/tmp/hold.pid; for ((i = 0; i < $1; i++)); do exec {fd}<>/csv/data/f$i; dd of=/csv/data/f$i if=/dev/zero bs=4k count=1 \
	conv=notrunc oflag=direct status=none; done; touch /csv/data/held; exec sleep 1000' hold $files &
holder=$!
wait_for 60 node 1 test -e /csv/data/held

assert node 2 ip link set eth0 down
note "node 3 waits for node 2"
# shellcheck disable=SC2016 # expanded on the node
node 3 bash -c 'for ((i = 0; i < $1; i++)); do truncate -s 0 /csv/data/f$i & echo $!; done >/tmp/truncate.pids; wait' truncate $files &
waiter=$!
wait_for 10 node 3 test -s /tmp/truncate.pids
sleep 2
assert_eq "$(node 1 stat -c %s /csv/data/f1)" 65536 "a file that node 2 holds"
# all but the last of the coordinator's threads wait
assert node 3 timeout 10 bash -c 'ls -l /csv/data >/dev/null && echo x >/csv/data/meanwhile'
# shellcheck disable=SC2016 # expanded on the node
assert node 3 bash -c 'kill -9 $(cat /tmp/truncate.pids)'
wait $waiter || true
serves() { node 3 timeout 5 bash -c 'ls -l /csv/data >/dev/null && echo x >/csv/data/other'; }
wait_for 20 serves

for n in 3 1; do
	note "an asynchronous write of node $n that waits for node 2"
	route $n file
	# shellcheck disable=SC2016 # expanded on the node
	node $n bash -c 'echo $$ >/tmp/aio$0.pid; exec fio --name=aio --filename=/csv/data/f2 --rw=write --bs=4k --size=64k --allow_file_create=0 \
		--thread --ioengine=libaio --iodepth=4 --direct=1 --output=/tmp/aio.fio' $n &
	waiter=$!
	# the coordinator itself submits nothing: what it writes is done when io_submit() returns
	# shellcheck disable=SC2016 # expanded on the node
	waits() { node $n bash -c 'grep -qE "read_events|csv_snode_recall" /proc/$(cat /tmp/aio$0.pid)/task/*/stack' $n; }
	wait_for 20 waits
	sleep 2
	assert waits
	# shellcheck disable=SC2016 # expanded on the node
	assert node $n bash -c 'kill -9 $(cat /tmp/aio$0.pid)' $n
	gone() { ! node $n bash -c 'kill -0 $(cat /tmp/aio$0.pid)' $n 2>/dev/null; }
	wait_for 20 gone
	wait $waiter || true
	if [ $n = 1 ]; then route $n local; else route $n direct; fi
done

note "node 2 is back"
assert node 2 ip link set eth0 up
writes() { node 2 timeout 5 dd if=/dev/zero of=/csv/data/f3 bs=4k count=2 conv=notrunc oflag=direct status=none; }
wait_for 20 writes
assert node 3 truncate -s 100 /csv/data/f3
assert_eq "$(node 2 stat -c %s /csv/data/f3)" 100
assert node 3 cmp -n 65536 /csv/data/f2 /dev/zero
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -c 'kill $(cat /tmp/hold.pid)'
wait $holder || true

note "what was killed while there was no network is not done when it is back"
route 3 file
node 3 rm -f /tmp/go /tmp/late.pid
# its file is open before
# shellcheck disable=SC2016 # expanded on the node
node 3 bash -c 'exec 5<>/csv/data/late; echo $$ >/tmp/late.pid; until [ -e /tmp/go ]; do sleep 0.1; done; printf bad >&5' &
writer=$!
wait_for 20 node 3 test -s /tmp/late.pid
assert node 3 ip link set eth0 down
assert node 3 touch /tmp/go
sleep 2
# shellcheck disable=SC2016 # expanded on the node
assert node 3 bash -c 'kill -9 $(cat /tmp/late.pid)'
if wait $writer; then fail "it was written"; fi
assert node 2 bash -c 'echo new >/csv/data/late'
lost() { [[ $(csvctl_on 1 node show n3) == *'not connected'* ]]; }
wait_for 30 lost
assert node 3 ip link set eth0 up
reads() { node 3 timeout 5 cat /csv/data/late; }
wait_for 30 reads >/dev/null
sleep 1
assert_eq "$(node 2 cat /csv/data/late)" new "after the network is back"
