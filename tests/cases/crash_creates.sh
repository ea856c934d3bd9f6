# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: vm
# kernel: stock
# timeout: 360
# What the coordinator acknowledged outlives its sudden death: 1,000 files and more, by the list kept outside the machines.

lines() { wc -l <created; }

more_than() { [ "$(lines)" -gt "$1" ]; }

cluster_up
assert node 2 mkdir /csv/data/many
# shellcheck disable=SC2016 # expanded on the node
{ node 2 bash -c 'echo $$ >/tmp/creates.pid; exec csv_call creates /csv/data/many 1000000' || true; } >created &
creator=$!
wait_for 120 more_than 1000
kill_node 1
sleep 1
acknowledged=$(grep -cE '^[0-9]+$' created)
note "$acknowledged files before the death of node 1"
restart_node 1
load_csvfs
prepare_node 1
assert volume_online

# Its create in flight may answer EEXIST, or go on: both are right.
ended_or_goes_on() { more_than "$acknowledged" || ! kill -0 $creator 2>/dev/null; }
wait_for 60 ended_or_goes_on
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'kill $(cat /tmp/creates.pid)' || true
wait $creator

grep -xE '[0-9]+' created | sort >wanted
node 2 ls /csv/data/many | sort >there
lost=$(comm -23 wanted there | wc -l)
assert_eq "$lost" 0 "acknowledged files that are not there (first: $(comm -23 wanted there | head -n 1))"
mount_csv 1
assert_eq "$(node 1 ls /csv/data/many | wc -l)" "$(wc -l <there)" "files at node 1"
note "$(wc -l <wanted) acknowledged, $(wc -l <there) there"
