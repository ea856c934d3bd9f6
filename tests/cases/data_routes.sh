# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# What a node writes by any route is what the others read, its bytes take the way that the route says, and our counters
# agree with the interface's and the disk's.

cluster_up
MIB=$((1 << 20))

holds() { # FILE MD5 NODE...: that is what these nodes read
	local n
	for n in "${@:3}"; do
		assert_eq "$(node "$n" bash -c "dd if=/csv/data/$1 bs=1M status=none | md5sum" | cut -d ' ' -f 1)" "$2" \
			"node $n reads $1"
	done
}

below() { # WHAT BYTES PAYLOAD: less than 1 %
	[ $(($2 * 100)) -lt "$3" ] || fail "$1: $2 bytes for a payload of $3"
}

# Headers of Ethernet, IP and TCP alone are 4.6 % of what they frame; the rest is for what else was sent, or sent again.
about() { # WHAT OURS THEIRS PAYLOAD: ours is theirs, but for 10 % of the payload
	local off=$(($3 - $2))
	[ $((${off#-} * 10)) -lt "$4" ] || fail "$1: $2 by csvctl stat, $3 by the kernel"
}

for way in 1:local 2:direct 2:block 2:file; do
	n=${way%:*} name=${way#*:}
	note "$(ops 4) MiB by $name"
	route "$n" "$name"
	# shellcheck disable=SC2016 # expanded on the node
	sum=$(node "$n" bash -ec 'cd /csv/data; head -c "${2}M" /dev/urandom >/tmp/pattern
		dd if=/tmp/pattern of="$1.direct" bs=64k oflag=direct status=none
		dd if=/tmp/pattern of="$1.odd" bs=77777 status=none
		dd if=/tmp/pattern of="$1.odd" bs=4567 skip=50 seek=50 count=50 conv=notrunc status=none
		md5sum </tmp/pattern' write "$name" "$(ops 4)")
	holds "$name.direct" "${sum%% *}" 3
	holds "$name.odd" "${sum%% *}" $((3 - n)) 3
done

# Bytes of node 2 by the interface and the disk, and by csvctl stat.
measure() { # ROUTE MIB write|read
	local net disk our_net our_disk payload=$(($2 * MIB)) flags=(if=/dev/zero of=/csv/data/large oflag=direct 'conv=notrunc,fsync')
	[ "$3" = write ] || flags=(if=/csv/data/large of=/dev/null iflag=direct)
	assert csvctl_on 2 stat reset data
	net=$(net_bytes 2) disk=$(disk_bytes 2)
	assert node 2 dd "${flags[@]}" bs=1M count="$2" status=none
	net=$(($(net_bytes 2) - net)) disk=$(($(disk_bytes 2) - disk))
	read -r our_net our_disk <<<"$(stat_bytes 2)"
	note "$1 $3 of $payload: network $net ($our_net), disk $disk ($our_disk)"
	case $1 in
	direct) below "$1 $3, network" $net $payload && below "$1 $3, network by csvctl" "$our_net" $payload ;;
	*) below "$1 $3, disk" $disk $payload && below "$1 $3, disk by csvctl" "$our_disk" $payload ;;
	esac
	about "$1 $3, network" "$our_net" $net $payload
	about "$1 $3, disk" "$our_disk" $disk $payload
}

route 2 direct
assert node 2 dd if=/dev/urandom of=/csv/data/large bs=1M count=32 oflag=direct status=none
measure direct 32 write
measure direct 32 read
for name in block file; do
	route 2 $name
	measure $name 8 write
	measure $name 8 read
done

note "appends of two nodes"
route 2 direct
jobs=()
for n in 2 3; do
	# shellcheck disable=SC2016 # expanded on the node
	node "$n" bash -ec 'for i in {1..30}; do echo "$1 $i" >>/csv/data/log; done
		exec >>/csv/data/log; for i in {31..60}; do echo "$1 $i"; done' append "$n" &
	jobs+=($!)
done
for job in "${jobs[@]}"; do assert wait "$job"; done
for n in $(nodes); do
	assert_eq "$(node "$n" sort -n -k 1,1 -k 2,2 /csv/data/log)" "$(printf '%s\n' 2\ {1..60} 3\ {1..60})" "lines, node $n"
done

note "a sparse file, and what another node takes out of a file"
# shellcheck disable=SC2016 # expanded on the node
model() { # COMMANDS: done to /tmp/model at node 1, where no node but it looks
	assert node 1 bash -ec "cd /tmp; $1"
	holds sparse "$(node 1 md5sum /tmp/model | cut -d ' ' -f 1)" 1 2
}
assert node 3 truncate -s 5000000 /csv/data/sparse
model 'rm -f model; truncate -s 5000000 model'
# node 2 holds layouts of what it wrote
assert node 1 bash -ec 'head -c 2M /dev/urandom >/tmp/part'
# shellcheck disable=SC2002 # to another node
node 1 cat /tmp/part | assert node_in 2 dd of=/csv/data/sparse bs=64k seek=16 iflag=fullblock conv=notrunc status=none
model 'dd if=part of=model bs=64k seek=16 conv=notrunc status=none'
assert node 3 fallocate -p -o 1500000 -l 300000 /csv/data/sparse
model 'fallocate -p -o 1500000 -l 300000 model'
assert node 1 fallocate -z -o 2000000 -l 100001 /csv/data/sparse
model 'dd if=/dev/zero of=model oflag=seek_bytes seek=2000000 bs=100001 count=1 conv=notrunc status=none'
assert node 3 truncate -s 2222222 /csv/data/sparse
model 'truncate -s 2222222 model'
assert node 2 truncate -s 3000000 /csv/data/sparse
model 'truncate -s 3000000 model'

note "the last bytes of the largest file, and what is behind them"
limit=$(((1 << 63) - 4096))
put() { # NODE OFFSET
	# shellcheck disable=SC2016 # expanded on the node
	node "$1" bash -c 'printf 1 | dd of=/csv/data/far oflag=seek_bytes seek="$1" bs=1 conv=notrunc status=none 2>&1' put "$2"
}
for n in $(nodes); do
	assert put "$n" $((limit - n))
	[[ $(put "$n" $limit) == *"File too large" ]] || fail "node $n writes behind the limit"
done
for way in 1:local 2:direct 2:block 2:file; do
	n=${way%:*}
	route "$n" "${way#*:}"
	assert_eq "$(node "$n" xfs_io -r -c "pread -q -v $((limit - 3)) 9" /csv/data/far | tr -s ' ')" \
		"$(printf '%x: 31 31 31 111' $((limit - 3)))" "${way#*:}"
	assert_eq "$(node "$n" xfs_io -r -c "pread -q -v $((limit + 4090)) 3" /csv/data/far)" "" "${way#*:}, behind the limit"
done
for way in 1:local 2:direct 2:block 2:file; do
	n=${way%:*}
	route "$n" "${way#*:}"
	assert node 1 truncate -s $((limit - 8192)) /csv/data/far
	# shellcheck disable=SC2016 # expanded on the node
	said=$(node "$n" bash -c 'dd if=/dev/zero of=/csv/data/far oflag=seek_bytes,direct seek="$1" bs=2k count=5 conv=notrunc 2>&1' grow $((limit - 8192)) || true)
	[[ $said == *"File too large"*"4+0 records out"* ]] || fail "${way#*:}, up to the limit: $said"
done
assert node 1 rm /csv/data/far

note "a grant to read takes no right to write away"
layouts() { csvctl_on 2 stat show data | awk '/LAYOUT_GET/ { sum += $3 } END { print sum + 0 }'; }
overwrite='dd if=/dev/zero of=/csv/data/rights bs=64k seek=1 count=1 oflag=direct conv=notrunc status=none'
assert node 2 bash -ec "truncate -s 1M /csv/data/rights; $overwrite; $overwrite
	dd if=/csv/data/rights of=/dev/null bs=64k count=1 iflag=direct status=none"
before=$(layouts)
[ "$before" -gt 0 ] || fail "no layout was ever asked for"
assert node 2 bash -ec "$overwrite"
assert_eq "$(layouts)" "$before" "layouts asked for"

note "overwrites from memory that is not aligned, side by side at the coordinator"
redirect 1 file
assert node 1 bash -ec 'head -c 1M /dev/zero >/csv/data/unaligned; sync /csv/data/unaligned'
writers=()
for at in 0 262144 524288; do
	node 1 python3 -c "import os
fd = os.open('/csv/data/unaligned', os.O_RDWR)
for i in range($(ops 400)): os.pwrite(fd, bytes([i % 256]) * 8192, $at + i % 16 * 8192)" &
	writers+=($!)
done
for writer in "${writers[@]}"; do assert wait "$writer"; done

note "memory that has never been touched"
redirect 1 off
for n in $(nodes); do assert_eq "$(node "$n" csv_call cold /csv/data/cold)" ok "node $n: cold memory"; done
redirect 2 block
assert_eq "$(node 2 csv_call cold /csv/data/cold)" ok "block-redirected: cold memory"
