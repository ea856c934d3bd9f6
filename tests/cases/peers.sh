# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 240
# Whoever does not keep to the protocol is told why and shown the door, before and after the handshake; the others notice
# nothing.

cluster_up
umount_csv 1
move_volume 1 2
# From here on somebody else speaks for node 1.
echo 'cluster lab' | assert node_in 1 csvctl cluster apply -
volume=$(csvctl_on 2 -j volume show data | grep -oE '"id": *"?[0-9a-fx]+' | head -n 1 | grep -oE '[0-9a-fx]+$')

probe() { # PROBE...
	node 1 csv_peer 1 2 "$(node_addr 2)" lab /etc/csvfs/key "$volume" "${table_epoch:?}" "$@"
}

expect() { # PROBE WANTED
	local said
	said=$(probe "$1" 2>&1) || true
	assert_eq "$said" "$1: $2"
}

note "in the handshake"
expect null 'reply 0'
expect version 'goaway no common version: 1..1 here, 99..99 there'
expect feature 'goaway a required feature is unknown here'
expect cluster 'goaway not the same cluster name: compare the tables'
expect stranger 'goaway node 77 is not in the table'
expect target 'goaway not the node that was expected: 1 for 42'
expect index 'goaway there is no connection 200'
expect small 'goaway messages of 512 bytes are too small'
expect key 'goaway authentication failed: not the same key, set it anew'
expect hello-crc 'goaway this is not csvfs, or was damaged'
expect garbage 'goaway this is not csvfs, or was damaged'
expect half closed

note "requests"
expect root 'reply 0'
expect stale 'reply 1001'
expect ahead 'reply 1002'
expect volume 'reply 1003'
expect args 'reply 74'
expect handle 'reply 116'
expect reply 'reply 0'
expect cancel 'reply 0'
for bad in opcode slot class session sequence plen doff type flags digest hello ping; do
	expect $bad 'goaway a malformed message came'
done
expect cut closed

note "what was not granted"
assert node 3 dd if=/dev/urandom of=/csv/data/granted bs=64k count=1 oflag=direct status=none
before=$(node 3 md5sum /csv/data/granted)
read -r _ _ type hex <<<"$(node 3 csv_call handle /csv/data/granted)"
for what in commit-none commit-read commit-moved commit-behind commit-old block-read-none block-write-none \
	block-write-read block-write-behind; do
	said=$(node 1 env HANDLE="$type $hex" csv_peer 1 2 "$(node_addr 2)" lab /etc/csvfs/key "$volume" "$table_epoch" $what 2>&1) || true
	assert_eq "$said" "$what: reply 1004"
done
assert_eq "$(node 1 env HANDLE="$type $hex" csv_peer 1 2 "$(node_addr 2)" lab /etc/csvfs/key "$volume" "$table_epoch" commit 2>&1)" "commit: reply 0"
assert_eq "$(node 2 md5sum /csv/data/granted)" "$before" "the file"

counter() { csvctl_on 2 -j node show n1 | grep -oE "\"$1\": *[0-9]+" | grep -oE '[0-9]+$'; }
[ "$(counter bad_frames)" -ge 12 ] || fail "$(counter bad_frames) malformed messages were counted"
[ "$(counter auth_failures)" -ge 1 ] || fail "$(counter auth_failures) wrong keys were counted"

note "the others"
assert node 3 bash -c 'echo unharmed >/csv/data/file'
assert_eq "$(node 2 cat /csv/data/file)" unharmed
prepare_node 1
mount_csv 1
assert_eq "$(node 1 cat /csv/data/file)" unharmed

note "strangers who say nothing keep nobody from coming back"
node 3 timeout 120 csv_peer 1 2 "$(node_addr 2)" lab /etc/csvfs/key 0 0 flood >flood 2>&1 &
flood=$!
sleep 2
assert csvctl_on 1 node set n2 reset
wait_for 10 connected 1
assert_eq "$(node 1 timeout 10 cat /csv/data/file)" unharmed
kill -0 $flood || fail "the flood ended: $(cat flood)"
node 3 pkill -x csv_peer
wait $flood || true

note "somebody who listens as node 3"
umount_csv 3
echo 'cluster lab' | assert node_in 3 csvctl cluster apply -
impostor() { # PROBE WANTED
	local said
	said=$(node 3 csv_peer 3 0 "$(node_addr 3)" lab /etc/csvfs/key 0 0 "$1" 2>&1) || true
	[[ $said =~ ^"$1: "$2$ ]] || fail "not '$2' but: $said"
}
impostor listen-key 'goaway authentication failed: not the same key, set it anew'
impostor listen-cluster 'goaway not the same cluster name: compare the tables'
impostor listen-other 'goaway not the node that was expected: 77 for [12]'
impostor listen-link 'goaway an answer to another question'
impostor listen trusted
