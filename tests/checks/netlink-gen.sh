#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Generate the netlink family from kernel/control/csvfs.yaml, with the generator
# of the installed linux-source package. With --check, only say whether the
# files in the tree are what the generator makes.
set -eu

usage() {
	echo "usage: $0 [--check]" >&2
	exit 1
}

check=
case $# in
0) ;;
1) [ "$1" = --check ] || usage; check=1 ;;
*) usage ;;
esac

top=$(cd "$(dirname "$0")/../.." && pwd)
spec=$top/kernel/control/csvfs.yaml
source=${CSV_LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
cache=${CSV_YNL_CACHE:-/var/cache/csvfs/ynl}
python=${PYTHON:-/usr/bin/python3}

if [ ! -r "$source" ]; then
	echo "$source is not there: install linux-source-6.12 (make deps)" >&2
	exit 2
fi
if ! "$python" -c 'import yaml, jsonschema' 2>/dev/null; then
	echo "$python lacks yaml or jsonschema: install python3-yaml and python3-jsonschema (make deps)" >&2
	exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Unpacking takes half a minute: keep it, by the package's very file.
stamp=$(stat -L -c '%s-%Y' "$source")
if [ ! -d "$cache/$stamp" ] && ! mkdir -p "$cache" 2>/dev/null; then
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/csvfs/ynl	# not root
	mkdir -p "$cache"
fi
if [ ! -d "$cache/$stamp" ] && [ ! -w "$cache" ]; then
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/csvfs/ynl
	mkdir -p "$cache"
fi
if [ ! -d "$cache/$stamp" ]; then
	mkdir "$work/src"
	tar -xf "$source" -C "$work/src" --strip-components=1 --wildcards \
		'*/tools/net/ynl/ynl-gen-c.py' '*/tools/net/ynl/lib' \
		'*/Documentation/netlink/genetlink.yaml'
	fresh=$(mktemp -d "$cache/.new.XXXXXX")
	cp -R "$work/src/." "$fresh/"
	chmod 755 "$fresh"
	mv -T "$fresh" "$cache/$stamp" 2>/dev/null || rm -rf "$fresh"
fi

# The generator looks for MAINTAINERS above the specification, for ever, and
# for the schema beside the folder of the specification.
mkdir -p "$work/k/Documentation/netlink/specs"
: > "$work/k/MAINTAINERS"
cp "$cache/$stamp/Documentation/netlink/genetlink.yaml" "$work/k/Documentation/netlink/"
cp "$spec" "$work/k/Documentation/netlink/specs/csvfs.yaml"

# gen NAME MODE --header|--source: makes one file. Three corrections to
# what comes out: our path of the specification, the headers by our own paths,
# and the permission to listen to events, which this generator drops.
gen() {
	name=$1
	mode=$2
	shift 2
	PYTHONDONTWRITEBYTECODE=1 "$python" "$cache/$stamp/tools/net/ynl/ynl-gen-c.py" \
		--mode "$mode" "$@" \
		--spec "$work/k/Documentation/netlink/specs/csvfs.yaml" -o "$work/$name"
	sed -e 's,Documentation/netlink/specs/csvfs.yaml,kernel/control/csvfs.yaml,' \
	    -e 's,/\* YNL-GEN .*,/* made by tests/checks/netlink-gen.sh */,' \
	    -e 's,#include <uapi/linux/csvfs_netlink.h>,#include "../uapi/linux/csvfs_netlink.h",' \
	    -e 's,{ "events"\, },{ "events"\, .flags = GENL_MCAST_CAP_NET_ADMIN\, },' \
	    "$work/$name" > "$work/new/$name"
}

mkdir "$work/new"
gen csvfs_netlink.h uapi --header
gen nl_gen.h kernel --header
gen nl_gen.c kernel --source
grep -q GENL_MCAST_CAP_NET_ADMIN "$work/new/nl_gen.c" || {
	echo "the generator's multicast group looks different: correct $0" >&2
	exit 2
}

status=0
while read -r name path; do
	if [ -z "$check" ]; then
		cmp -s "$work/new/$name" "$top/$path" || cp "$work/new/$name" "$top/$path"
	elif ! diff -u "$top/$path" "$work/new/$name"; then
		echo "$path is not what $spec says: run tests/checks/netlink-gen.sh" >&2
		status=1
	fi
done <<END
csvfs_netlink.h kernel/uapi/linux/csvfs_netlink.h
nl_gen.h kernel/control/nl_gen.h
nl_gen.c kernel/control/nl_gen.c
END
exit $status
