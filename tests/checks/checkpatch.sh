#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch.pl --strict on all C files. With an argument: on these only.
#
# The script comes from the kernel's source; CHECKPATCH= names another one. Debian has no package that installs it, so
# it is taken out of the linux-source package, which takes half a minute, once.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 2

source=${CSV_LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Not for this tree: a table of errno has ENOSYS, too; a macro that walks over something uses its arguments more than once;
# headers that userspace shares have no BIT(); locks are described in kernel-doc, not beside the member.
ignore=FILE_PATH_CHANGES,ENOSYS,MACRO_ARG_REUSE,BIT_MACRO,UNCOMMENTED_DEFINITION
# What imitates the kernel in userspace, and programs there, have other rules.
ignore_user=$ignore,PREFER_KERNEL_TYPES,NEW_TYPEDEFS,CAMELCASE,MACRO_ARG_PRECEDENCE,MACRO_WITH_FLOW_CONTROL
ignore_user=$ignore_user,COMPLEX_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,STRCPY

find_checkpatch() {
	local path cache stamp
	for path in "${CHECKPATCH:-}" /usr/src/linux-headers-6.12*-common/scripts/checkpatch.pl \
		/usr/src/linux-source-6.12/scripts/checkpatch.pl; do
		if [ -r "$path" ]; then echo "$path" && return; fi
	done
	[ -r "$source" ] || return 1
	stamp=$(stat -L -c '%s-%Y' "$source")
	for cache in /var/cache/csvfs "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/csvfs" "$work"; do
		path=$cache/checkpatch/$stamp
		if [ -r "$path/checkpatch.pl" ]; then echo "$path/checkpatch.pl" && return; fi
		mkdir -p "$path" 2>/dev/null || continue
		[ -w "$path" ] || continue
		(cd "$work" && xz -dc -T0 "$source" | tar -x --occurrence=1 --strip-components=2 \
			linux-source-6.12/scripts/{checkpatch.pl,const_structs.checkpatch,spelling.txt} 2>/dev/null)
		[ -r "$work/checkpatch.pl" ] || return 1
		[ "$path" -ef "$work" ] || cp "$work"/{const_structs.checkpatch,spelling.txt,checkpatch.pl} "$path"/
		echo "$path/checkpatch.pl"
		return
	done
	return 1
}

if ! checkpatch=$(find_checkpatch); then
	skip checkpatch "no checkpatch.pl and no $source (make deps)"
	summary
	exit
fi

{ if [ $# -gt 0 ]; then printf '%s\n' "$@"; else c_sources; fi; } >"$work/files"

# It leaves a file behind in the folder where it runs, and looks for a kernel's include/.
mkdir -p "$work/tree/include"
check() { # IGNORE, files on stdin
	(cd "$work" && sed "s|^|$top/|" | xargs -r -P "$(nproc)" -n 4 perl "$checkpatch" --strict --no-tree --root="$work/tree" --no-summary \
		--terse --max-line-length=100 --ignore "$1" -f 2>&1 | sed "s|^$top/||" | sort)
}

grep '^kernel/' "$work/files" | check "$ignore" | quiet 'checkpatch: kernel/'
grep -v '^kernel/' "$work/files" | check "$ignore_user" | quiet 'checkpatch: userspace/ and tests/'
summary
