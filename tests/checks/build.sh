#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Builds the modules in a copy of the tree with all warnings, sparse, and kernel-doc.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 2

kver=${KVER:-$(find /lib/modules -maxdepth 1 -name '6.12*-amd64' ! -name '*-cloud-*' ! -name '*-rt-*' -printf '%f\n' 2>/dev/null | sort -V | tail -n 1)}
build=${KVER_BUILD:-/lib/modules/$kver/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() {
	cp -r Kbuild kernel "$work"/ &&
		find "$work" \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' -o -name '*.mod*' \) -delete
	make -C "$build" M="$work" C=2 W=1 KCFLAGS=-Werror -j"$(nproc)" -k modules >"$work/log" 2>&1 </dev/null
	status=$?
}

docs() {
	local doc
	for doc in "$build/scripts/kernel-doc" /usr/src/linux-headers-6.12*-common/scripts/kernel-doc; do
		[ -r "$doc" ] || continue
		files '*.[ch]' kernel | while read -r file; do generated "$file" || echo "$file"; done |
			xargs -r perl "$doc" -none 2>&1
		return
	done
	echo "no kernel-doc found"
}

if [ ! -e Kbuild ]; then
	skip 'build' 'there is no Kbuild yet'
elif ! command -v sparse >/dev/null; then
	skip 'build' 'sparse is not installed (make deps)'
elif [ ! -e "$build" ]; then
	skip 'build' "no kernel headers in $build (make deps)"
else
	compile
	# What gcc warns of is an error here: "warning:" comes from sparse and kernel-doc.
	grep -E '(warning|error):|ERROR:|WARNING:|undefined!' "$work/log" | sed "s|$work/||g" | sort -u |
		quiet 'build: sparse and compiler find nothing (C=2 W=1 -Werror)'
	if [ "$status" = 0 ]; then ok 'build: modules'; else tail -n 20 "$work/log" | not_ok 'build: modules'; fi
fi
docs | quiet 'build: kernel-doc'
summary
