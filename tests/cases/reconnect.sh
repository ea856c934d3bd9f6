# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns vm
# timeout: 240
# The coordinator drops all its connections (of IPv6, with digests) again and again under load: requests are sent again,
# and nothing fails.

# shellcheck disable=SC2034 # of csvfs.sh
FAMILY=6 DIGEST=on
cluster_up file block
for n in 2 3; do
	node "$n" fio --name="node$n" --directory=/csv/data --ioengine=libaio --direct=1 --iodepth=8 --rw=randrw --bs=4k \
		--size=4m --verify=crc32c --verify_fatal=1 --verify_backlog=64 --time_based --runtime=15 --output=/tmp/fio-$n &
	jobs+=($!)
done
# a message that does not fit into the socket at once, sent again while its reply is there already
route 3 file
node 3 fio --name=large --directory=/csv/data --ioengine=psync --direct=1 --rw=randrw --bs=1m --size=4m --verify=crc32c \
	--verify_fatal=1 --verify_backlog=4 --time_based --runtime=15 --output=/tmp/fio-large &
jobs+=($!)
assert node 2 mkdir /csv/data/many
count=$(ops 1500)
node 2 csv_call creates /csv/data/many "$count" >created &
jobs+=($!)
for ((i = 0; i < 12; i++)); do
	sleep 1
	assert csvctl_on 1 node set n1 reset
done
for job in "${jobs[@]}"; do assert wait "$job"; done
assert_eq "$(tail -n 1 created)" $((count - 1)) "created"
assert_eq "$(node 3 ls /csv/data/many | wc -l)" "$count" "names"
reconnects=$(csvctl_on 2 node show n1 | awk '$1 == "reconnects" { print $2 }')
note "$reconnects reconnects"
[ "$reconnects" -ge 10 ] || fail "only $reconnects reconnects"
