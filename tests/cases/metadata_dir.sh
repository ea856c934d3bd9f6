# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# A directory of many entries lists the same on every node, each name once, while another node changes it; of three nodes
# that create the same name exclusively one wins.

cluster_up

entries=$(ops 2000)
note "$entries entries"
assert node 2 mkdir /csv/data/many
assert_eq "$(node 2 csv_call creates /csv/data/many "$entries" | wc -l)" "$entries" "created"
for n in $(nodes); do
	assert_eq "$(node "$n" ls "/csv/data/many" | sort -u | wc -l)" "$entries" "node $n: names"
	assert_eq "$(node "$n" bash -c "ls -f /csv/data/many | sort | uniq -d" | wc -l)" 0 "node $n: twice"
done
assert_eq "$(node 3 find /csv/data/many -type f | wc -l)" "$entries" "types"

note "listed while another node removes every second one"
node 1 bash -c "cd /csv/data/many; rm -- *[02468]" &
remover=$!
for ((i = 0; i < 3; i++)); do
	node 3 ls -f /csv/data/many >list
	assert_eq "$(sort list | uniq -d | wc -l)" 0 "twice"
	assert_eq "$(grep -c '[13579]$' list)" $((entries / 2)) "names that stay"
done
wait $remover
assert_eq "$(node 3 ls /csv/data/many | wc -l)" $((entries / 2)) "left"

note "exclusive creation"
races=$(ops 200)
assert node 1 mkdir /csv/data/race
for n in $(nodes); do
	node "$n" csv_call race /csv/data/race "$races" >"race-$n" &
	racers+=($!)
done
wait "${racers[@]}"
assert_eq "$(sort race-? | uniq -c | tr -s ' \n' ' ')" " $((2 * races)) EEXIST $races ok " "of three nodes one wins"

note "an unlinked open file keeps working, from another node, too"
assert node 2 bash -c "echo before >/csv/data/open"
node 3 bash -ec "exec 5<>/csv/data/open; touch /csv/data/is-open
	until [ -e /csv/data/is-gone ]; do sleep 0.1; done
	cat <&5; echo after >&5; stat -L -c %h:%s /proc/self/fd/5; head -c 13 /proc/self/fd/5 | tail -n 1" >said &
holder=$!
wait_for 10 node 1 test -e /csv/data/is-open
assert node 1 rm /csv/data/open
assert node 1 touch /csv/data/is-gone
assert wait $holder
assert_eq "$(tr '\n' ' ' <said)" "before 0:13 after " "the open file"

note "an open directory that is removed or replaced can be looked at"
# shellcheck disable=SC2016 # expanded on the node
assert_eq "$(node 2 bash -ec 'cd /csv/data; mkdir old new; exec 5<old; mv -T new old; stat -c %F:%h - <&5')" directory:0 "replaced"
node 3 bash -ec "cd /csv/data; exec 5<old; touch is-open-dir; until [ -e is-gone-dir ]; do sleep 0.1; done
	stat -c %F:%h - <&5; stat old 2>&1 || true" >said &
holder=$!
wait_for 10 node 1 test -e /csv/data/is-open-dir
assert node 1 rmdir /csv/data/old
assert node 1 touch /csv/data/is-gone-dir
assert wait $holder
assert_eq "$(<said)" "directory:0
stat: cannot statx 'old': No such file or directory" "removed by another node"
