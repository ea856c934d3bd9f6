# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# A node has several addresses. When the one in use goes away, the next one takes over under load and nothing fails; one
# that no interface has yet is none to wait for; and a table may change them while a volume is in use.

# shellcheck disable=SC2034 # of csvfs.sh
FAMILY='4 6'

# by N PEER: the address that was dialled for the link of the two
by() { csvctl_on "$1" -j node show "$2" | sed -nE 's/.*"via": *"([^"]*)".*/\1/p'; }

load() { # SECONDS
	node 2 fio --name=file --directory=/csv/data --ioengine=libaio --direct=1 --iodepth=8 --rw=randrw --bs=4k --size=4m \
		--verify=crc32c --verify_fatal=1 --verify_backlog=64 --time_based --runtime="$1" --output=/tmp/fio &
}

cluster_up file block
assert_eq "$(csvctl_on 1 cluster export | grep -c '^node n[1-3] id [1-3] address 10\.77\.0\.[1-3],fd77::[1-3]$')" 3 \
	"nodes with both addresses"
assert_eq "$(csvctl_on 3 node show n1 | grep -o 'address 10.77.0.1,fd77::1 port')" 'address 10.77.0.1,fd77::1 port' "n1 shown"
assert_eq "$(by 1 n2) $(by 2 n1)" "10.77.0.2 10.77.0.2" "both ends of the link"

note "the address in use goes away, and comes back"
load 25
assert node 2 ip addr del 10.77.0.2/24 dev eth0
wait_for 60 eval '[ "$(by 1 n2) $(by 2 n1) $(by 3 n2)" = "fd77::2 fd77::2 fd77::3" ]'
assert node 2 ip addr add 10.77.0.2/24 dev eth0
assert csvctl_on 1 node set n2 reset
wait_for 40 eval '[ "$(by 1 n2)" = 10.77.0.2 ]'

note "other addresses in the table, of which the first ones are not there yet"
other() { write_table | sed -E 's/address 10\.77\.0\.([1-3]),/address 10.99.0.\1,/'; }
for n in 1 2 3; do other | assert node_in "$n" csvctl cluster apply -; done
wait_for 40 eval '[ "$(by 1 n2)" = fd77::2 ]'
for n in 1 2; do assert node "$n" ip addr add "10.99.0.$n/24" dev eth0; done
assert csvctl_on 1 node set n2 reset
wait_for 40 eval '[ "$(by 1 n2)" = 10.99.0.2 ]'
assert wait $!

note "a table without an address of this node"
before=$(csvctl_on 3 cluster export)
said=$(other | sed 's/,fd77::3$//' | node_in 3 csvctl cluster apply - 2>&1) && fail "no address of node 3 is there, and it was applied"
note "$said"
[[ $said == *'no interface has 10.99.0.3'*'add the address'* ]] || fail "not said"
assert_eq "$(csvctl_on 3 cluster export)" "$before" "the table in force"
assert node 3 bash -c 'echo alive >/csv/data/alive'
assert_eq "$(node 2 cat /csv/data/alive)" alive
for n in 1 2; do assert node "$n" ip addr del "10.99.0.$n/24" dev eth0; done
assert apply_table

note "a node without any address fences a dead one"
umount_csv 3
# both at once, so that nobody is left to dial
assert node 3 ip addr flush dev eth0 scope global
if csvctl_on 3 node set n3 reset 2>said; then fail "listens without an address"; fi
alone() { [ "$(csvctl_on 3 node show | grep -c 'not connected')" = 2 ]; }
wait_for 60 alone
assert csvctl_on 3 node set n2 fenced on
assert csvctl_on 3 node set n2 fenced off
assert node 3 ip addr add 10.77.0.3/24 dev eth0
assert node 3 ip addr add fd77::3/64 dev eth0 nodad
assert csvctl_on 3 node set n3 reset
wait_for 40 connected 3
