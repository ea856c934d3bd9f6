# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# Bad input is refused with what is wrong and what to do, errors of a file with their lines, and changes nothing.

: >wrong # what is refused without saying why; told at the end, so that all of it is

# refused STATUS NODE PATTERN... -- CSVCTL-ARGUMENTS: every pattern is in what it says; standard input is passed on
refused() {
	local want=$1 n=$2 said status=0 patterns=() before
	shift 2
	while [ "$1" != -- ]; do patterns+=("$1") && shift; done
	shift
	before=$(csvctl_on "$n" cluster show)
	said=$(node_in "$n" csvctl "$@" 2>&1) || status=$?
	note "$* at $n: $said"
	assert_eq $status "$want" "exit status of $* ($said)"
	for pattern in "${patterns[@]}"; do
		[[ $said =~ $pattern ]] || echo "$* at $n: '$pattern' is not in: $said" | tee -a wrong
	done
	assert_eq "$(csvctl_on "$n" cluster show)" "$before" "the table in force after $*"
}

online_refused() { # NODE VOLUME PATTERN...
	refused 2 "$1" "${@:3}" -- volume online "$2" </dev/null
}

cluster_prepare
make_xfs 2
second=$(node 1 blkid -p -s UUID -o value "$(disk 1 2)")

# Line 10 on, behind the eight of the table: a volume on the second disk, as VOLUME-WORDS say.
with_second() { write_table && printf '%s\n' "volume second $*"; }

note "the first table of a node that has no identity yet may be corrected"
write_table | assert node_in 2 unshare -n bash -ec 'cat >/tmp/right; sed "s/\bn3\b/n33/g" /tmp/right >/tmp/typo
	csvctl cluster apply /tmp/typo; csvctl cluster apply /tmp/right'

note "a file with errors"
{
	write_table
	printf '%s\n' 'access data n9 direct' 'volume bad uuid 1234 device /dev/null' 'nonsense' 'access data n2 sometimes' \
		'access other n2 direct' 'node n1 id 7 address 10.77.0.300'
} | refused 1 1 ':9: .*no line names a node n9' ':10: uuid 1234' ':11: nonsense' ':12: access sometimes' \
	':13: no line names a volume other' ':14: node n1 is there twice' ':14: address 10\.77\.0\.300' -- cluster apply -
write_table | sed 's/owner n1/owner n8/' | refused 1 1 ':5: no line names a node n8' -- cluster apply -
refused 1 1 'No such file' -- cluster apply /no/such/file </dev/null

note "a device that is not there"
with_second uuid "$second" device /dev/mapper/none owner n1 | assert node_in 1 csvctl cluster apply -
online_refused 1 second 'second: .*(not there|No such|no such|does not exist|cannot be opened)'

note "another UUID, another file system: not a byte of the disk changes"
content() { node 1 bash -c "head -c 64M $(disk 1 2) | md5sum"; }
content=$(content)
with_second uuid 01234567-89ab-cdef-0123-456789abcdef device "$(disk 1 2)" owner n1 epoch 2 |
	assert node_in 1 csvctl cluster apply -
online_refused 1 second 'second: .*another UUID: check device and uuid'
with_second uuid "$second" device "$(disk 1 2)" type ext4 owner n1 epoch 3 | assert node_in 1 csvctl cluster apply -
online_refused 1 second 'second: .*no such file system: check device and type'
assert_eq "$(content)" "$content" "the disk of another volume"

note "a file system with errors"
# shellcheck disable=SC2016 # expanded on the node
assert node 1 bash -c 'printf "\377\377\377\377" | dd of="$1" bs=1 seek=224 conv=notrunc status=none; blockdev --flushbufs "$1"' \
	damage "$(disk 1 2)"
