# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 180
# A node's namespace is deleted while it has a volume mounted and in use, again and again (LIFE_ROUNDS times): it goes with
# its last process, the others forget what it held, and the module unloads in the end.

cluster_up
with_x() { write_table && echo "node x id 9 address 10.77.0.9"; }
for n in $(nodes); do with_x | assert node_in "$n" csvctl cluster apply -; done
with_x >table

# Runs in the namespace, and in a mount namespace that ends with it.
cat >inside <<'END'
set -e
table=$1 round=$2
csvctl cluster apply "$table"
csvctl node set x local key-file /etc/csvfs/key
mount -t tmpfs none /mnt
mkdir /mnt/csv
mount -t csvfs data /mnt/csv
exec 5<>/mnt/csv/of-x
echo "$round" >>/mnt/csv/of-x
dd if=/dev/zero of=/mnt/csv/direct bs=64k count=4 oflag=direct conv=notrunc status=none
echo "$round" >/mnt/csv/ready
while dd if=/dev/zero of=/mnt/csv/direct bs=4k count=16 oflag=direct conv=notrunc status=none; do :; done
END
mkdir -p /etc/csvfs
(umask 077 && echo 0123456789abcdef0123456789abcdef >/etc/csvfs/key)

is_ready() { [ "$(node 2 cat /csv/data/ready 2>/dev/null)" = "$1" ]; }
is_gone() { ! pgrep -f 'bash inside ' >/dev/null; }
rounds=${LIFE_ROUNDS:-$(ops 12)}
for ((round = 1; round <= rounds; round++)); do
	note "round $round"
	ip netns add x
	# the address that the others have in their neighbour tables
	ip link add vethx type veth peer name eth0 netns x address 02:00:00:00:00:09
	ip link set vethx master br0 up
	ip -n x link set lo up
	ip -n x link set eth0 up
	ip -n x addr add 10.77.0.9/24 dev eth0
	ip netns exec x bash inside table $round &
	inside=$!
	wait_for 60 is_ready $round
	ip netns del x
	kill -9 $inside
	pkill -9 -f 'of=/mnt/csv/direct' || true
	wait $inside || true
	wait_for 20 is_gone
	# what it held open and granted is nobody's any more
	assert node 3 dd if=/dev/urandom of=/csv/data/direct bs=64k count=2 oflag=direct conv=notrunc status=none
done
assert_eq "$(node 2 wc -l </dev/null /csv/data/of-x | cut -d ' ' -f 1)" "$rounds" "lines"
note "$rounds rounds"
# it said goodbye, or it did not
for n in $(nodes); do assert csvctl_on "$n" node set x fenced; done
assert apply_table
