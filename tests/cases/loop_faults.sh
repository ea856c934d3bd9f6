# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 240
# Over the in-memory transport messages are lost, late, doubled and damaged, and connections break: requests are sent again
# in their slots, every operation takes effect once, no application sees an error.

# shellcheck disable=SC2034 # of csvfs.sh
TRANSPORT=loop DIGEST=on
cluster_up block file
knobs=/sys/kernel/debug/csvfs/loop

fault() { # KNOB N
	local knob
	for knob in drop disconnect duplicate corrupt delay; do echo 0 >"$knobs/$knob"; done
	echo "$2" >"$knobs/$1"
}

counter() { # NODE PEER COUNTER
	csvctl_on "$1" -j node show "n$2" | grep -oE "\"$3\": *[0-9]+" | grep -oE '[0-9]+$'
}

round=0
for how in 'drop 150' 'disconnect 150' 'duplicate 20' 'corrupt 150' 'delay 4'; do
	note "$how"
	dir=/csv/data/$((round += 1))
	before=$(counter 2 1 reconnects) bad=$(($(counter 1 2 bad_frames) + $(counter 1 3 bad_frames)))
	assert node 2 mkdir $dir
	# shellcheck disable=SC2086 # two words
	fault $how
	jobs=()
	for n in 2 3; do
		node "$n" fio --name="node$n" --directory=$dir --ioengine=libaio --direct=1 --iodepth=4 --rw=randrw --bs=4k \
			--size="$(ops 1024)k" --io_size="$(ops 4096)k" --verify=crc32c --verify_fatal=1 --output="/tmp/fio-$n" &
		jobs+=($!)
	done
	count=$(ops 200)
	node 2 csv_call creates $dir "$count" >created &
	jobs+=($!)
	for job in "${jobs[@]}"; do assert wait "$job"; done
	fault delay 0
	assert_eq "$(tail -n 1 created)" $((count - 1)) "created"
	assert_eq "$(node 3 ls $dir | wc -l)" $((count + 2)) "names"
	case $how in
	dr* | di*) [ "$(counter 2 1 reconnects)" -gt "$before" ] || fail "no connection broke" ;;
	co*)
		now=$(($(counter 1 2 bad_frames) + $(counter 1 3 bad_frames)))
		[ $now -gt $bad ] || fail "nothing damaged was noticed"
		;;
	esac
done

note "exclusive creation while connections break"
assert node 1 mkdir /csv/data/race
fault disconnect 60
racers=() count=$(ops 120)
for n in 2 3; do
	node "$n" csv_call race /csv/data/race "$count" >"race-$n" &
	racers+=($!)
done
wait "${racers[@]}"
fault delay 0
assert_eq "$(sort race-? | uniq -c | tr -s ' \n' ' ')" " $count EEXIST $count ok " "of two nodes one wins"
