# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 180
# Whoever calls is who he is at the coordinator: user, group, many groups, capabilities only of the initial user namespace,
# umask; what may not stay when he writes goes, by every route.

cluster_up
for n in $(nodes); do assert node "$n" chmod 755 /csv; done

as() { # NODE USER:GROUP[:GROUPS] SHELL-COMMAND
	local user group groups
	IFS=: read -r user group groups <<<"$2"
	if [ "$groups" ]; then groups=--groups=$groups; else groups=--clear-groups; fi
	node "$1" setpriv --reuid "$user" --regid "$group" "$groups" bash -c "$3"
}

denied() { # the same: not permitted
	local said
	if said=$(as "$@" 2>&1); then fail "allowed: $*"; fi
	[[ $said == *"ermission denied"* || $said == *"not permitted"* ]] || fail "$*: $said"
}

callers=(1 2)
[ "${KERNEL:-stock}" = stock ] || callers=(2)
for n in "${callers[@]}"; do
	note "users and groups at node $n"
	assert node "$n" bash -ec "umask 022; cd /csv/data; mkdir at$n; cd at$n; mkdir -m 770 team; chgrp 500 team; echo x >team/secret
		chmod 640 team/secret; chgrp 500 team/secret; mkdir -m 1777 open; mkdir -m 700 own"
	dir=/csv/data/at$n
	assert as "$n" 1000:1000 "echo mine >$dir/open/file; mkdir $dir/open/dir"
	assert_eq "$(node 3 stat -c '%u:%g %a' $dir/open/file $dir/open/dir | tr '\n' ' ')" '1000:1000 644 1000:1000 755 '
	denied "$n" 1001:1001 "echo theirs >>$dir/open/file"
	denied "$n" 1001:1001 "rm -f $dir/open/file"
	denied "$n" 1001:1001 "chmod 777 $dir/open/file"
	denied "$n" 1000:1000 "ls $dir/own"
	denied "$n" 1000:1000 "cat $dir/team/secret"
	denied "$n" 1000:1000 "chown 1001 $dir/open/file"
	assert_eq "$(as "$n" 1000:1000:500 "cat $dir/team/secret")" x "by a supplementary group"
	# more than the header has room for
	many=$(seq -s , 600 640)
	assert_eq "$(as "$n" 1000:1000:"$many",500 "cat $dir/team/secret; cd $dir/team && ls")" $'x\nsecret' "by the last of many groups"
	denied "$n" 1000:1000:"$many" "cat $dir/team/secret"

	note "umask at node $n"
	assert node "$n" bash -ec "cd $dir; umask 077; echo >private; mkdir privatedir; umask 0; echo >public; mkdir publicdir"
	assert_eq "$(node 3 bash -c "cd $dir; stat -c %a private privatedir public publicdir" | tr '\n' ' ')" '600 700 666 777 '

	note "capabilities of another user namespace at node $n"
	assert node "$n" bash -c "chmod 711 /csv/data/at$n"
	if said=$(as "$n" 1000:1000 "unshare -r bash -c 'cat $dir/team/secret'" 2>&1); then fail "read: $said"; fi
	[[ $said == *"ermission denied"* ]] || fail "$said"
	if said=$(as "$n" 1000:1000 "unshare -r chown 1001 $dir/open/file" 2>&1); then fail "chown"; fi
done

note "a program that is written by somebody else is not his any more"
# The writer has the file open, and perhaps a layout, before the mode changes at another node.
writes() { # ROUTE FLAGS WANTED-MODE
	local job
	route 2 "$1"
	assert node 1 bash -ec 'dd if=/dev/zero of=/csv/data/program bs=64k count=1 conv=notrunc status=none; chmod 777 /csv/data/program'
	assert node 2 rm -f /tmp/ready /tmp/go
	node 2 setpriv --reuid 1000 --regid 1000 --clear-groups bash -ec "exec {fd}<>/csv/data/program
		dd if=/dev/zero bs=4k count=1 $2 status=none >&\$fd
		echo >/tmp/ready; until [ -e /tmp/go ]; do sleep 0.1; done
		dd if=/dev/zero bs=4k count=1 $2 status=none >&\$fd" &
	job=$!
	wait_for 10 node 2 test -e /tmp/ready
	assert node 1 chmod 6777 /csv/data/program
	assert node 2 touch /tmp/go
	assert wait $job
	for n in $(nodes); do assert_eq "$(node "$n" stat -c %a /csv/data/program)" "$3" "mode at node $n, $1 $2"; done
}
assert node 2 chmod 1777 /tmp
writes direct oflag=direct 777
writes file '' 777
[ "${KERNEL:-stock}" = stock ] || return 0
writes direct '' 777
writes block oflag=direct 777
writes block '' 777
writes file oflag=direct 777
