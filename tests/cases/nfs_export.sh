# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# timeout: 120
# A node exports the volume by NFS to clients that are no nodes: what they may do is what they may do on the node.

cluster_up
bench=/lab/csvfs/tests/bench/node.sh
umount_csv 3
assert node 2 bash -ec 'umask 022; cd /csv/data; mkdir -m 755 pub; chown 1000:1000 pub; mkdir -m 700 own; chown 1000:1000 own
	echo secret >own/f; chmod 644 own/f; chown 1000:1000 own/f'
assert node 2 $bench nfs-serve /csv/data
assert node 3 $bench nfs-mount "$(node_addr 2)" /mnt/nfs
as() { node 3 setpriv --reuid "$1" --regid "$1" --clear-groups bash -c "$2"; }

note "a directory of one user"
assert_eq "$(as 1000 'cat /mnt/nfs/own/f')" secret
if as 1001 'test -x /mnt/nfs/own'; then fail "another user may enter it"; fi
# the client has the names in its cache
if as 1001 'cat /mnt/nfs/own/f' 2>said; then fail "another user reads what is in it"; fi
grep -qi 'permission denied' said || fail "$(cat said)"
if as 1001 'echo x >/mnt/nfs/own/g' 2>said; then fail "another user writes there"; fi

note "files that are read-only from the start"
assert as 1000 'python3 -c "import os; f = os.open(\"/mnt/nfs/pub/x\", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o444); os.write(f, b\"mine\"); os.ftruncate(f, 2)"'
assert_eq "$(node 1 cat /csv/data/pub/x)" mi
if as 1000 'echo x >>/mnt/nfs/pub/x' 2>said; then fail "the owner opens it for writing"; fi
if as 1001 'rm -f /mnt/nfs/pub/x' 2>said; then fail "another user removes it"; fi

note "data and names"
assert as 1000 'cd /mnt/nfs/pub; seq 20000 >n; mkdir d; mv n d/m; ln d/m l; ln -s d/m s; mkfifo p'
assert_eq "$(node 1 bash -c 'cd /csv/data/pub; cat s | md5sum; stat -c "%h %u %F" d/m p')" "$(seq 20000 | md5sum; printf '2 1000 regular file\n1 1000 fifo')"
assert node 1 bash -c 'echo new >>/csv/data/pub/l'
later() { [ "$(node 3 tail -n 1 /mnt/nfs/pub/d/m)" = new ]; }
wait_for 70 later
assert node 3 $bench nfs-umount /mnt/nfs
assert node 2 $bench nfs-stop
