# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 600
# Without access or a coordinator operations wait, end by SIGKILL or umount -f only, and go on when it is back.

# in_background NAME COMMAND [SOURCE]: on node 2, reading SOURCE; its pid there is in /tmp/NAME.pid, its output here in
# NAME.out
in_background() {
	node 2 bash -c "${3:-true} | { echo \$BASHPID >/tmp/$1.pid; exec $2; }" >"$1.out" 2>&1 &
	wait_for 30 node 2 test -s "/tmp/$1.pid"
}

# What feeds a job, some 20 times a second: without a new process each time, of which a slow machine starts too few.
feed() { # BYTES
	echo "mkfifo -m 600 /tmp/nap 2>/dev/null; exec 9<>/tmp/nap; until [ -e /tmp/stop ]; do printf '%0$1d' 0; read -rt 0.05 -u 9; done"
}

lives() { node 2 bash -c "kill -0 \$(cat /tmp/$1.pid) 2>/dev/null"; }

dead() { ! lives "$1"; }

size_of() { node 1 stat -c %s "/csv/data/$1"; }

grows() { # FILE
	local before
	before=$(size_of "$1")
	sleep 0.5
	[ "$(size_of "$1")" -gt "$before" ]
}

# FILE of zeros has been written to: a program is past its start, which takes long on a slow machine.
begun() { ! node 1 cmp -s -n 16M "/csv/data/$1" /dev/zero; }

cluster_up
node 2 rm -f /tmp/stop /tmp/{one,two,three,ls}.pid

note "access none under I/O"
declare -A job
for name in one two three; do
	in_background $name "dd of=/csv/data/$name bs=64k iflag=fullblock oflag=direct" "$(feed 65536)"
	job[$name]=$!
done
for name in one two three; do wait_for 10 grows $name; done
set_access 2 none
sleep 1
sizes=$(size_of one)/$(size_of two)/$(size_of three)
in_background ls 'ls /csv/data'
ls_job=$!
sleep 2
assert_eq "$(size_of one)/$(size_of two)/$(size_of three)" "$sizes" "sizes while node 2 has no access"
for name in one two three ls; do assert lives $name; done
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -c 'kill -9 $(cat /tmp/two.pid)'
wait_for 10 dead two
if wait "${job[two]}"; then fail "killed and well"; fi
assert lives one

note "access is back"
set_access 2 direct
for name in one three; do wait_for 10 grows $name; done
assert wait $ls_job
assert_eq "$(sort ls.out | tr '\n' ' ')" "one three two "
assert node 2 touch /tmp/stop
for name in one three; do
	wait "${job[$name]}" || fail "dd $name: $(cat $name.out)"
	assert_eq "$(size_of $name)" "$(awk '/ copied/ { print $1 }' $name.out)" "size of $name"
done

note "access none at the coordinator, which overwrites what it holds"
node 1 rm -f /tmp/stop
assert node 1 dd if=/dev/zero of=/csv/data/four bs=4k count=1 oflag=direct status=none
node 1 python3 -c 'import mmap, os, time
f = os.open("/csv/data/four", os.O_RDWR | os.O_DIRECT); page = mmap.mmap(-1, 4096); n = 0
while not os.path.exists("/tmp/stop"):
    n += 1; page[:8] = b"%08d" % n; os.pwritev(f, [page], 0); time.sleep(0.02)' &
writer=$!
at_2() { node 2 dd if=/csv/data/four bs=4k count=1 iflag=direct status=none | head -c 8 | tr -d '\0'; }
goes_on() {
	local before
	before=$(at_2)
	sleep 0.5
	[ "$(at_2)" != "$before" ]
}
wait_for 10 goes_on
set_access 1 none
sleep 1
before=$(at_2)
sleep 2
assert_eq "$(at_2)" "$before" "what node 1 has written without access"
set_access 1 direct
wait_for 10 goes_on
assert node 1 touch /tmp/stop
assert wait $writer
assert node 1 rm /csv/data/four

note "a mount without access"
umount_csv 3
set_access 3 none
if node 3 mount -t csvfs data /csv/data >mount.out 2>&1; then fail "mounted without access"; fi
set_access 3 direct
mount_csv 3

note "no coordinator: ls waits"
assert volume_offline
node 2 rm /tmp/ls.pid
in_background ls 'ls -l /csv/data'
ls_job=$!
sleep 2
assert lives ls
assert volume_online
assert wait $ls_job
assert_eq "$(grep -c root ls.out)" 3 "lines of ls"

note "off line and on line again under work: every name is made once, and times that were set stay"
node 2 rm -f /tmp/stop
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -ec 'mkdir /csv/data/work; cd /csv/data/work; set -o noclobber
	for ((i = 0; ; i++)); do : >$i; mv -n $i x; [ ! -e $i ]; rm x; mkdir $i; rmdir $i; [ ! -e /tmp/stop ] || break; done; echo $i' >work.out 2>&1 &
worker=$!
for ((i = 0; i < 4; i++)); do
	# files that are just open are told by it
	while ! volume_offline 2>said; do grep -q 'files are open' said || fail "$(cat said)"; done
	sleep 0.7
	assert volume_online
	sleep 0.3
