# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: vm
# kernel: stock
# timeout: 120
# A node that is switched off and on again is another one to the coordinator: what it held is over when it is heard again,
# and not before.

cluster_up
assert node 2 bash -ec 'head -c 64k /dev/urandom >/tmp/pattern; dd if=/tmp/pattern of=/csv/data/held bs=64k oflag=direct status=none'
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'exec 5<>/csv/data/held; dd if=/dev/zero of=/csv/data/held bs=4k count=1 oflag=direct conv=notrunc status=none; touch /tmp/holds; exec sleep 1000' &
holder=$!
wait_for 20 node 2 test -e /tmp/holds
kill_node 2
wait $holder || true
node 3 truncate -s 100 /csv/data/held &
waiter=$!
sleep 8
kill -0 $waiter || fail "the truncation did not wait for node 2"
assert_eq "$(node 1 stat -c %s /csv/data/held)" 65536
restart_node 2
load_csvfs
prepare_node 2
assert wait $waiter
assert_eq "$(node 1 stat -c %s /csv/data/held)" 100
mount_csv 2
assert node 2 bash -c 'echo again >/csv/data/held'
assert_eq "$(node 3 cat /csv/data/held)" again
