# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 120
# ext4 is accepted as lower file system: all its data is file-redirected, and the reason is told on every node.

# shellcheck disable=SC2034 # of csvfs.sh
table_type=ext4
cluster_up
for n in $(nodes); do
	said=$(csvctl_on "$n" -j volume show data)
	[[ $said =~ \"route\":\ *\"file-redirected\" ]] || fail "node $n: $said"
	[[ $said == *no-extent-map* ]] || fail "node $n tells no reason: $said"
done
assert node 2 bash -ec 'head -c 3M /dev/urandom >/tmp/pattern; dd if=/tmp/pattern of=/csv/data/f bs=64k oflag=direct status=none'
for n in 1 3; do
	assert_eq "$(node "$n" md5sum </dev/null /csv/data/f | cut -d ' ' -f 1)" "$(node 2 md5sum /tmp/pattern | cut -d ' ' -f 1)" \
		"node $n reads"
done
assert csv_fsx -N "$(ops 400)" -S $RANDOM "$(root_of 1)/csv/data/x" "$(root_of 2)/csv/data/x" "$(root_of 3)/csv/data/x"
assert_eq "$(node 2 csv_call creates /csv/data 50 | wc -l)" 50
said=$(csvctl_on 2 stat show data)
if grep -qE '^ +(direct|block) +(READ|WRITE)' <<<"$said"; then fail "not file-redirected: $said"; fi
grep -qE 'file-redirected no-extent-map' <<<"$said" || fail "no reason is counted: $said"
note "a regular file by mknod()"
assert node 2 python3 -c 'import os; os.mknod("/csv/data/m", 0o100644)'
assert node 2 bash -c 'echo x >/csv/data/m'
assert_eq "$(node 3 cat /csv/data/m)" x
cluster_down
assert node 1 e2fsck -fn "$(disk 1 1)" >fsck 2>&1 || fail "e2fsck: $(cat fsck)"

note "without a journal nothing that is answered is durable"
assert node 1 tune2fs -O ^has_journal "$(disk 1 1)" >tune 2>&1 || fail "$(cat tune)"
for n in $(nodes); do prepare_node "$n"; done
if volume_online 2>said; then fail "on line without a journal"; fi
grep -q 'no journal: tune2fs -O has_journal' said || fail "$(cat said)"
