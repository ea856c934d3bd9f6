#!/bin/bash
# Build the debug kernel from the distribution's source, once per (version, configuration).
#   build-kernel.sh          build if needed, print the result directory
#   build-kernel.sh --dir    print the result directory, build nothing
# The result holds vmlinux (what QEMU starts), release, modules/ (for modprobe in the guest) and
# build/ (what an out-of-tree module is built against).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${CSVFS_CACHE:-/var/cache/csvfs}
tarball=${CSVFS_LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
jobs=${CSVFS_JOBS:-$(($(nproc) + 1))}

die() { echo "build-kernel: $*" >&2; exit 1; }

[ -r "$tarball" ] || die "$tarball is missing: run 'make deps'"
# The packaged source changes with its size and date; its name does not carry the full version.
key=$({ stat -c '%s %Y' "$tarball"; gcc -dumpfullversion; cat "$here/debug.config"; } | sha256sum | cut -c1-12)
dir=$cache/debug-$key
if [ "${1:-}" = --dir ]; then
	echo "$dir"
	exit 0
fi

# Says of each line of the fragment whether Kconfig kept it: a dropped one means a checker that never ran.
check_config() {
	local line bad=0
	while IFS= read -r line; do
		case $line in
		CONFIG_*=* | '# CONFIG_'*' is not set') ;;
		*) continue ;;
		esac
		# An option whose dependencies are off is not written at all: that is "not set" too.
		case $line in '#'*) grep -q "^${line:2:-11}=" "$dir/build/.config" || continue ;; esac
		grep -qxF "$line" "$dir/build/.config" || { echo "lost: $line" >&2; bad=1; }
	done <"$here/debug.config"
	return $bad
}

unpack() {
	[ -e "$dir/source/.unpacked" ] && return
	rm -rf "$dir/source" && mkdir -p "$dir/source"
	tar -xf "$tarball" -C "$dir/source" --strip-components=1
	touch "$dir/source/.unpacked"
}

kmake() { make -C "$dir/source" O="$dir/build" ARCH=x86_64 "$@"; }

build() {
	unpack
	mkdir -p "$dir/build"
	kmake KCONFIG_ALLCONFIG="$here/debug.config" allnoconfig
	check_config
	kmake -j"$jobs" vmlinux modules
	kmake INSTALL_MOD_PATH="$dir/modules" modules_install
	kmake -s kernelrelease >"$dir/release"
	# Symbols for addr2line stay in build/vmlinux; the guest loads the short one.
	strip -s -o "$dir/vmlinux" "$dir/build/vmlinux"
}

if [ "${1:-}" = --locked ]; then # the part that runs as a process of its own, below
	build
	exit
fi

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # a second caller waits for the first one's result
if [ ! -e "$dir/done" ]; then
	echo "build-kernel: building in $dir (log: $dir/log)" >&2
	start=$SECONDS
	# A process of its own, because `set -e` does not reach a function called in a condition.
	if ! nice "$0" --locked >"$dir/log" 2>&1 9>&-; then
		tail -n 30 "$dir/log" >&2
		die "failed"
	fi
	echo $((SECONDS - start)) >"$dir/done"
	echo "build-kernel: took $((SECONDS - start)) s" >&2
fi
echo "$dir"