with_second uuid "$second" device "$(disk 1 2)" owner n1 epoch 4 | assert node_in 1 csvctl cluster apply -
online_refused 1 second 'second: .*does not mount: .*dmesg.*repair'
assert node 1 bash -ec 'mkfs.ext4 -qF -U "$2" "$1"; debugfs -wR "ssv state 2" "$1"; blockdev --flushbufs "$1"' damage "$(disk 1 2)" "$second"
content=$(content)
with_second uuid "$second" device "$(disk 1 2)" type ext4 owner n1 epoch 5 | assert node_in 1 csvctl cluster apply -
online_refused 1 second 'second: .*has errors: repair it'
assert_eq "$(content)" "$content" "the disk with errors"

note "another node's volume, a volume that another node has on line, an epoch that is over"
assert apply_table
online_refused 2 data 'gives volume data to another node'
assert volume_online
mount_csv 1
write_table | sed 's/transport tcp/transport loop/' | refused 2 1 'this node would change its transport, but uses data' -- cluster apply -
write_table | sed 's/owner n1/owner n2/' | refused 2 2 ':5: volume data: another owner needs an epoch above 1' -- cluster apply -
write_table | sed 's/owner n1 epoch 1/owner n2 epoch 2/' | assert node_in 2 csvctl cluster apply -
online_refused 2 data 'is online on n1: set it offline there'
write_table | refused 2 2 ':5: volume data: epoch 1 is older than 2 in force' -- cluster apply -
assert node 1 bash -c 'echo serves >/csv/data/file'

note "an online that is refused takes nothing from anybody"
umount_csv 1
assert volume_offline
# shellcheck disable=SC2034 # of csvfs.sh
table_owner=3 table_epoch=3
assert apply_table
assert volume_online
mount_csv 2
in_use() { csvctl_on 3 volume show data | grep -E 'opens [1-9].* layouts [1-9]'; }
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'exec {fd}<>/csv/data/held; dd if=/dev/zero of=/csv/data/held bs=64k count=1 conv=notrunc oflag=direct status=none
	echo $$ >/tmp/hold.pid; exec sleep 1000' &
holder=$!
wait_for 10 node 2 test -s /tmp/hold.pid
before=$(in_use) || true
[ -n "$before" ] || fail "node 3 tells not what is in use: $(csvctl_on 3 -j volume show data)"
write_table | sed 's/owner n3 epoch 3/owner n1 epoch 4/' | assert node_in 1 csvctl cluster apply -
online_refused 1 data 'is online on n3: set it offline there'
assert_eq "$(in_use)" "$before" "what is in use at node 3"
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -c 'kill $(cat /tmp/hold.pid)'
wait $holder || true

note "a peer with another key, a peer of another cluster"
umount_csv 2
# the last close had all that was open
assert volume_offline
# shellcheck disable=SC2034 # of csvfs.sh
table_owner=1 table_epoch=5
assert apply_table 1 2 3
says_of_3() { [[ $(csvctl_on 1 node show n3) =~ $1 ]]; }
assert node 3 bash -ec 'umask 077; echo fedcba9876543210fedcba9876543210 >/etc/csvfs/wrong
	csvctl node set n3 local key-file /etc/csvfs/wrong; csvctl node set n3 reset'
wait_for 20 says_of_3 'authentication failed: not the same key'
online_refused 1 data 'n3 does not answer for data: see node show'
write_table | sed 's/^cluster lab/cluster other/' | refused 2 3 'is in cluster lab: give it a table' -- cluster apply -
echo 'cluster lab' | assert node_in 3 csvctl cluster apply -
write_table | sed 's/^cluster lab/cluster other/' | assert node_in 3 csvctl cluster apply -
assert csvctl_on 3 node set n3 local key-file /etc/csvfs/key
wait_for 20 says_of_3 'not the same cluster'
online_refused 1 data 'n3 does not answer for data: see node show'
assert csvctl_on 1 node set n3 fenced on
assert volume_online
mount_csv 2
assert_eq "$(node 2 cat /csv/data/file)" serves
[ ! -s wrong ] || fail "errors that do not say what they should: $(cat wrong)"
