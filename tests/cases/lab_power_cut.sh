# shellcheck shell=bash
# topology: vm
# timeout: 120
# A node that lost its power is dead for the others, keeps what it had written, and comes back.

head -c 4096 /dev/urandom >pattern
node_in 2 dd of="$(disk 2 1)" bs=4096 oflag=direct iflag=fullblock status=none <pattern
kill_node 2
status=0
node 2 true || status=$?
assert_eq $status 255 "exit status on a dead node"
if node 1 ping -q -c 1 -W 1 "$(node_addr 2)"; then fail "a dead node answers"; fi
restart_node 2
assert_eq "$(node 2 dd if="$(disk 2 1)" bs=4096 count=1 iflag=direct status=none | cksum)" "$(cksum <pattern)" "after boot"
assert node 1 ping -q -c 2 -i 0.2 "$(node_addr 2)"
