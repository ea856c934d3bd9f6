# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 240
# Every metadata operation of one node is there on the others when the call has returned, whichever node does it.

cluster_up

# all PATH-AND-STAT-FORMAT...: the same on every node; prints it
all() {
	local n said first=''
	for n in $(nodes); do
		said=$(node "$n" "$@" 2>&1) || true
		[ "$n" != 1 ] || first=$said
		assert_eq "$said" "$first" "node $n: $*"
	done
	echo "$first"
}

is() { # WANTED WHAT...: what all nodes say of files in /csv/data
	local want=$1
	shift
	assert_eq "$(all stat -c '%F %a %u:%g %h %s' "${@/#//csv/data/}" | tr '\n' ,)" "$want," "$*"
}

refused() { # ERROR NODE CSV_CALL-ARGUMENTS...
	local n=$2 want=$1
	shift 2
	assert_eq "$(node "$n" csv_call "$@" || true)" "$want" "node $n: $*"
}

note "create, mkdir, mknod, symlink, link"
assert node 2 bash -ec "cd /csv/data; umask 022; echo hello >file; mkdir dir; mkfifo -m 600 fifo; mknod -m 640 char c 1 3
	ln -s dir/target link; ln file file2; mkdir -m 1777 sticky"
is 'regular file 644 0:0 2 6,regular file 644 0:0 2 6,directory 755 0:0 2 6' file file2 dir
is 'fifo 600 0:0 1 0,character special file 640 0:0 1 0,symbolic link 777 0:0 1 10' fifo char link
is 'directory 1777 0:0 2 6' sticky
assert_eq "$(all stat -c %t:%T /csv/data/char)" 1:3 "device number"
long=$(printf '%0250d/' {1..4} | tr 0 x) # XFS takes up to 1024 bytes
assert node 3 ln -s "$long" /csv/data/long
assert_eq "$(all readlink /csv/data/link /csv/data/long)" "dir/target
$long" "readlink, also of ${#long} bytes"
assert_eq "$(all ls /csv/data | tr '\n' ' ')" "char dir fifo file file2 link long sticky " "ls"

note "one file: inode numbers, handles, open by handle"
assert_eq "$(all csv_call handle /csv/data/file /csv/data/dir /csv/data/link /csv/data/fifo | wc -w)" 16 "handles"
read -r _ _ type hex <<<"$(node 2 csv_call handle /csv/data/file)"
assert_eq "$(all csv_call byhandle /csv/data "$type" "$hex")" hello "open by handle"

note "attributes"
assert node 3 chmod 4711 /csv/data/file
is 'regular file 4711 0:0 2 6' file
assert node 1 chown 1000:1001 /csv/data/file2
is 'regular file 711 1000:1001 2 6' file
assert node 2 touch -d '2001-02-03 04:05:06.789 UTC' /csv/data/file
assert_eq "$(all stat -c '%.3Y %.3X' /csv/data/file)" '981173106.789 981173106.789' "times"
assert node 3 truncate -s 100000 /csv/data/file
is 'regular file 711 1000:1001 2 100000' file
assert node 1 truncate -s 3 /csv/data/file
assert_eq "$(all cat /csv/data/file)" hel "content after truncate"

note "rename with all flags, interleaved"
assert node 2 bash -ec "cd /csv/data; echo a >a; echo b >b; mkdir d1 d2; echo x >d1/x"
refused EEXIST 3 rename /csv/data/a /csv/data/b noreplace
refused ok 3 rename /csv/data/a /csv/data/c noreplace
refused ENOENT 2 rename /csv/data/a /csv/data/c exchange
refused ok 1 rename /csv/data/b /csv/data/c exchange
assert_eq "$(all cat /csv/data/b /csv/data/c | tr '\n' ' ')" "a b " "exchanged"
refused ok 2 rename /csv/data/d1 /csv/data/c exchange
assert_eq "$(all cat /csv/data/d1 /csv/data/c/x | tr '\n' ' ')" "b x " "a directory exchanged for a file"
refused ok 3 rename /csv/data/b /csv/data/d2/b whiteout
assert_eq "$(all stat -c '%F %t:%T' /csv/data/b)" 'character special file 0:0' "whiteout"
refused EEXIST 2 rename /csv/data/d2 /csv/data/c 0
refused EINVAL 1 rename /csv/data/c /csv/data/c/below 0
refused EINVAL 1 rename /csv/data/d1 /csv/data/d2 3
assert node 1 mv /csv/data/d2/b /csv/data/d1
assert_eq "$(all cat /csv/data/d1)" a "replaced"
refused ENOTDIR 3 rename /csv/data/c /csv/data/d1 0
refused EISDIR 3 rename /csv/data/d1 /csv/data/c 0

note "times of direct overwrites: at fsync, at close, and within a second or two"
mtime() { node 3 stat -c %.9Y /csv/data/times; }
later() { [[ $(mtime) > $1 ]]; }
assert node 2 dd if=/dev/zero of=/csv/data/times bs=64k count=1 oflag=direct status=none
before=$(mtime)
assert node 2 dd if=/dev/zero of=/csv/data/times bs=4k count=1 oflag=direct conv=notrunc status=none
assert later "$before" # by close
# overwrite [fsync]: one block, whose file stays open until overwritten
overwrite() {
	node 2 rm -f /tmp/times.done
	before=$(mtime)
	node 2 python3 -c 'import mmap, os, sys, time
f = os.open("/csv/data/times", os.O_RDWR | os.O_DIRECT); page = mmap.mmap(-1, 4096)
os.pwritev(f, [page], 0)
if sys.argv[1:]: os.fsync(f)
open("/tmp/times.done", "w"); time.sleep(1000)' "$@" &
	holder=$!
	wait_for 10 node 2 test -e /tmp/times.done
}
overwritten() {
	node 2 pkill -f times.done
	wait $holder || true
}
overwrite fsync
assert later "$before"
overwritten
overwrite
wait_for 3 later "$before" # by time
overwritten
overwrite
# by the recall that a new mode needs, which is itself no change of the content
assert node 1 chmod 640 /csv/data/times
assert later "$before"
overwritten

note "mode, owner and flags of a file that another node may write by itself"
assert node 2 dd if=/dev/zero of=/csv/data/held bs=64k count=1 oflag=direct status=none
for change in 'chmod 640' 'chown 5:6' 'chattr +d' 'chattr -d'; do
	assert node 2 dd if=/dev/zero of=/csv/data/held bs=4k count=2 oflag=direct conv=notrunc status=none
	# shellcheck disable=SC2086 # words
	assert node 3 $change /csv/data/held
done
is 'regular file 640 5:6 1 65536' held
assert_eq "$(all bash -c 'lsattr -d /csv/data/held | cut -c 1-20')" "$(node 1 bash -c 'lsattr -d /csv/data/held | cut -c 1-20')"
assert node 1 chattr +i /csv/data/held
for n in $(nodes); do refused EPERM "$n" open /csv/data/held write; done
assert node 3 chattr +ad /csv/data/held
assert_eq "$(all bash -c 'xfs_io -r -c "statx -r" /csv/data/held | grep "attributes = "')" "stat.attributes = 0x70" "immutable, append-only, no dump"
assert node 3 chattr -ia /csv/data/held
# the same flags by FS_IOC_FSSETXATTR, which has more to set than there is here
if node 2 xfs_io -r -c 'chattr -d +t' /csv/data/held 2>/dev/null; then fail "a flag that there is not was set"; fi
assert node 2 xfs_io -r -c 'chattr -d +A' /csv/data/held
assert_eq "$(all bash -c 'lsattr -d /csv/data/held | tr -d -- "-"')" "A /csv/data/held"
assert node 3 chattr -A /csv/data/held
# shellcheck disable=SC2016 # expanded on the node
flushes() { node 2 bash -c 'before=$(awk "{ print \$16 }" /sys/block/vda/stat)
	dd if=/dev/zero of=/csv/data/held bs=4k count=16 oflag=direct conv=notrunc status=none
	echo $(($(awk "{ print \$16 }" /sys/block/vda/stat) - before))'; }
assert node 2 dd if=/dev/zero of=/csv/data/held bs=64k count=1 oflag=direct conv=notrunc status=none
assert [ "$(flushes)" -lt 16 ]
assert node 3 chattr +S /csv/data/held
assert [ "$(flushes)" -ge 16 ]
assert node 1 rm /csv/data/held /csv/data/times

note "holes and data"
assert node 2 bash -ec 'truncate -s 1M /csv/data/sparse; dd if=/dev/urandom of=/csv/data/sparse bs=64k seek=4 count=1 oflag=direct conv=notrunc status=none'
assert_eq "$(all csv_call seek /csv/data/sparse)" "262144 327680" "SEEK_DATA and SEEK_HOLE"
assert node 3 rm /csv/data/sparse

note "unlink, rmdir"
refused EISDIR 2 open /csv/data/dir write
if node 3 rmdir /csv/data/c 2>/dev/null; then fail "a directory with a file in it went away"; fi
assert node 2 rm /csv/data/c/x
assert node 3 rmdir /csv/data/c
assert node 1 rm /csv/data/file
is 'regular file 711 1000:1001 1 3' file2
refused ENOENT 2 open /csv/data/file read
refused ENOENT 3 open /csv/data/c directory
refused ENOENT 3 open /csv/data/c/x create

note "a name of a removed one means the new file"
assert node 1 bash -c "echo old >/csv/data/again"
assert_eq "$(all cat /csv/data/again)" old
assert node 2 bash -c "cd /csv/data; rm again; mkdir again"
refused ok 1 open /csv/data/again directory
assert node 3 bash -c "cd /csv/data; rmdir again; echo new >again"
assert_eq "$(all cat /csv/data/again)" new

note "lengths"
name=$(printf '%0255d' 7)
assert node 2 touch "/csv/data/$name"
is 'regular empty file 644 0:0 1 0' "$name"
refused ENAMETOOLONG 3 open "/csv/data/x$name" excl
refused ENAMETOOLONG 3 open "/csv/data/x$name" read
assert node 1 rm "/csv/data/$name"

note "what is reserved is hidden"
refused ENOENT 2 open /csv/data/.csvfs directory
if node 3 mkdir /csv/data/.csvfs 2>/dev/null; then fail "the reserved name can be made"; fi
if node 1 mv /csv/data/again /csv/data/.csvfs 2>/dev/null; then fail "the reserved name can be renamed over"; fi
assert_eq "$(all ls -A /csv/data | grep -c csvfs || true)" 0 "ls -A"

note "statfs"
assert_eq "$(all stat -f -c '%S %b %l' /csv/data | wc -w)" 3 "statfs"

note "mounted read-only"
assert node 2 mkdir /csv/data/here
assert node 2 mount -o remount,ro /csv/data
assert_eq "$(node 2 bash -c 'cd /csv/data; mkdir here; mkdir new; touch here; chmod 700 here; cat again' 2>&1 | sed 's/.*: //')" \
	"File exists
Read-only file system
Read-only file system
Read-only file system
new"
assert node 2 mount -o remount,rw /csv/data
assert node 2 mkdir /csv/data/new