done
assert node 2 touch /tmp/stop
assert wait $worker
[ "$(tail -n 1 work.out)" -ge 1 ] || fail "$(cat work.out)"
assert node 2 rm -r /csv/data/work
# what was overwritten before the volume went off line, and is not told yet
node 1 rm -f /tmp/is-writing
node 1 python3 -c 'import mmap, os, time
f = os.open("/csv/data/dated", os.O_RDWR | os.O_CREAT | os.O_DIRECT); page = mmap.mmap(-1, 4096)
while True:
    os.pwritev(f, [page], 0); open("/tmp/is-writing", "w"); time.sleep(0.01)' &
writer=$!
wait_for 20 node 1 test -e /tmp/is-writing
sleep 1
assert csvctl_on 1 volume offline data force
sleep 1
node 1 pkill -9 -f is-writing
wait $writer || true
node 1 touch -d 2001-01-01 /csv/data/dated &
toucher=$!
sleep 1
assert volume_online
assert wait $toucher
sleep 1
[[ $(node 2 stat -c %y /csv/data/dated) == 2001-01-01* ]] || fail "a time that was set is $(node 2 stat -c %y /csv/data/dated)"
assert node 2 rm /csv/data/dated

note "no coordinator: umount -f ends who waits"
assert volume_offline
node 2 rm /tmp/ls.pid
in_background ls 'ls -l /csv/data'
ls_job=$!
sleep 1
assert lives ls
forced() { node 2 umount -f /csv/data; }
wait_for 10 forced
status=0
wait $ls_job || status=$?
assert_eq $status 2 "exit status of ls"
grep -q 'Input/output error' ls.out || fail "not EIO: $(cat ls.out)"
assert volume_online
mount_csv 2
assert_eq "$(node 2 ls /csv/data | wc -l)" 3

note "umount -f of a mount that is in use forgets no close"
opens() { csvctl_on 1 -j volume show data | grep -oE '"opens": *[0-9]+' | grep -oE '[0-9]+$' | sort -rn | head -n 1; }
node 2 rm -f /tmp/is-open /tmp/go /tmp/stop
node 2 bash -c 'cd /csv/data; exec 5<one; touch /tmp/is-open; until [ -e /tmp/go ]; do sleep 0.1; done; exec 5<&-
	until [ -e /tmp/stop ]; do sleep 0.1; done' &
holder=$!
wait_for 20 node 2 test -e /tmp/is-open
assert_eq "$(opens)" 1
assert node 2 ip link set eth0 down
assert node 2 touch /tmp/go
sleep 1
if node 2 umount -f /csv/data 2>/dev/null; then fail "not busy"; fi
assert node 2 ip link set eth0 up
closed() { [ "$(opens)" = 0 ]; }
wait_for 60 closed
assert node 2 touch /tmp/stop
wait $holder || true

note "no network: whatever I/O is under way ends by SIGKILL"
# direct writes wait for their COMMIT, redirected ones for the data's way
assert node 2 rm /tmp/stop
# the asynchronous writes have files of their own, since a buffered one keeps others from submitting
for file in direct direct-aio; do assert node 2 fallocate -l 16M /csv/data/$file; done
for file in block block-aio file file-aio; do assert node 2 dd if=/dev/zero of=/csv/data/$file bs=1M count=16 oflag=direct status=none; done
# No faster than it has to be: what starts later needs the processors, too.
start() { # NAME FILE FIO-OPTION...
	in_background "$1" "fio --name=$1 --filename=/csv/data/$2 --rw=randwrite --bs=4k --size=16M --time_based --runtime=300 \
		--rate_iops=100 --fallocate=none --thread --output=/tmp/$1.fio ${*:3}"
	job[$1]=$!
	names+=("$1")
}
declare -a names=() ways=(direct block file)
[ "${KERNEL:-stock}" = stock ] || ways=(file)
for way in "${ways[@]}"; do
	names=()
	route 2 $way
	start $way-sync $way --ioengine=psync --direct=1
	start $way-buffered $way --ioengine=psync
	start $way-aio $way-aio --ioengine=libaio --direct=1 --iodepth=16
	start $way-uring $way --ioengine=io_uring --direct=1 --iodepth=16
	# two of them, so that one waits for the other's lock of the file
	for name in $way-append{1,2}; do
		in_background $name "dd of=/csv/data/log bs=4k iflag=fullblock oflag=append conv=notrunc" "$(feed 4096)"
		job[$name]=$!
		names+=("$name")
	done
	for file in $way $way-aio; do wait_for 30 begun $file; done
	sleep 2
	for name in "${names[@]}"; do assert lives "$name"; done
	assert node 2 ip link set eth0 down
	sleep 1
	# asynchronous writes are all under way together, also by the file-redirected route
	# shellcheck disable=SC2016 # expanded on the node
	[ $way = direct ] || wait_for 10 node 2 bash -c 'grep -q read_events /proc/$(</tmp/$1.pid)/task/*/stack' stack $way-aio
	for name in "${names[@]}"; do node 2 bash -c "kill -9 \$(cat /tmp/$name.pid)"; done
	for name in "${names[@]}"; do wait_for 90 dead "$name"; done
	for name in "${names[@]}"; do wait "${job[$name]}" || true; done
	assert node 2 ip link set eth0 up
	again() { node 2 timeout 20 dd if=/dev/zero of=/csv/data/$way bs=64k count=4 conv=notrunc oflag=direct status=none; }
	wait_for 90 again
done
route 2 direct
assert node 3 truncate -s 1000 /csv/data/file
assert_eq "$(node 2 stat -c %s /csv/data/file)" 1000
