#!/bin/bash
# Build csvfs and its KUnit tests for the debug kernel from a copy of the tree, so that the objects of two kernels do
# not mix.
#   build-modules.sh         build, print the directory of the copy
#   build-modules.sh --dir   print the directory only
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
kernel=$("$here/build-kernel.sh" --dir)
dir=$kernel-modules/$(echo "$tree" | sha256sum | cut -c1-8)

if [ "${1:-}" != --dir ]; then
	"$here/build-kernel.sh" >/dev/null
	mkdir -p "$dir"
	# Times are kept, so that only what changed is compiled again; a source that is gone must not be found.
	find "$dir" -name '*.[ch]' | while IFS= read -r copy; do
		[ -e "$tree/${copy#"$dir/"}" ] || rm "$copy"
	done
	(cd "$tree" && find Kbuild kernel tests/kunit tests/pure -type f \( -name '*.[ch]' -o -name Kbuild \) -print0 |
		tar -c --null -T - -f -) | tar -x -C "$dir" -f -
	make -C "$kernel/build" M="$dir" modules >&2
	make -C "$kernel/build" M="$dir/tests/kunit" modules >&2
fi
echo "$dir"
