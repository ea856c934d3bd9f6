# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 360
# What csvfs does not have yet is refused on every node, also on the coordinator, and never done for one node alone; what
# needs only private or read-only mappings works: programs run from the volume, git works on it.

says() { # NODE WANTED CSV_CALL-ARGUMENTS...
	local n=$1 want=$2
	shift 2
	assert_eq "$(node "$n" csv_call "$@" 2>&1 || true)" "$want" "node $n: $*"
}

cluster_up
assert node 1 bash -ec 'cd /csv/data; echo content >file; mkdir dir'
for n in 1 2; do
	says "$n" EOPNOTSUPP setxattr /csv/data/file user.name
	says "$n" EOPNOTSUPP setxattr /csv/data/dir trusted.name
	says "$n" EOPNOTSUPP setxattr /csv/data/file security.name
	says "$n" EOPNOTSUPP getxattr /csv/data/file user.name
	says "$n" EOPNOTSUPP getxattr /csv/data trusted.csvfs.epoch
	says "$n" EOPNOTSUPP setxattr /csv/data/file system.posix_acl_access
	says "$n" EOPNOTSUPP removexattr /csv/data/file user.name
	says "$n" EOPNOTSUPP listxattr /csv/data
	says "$n" EOPNOTSUPP open /csv/data tmpfile
	for kind in flock posix ofd get; do says "$n" ENOLCK lock /csv/data/file $kind; done
	says "$n" ENODEV mmap /csv/data/file sw
	says "$n" c mmap /csv/data/file s
	says "$n" EACCES mmap /csv/data/file sp
	says "$n" '!' mmap /csv/data/file w
	assert_eq "$(node "$n" cat /csv/data/file)" content "a private mapping was written to"
done

note "a program that node 2 copied runs on the others"
assert node 2 cp "$(command -v busybox)" /csv/data/busybox
for n in $(nodes); do assert_eq "$(node "$n" /csv/data/busybox echo "here $n")" "here $n"; done
# shellcheck disable=SC2016 # expanded by the script
printf '#!/bin/bash\necho "script $1"\n' | node_in 3 tee /csv/data/script >/dev/null
assert node 2 chmod 755 /csv/data/script
assert_eq "$(node 1 /csv/data/script runs)" "script runs"

note "git on two nodes"
git='git -c user.name=case -c user.email=case@example.org -c init.defaultBranch=main -c core.fsync=none -C /csv/data/repo'
assert node 2 bash -ec "mkdir /csv/data/repo; $git init -q; echo one >/csv/data/repo/a; $git add a; $git commit -qm one"
assert node 3 bash -ec "echo two >>/csv/data/repo/a; $git commit -qam two; $git gc -q"
assert_eq "$(node 2 bash -c "$git log --format=%s | tr '\n' ' '; $git status --short")" "two one "
assert node 1 bash -c "$git fsck --strict 2>&1"

note "an ACL that cannot be told is not 'no ACL'"
says 2 EOPNOTSUPP getxattr /csv/data/file system.posix_acl_access

note "ACLs that the file system had before count, on every node"
for n in $(nodes); do umount_csv "$n"; done
assert volume_offline
assert node 1 bash -ec 'mkdir -p /mnt/lower; mount "$1" /mnt/lower; cd /mnt/lower; mkdir -m 700 shared; setfacl -m u:1000:rwx shared
	setfacl -d -m u:1000:rw-,u:1001:r-- shared; umask 077; echo secret >private; setfacl -m u:1000:r-- private; cd /
	umount /mnt/lower' acl "$(disk 1 1)"
assert volume_online
for n in $(nodes); do mount_csv "$n" && assert node "$n" chmod 755 /csv; done
node 2 rm -f /tmp/is-mapped
assert node 2 bash -c 'head -c 8192 /dev/zero | tr "\0" o >/csv/data/mapped'
note "a mapping that is made after another node has changed the file shows the change"
# shellcheck disable=SC2016 # expanded on the node
node 2 python3 -c 'import mmap, os, time
f = os.open("/csv/data/mapped", os.O_RDONLY); m = mmap.mmap(f, 8192, mmap.MAP_SHARED, mmap.PROT_READ); m[0], m[5000]
open("/tmp/is-mapped", "w"); time.sleep(1000)' &
mapper=$!
wait_for 20 node 2 test -e /tmp/is-mapped
assert node 1 bash -c 'head -c 8192 /dev/zero | tr "\0" n >/csv/data/mapped'
assert_eq "$(node 2 python3 -c 'import mmap, os
f = os.open("/csv/data/mapped", os.O_RDONLY); m = mmap.mmap(f, 8192, mmap.MAP_SHARED, mmap.PROT_READ); print(m[0], m[5000])')" "110 110" "the new mapping"
node 2 pkill -f is-mapped
wait $mapper || true

as() { node "$1" setpriv --reuid "$2" --regid "$2" --clear-groups bash -c "$3"; }
for n in 1 2; do
	assert_eq "$(as "$n" 1000 'cat /csv/data/private')" secret "node $n: a named user reads"
	if as "$n" 1001 'cat /csv/data/private' 2>/dev/null; then fail "node $n: another one reads"; fi
	if as "$n" 1000 'echo x >>/csv/data/private' 2>/dev/null; then fail "node $n: a named user writes what he may read"; fi
	# the default ACL of the directory takes the place of the umask
	assert as "$n" 1000 "umask 077; echo of $n >/csv/data/shared/file$n"
done
# no group or other entry of their own: the mask is the group of the mode
assert as 2 1001 'ls /csv/data/shared 2>&1 | grep -q denied'
for n in $(nodes); do umount_csv "$n"; done
assert volume_offline
assert node 1 mount "$(disk 1 1)" /mnt/lower
for n in 1 2; do
	acl=$(node 1 getfacl -cpn "/mnt/lower/shared/file$n")
	[[ $acl == *user:1000:rw-* && $acl == *user:1001:r--* ]] || fail "not inherited at node $n: $acl"
done
assert node 1 umount /mnt/lower
