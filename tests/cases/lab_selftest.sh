# shellcheck shell=bash
# topology: ns vm
# timeout: 60
# The lab itself: nodes reach each other, share a disk, return exact exit statuses, and a kernel warning does not pass.

for family in 4 6; do
	assert node 1 ping -q -c 2 -i 0.2 "$(node_addr 2 $family)"
	assert node 3 ping -q -c 2 -i 0.2 "$(node_addr 1 $family)"
done

note "a disk is shared"
head -c 4096 /dev/urandom | tee pattern | node_in 1 dd of="$(disk 1 2)" bs=4096 oflag=direct iflag=fullblock status=none
assert_eq "$(node 2 dd if="$(disk 2 2)" bs=4096 count=1 iflag=direct status=none | cksum)" "$(cksum <pattern)" "node 2 reads"

note "one node's path fails alone"
fail_path 2 2
if node 2 dd if="$(disk 2 2)" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; then fail "a failed path answers"; fi
assert node 3 dd if="$(disk 3 2)" of=/dev/null bs=4096 count=1 iflag=direct status=none
heal_path 2 2
assert node 2 dd if="$(disk 2 2)" of=/dev/null bs=4096 count=1 iflag=direct status=none

note "exit statuses and arguments are exact"
status=0
node 2 bash -c 'exit 7' || status=$?
assert_eq $status 7 "exit status"
assert_eq "$(node 3 printf '%s|' 'a  b' "\$c" "d'e")" "a  b|\$c|d'e|" "arguments"

note "the checker sees a warning"
node 1 bash -c 'echo "WARNING: CPU: 0 PID: 1 at selftest" >/dev/kmsg'
if dmesg_check 1; then fail "the warning passed"; fi
dmesg_mark 1
assert dmesg_check 1
