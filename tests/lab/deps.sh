#!/bin/bash
# Install what building and testing csvfs needs, on Debian 12 or 13. Quick when it is all there.
#
# The lab boots the kernel 6.12 of the distribution, in QEMU 10: of main on Debian 13, of the backports on Debian 12. Those
# come from the mirror that the machine uses already. QEMU 7.2, Debian 12's own, starts a process in 2.6 times the time.
set -euo pipefail

list=/etc/apt/sources.list.d/csvfs-backports.sources
kernel_packages=(linux-image-amd64 linux-headers-amd64 linux-source-6.12)
qemu_package=qemu-system-x86
packages=(
	build-essential git bc bison flex libelf-dev libssl-dev kmod pkgconf sparse clang     # build
	libmnl-dev libaio-dev liburing-dev python3-yaml python3-jsonschema man-db groff shellcheck
	busybox-static cpio xz-utils zstd hostname mount iproute2 iputils-ping procps dmsetup # lab
	xfsprogs e2fsprogs attr acl keyutils util-linux fio gnuplot-nox                        # cases, benchmarks
	nfs-kernel-server nfs-common nvme-cli nbd-server nbd-client                            # peers
)

die() { echo "deps: $*" >&2; exit 1; }

# shellcheck source=/dev/null
. /etc/os-release
[ "${ID:-}" = debian ] || die "only Debian is supported"
codename=$VERSION_CODENAME
case $codename in
bookworm) suite=$codename-backports clang_rt=libclang-rt-14-dev ;;
trixie) suite=$codename clang_rt=libclang-rt-19-dev ;;
*) die "Debian 12 or 13 is needed, this is $codename" ;;
esac
packages+=("$clang_rt")

missing() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done
}

# Image, headers and source of one version, 6.12: an older one may be there from the distribution's own suite.
kernel_is_there() {
	local version
	[ -z "$(missing "${kernel_packages[@]}")" ] || return 1
	version=$(dpkg-query -W -f '${Version}\n' "${kernel_packages[@]}" | sort -u)
	[[ $version == 6.12.* && $version != *$'\n'* ]]
}

qemu_is_there() {
	local version
	[ -z "$(missing $qemu_package)" ] || return 1
	version=$(dpkg-query -W -f '${Version}' $qemu_package)
	dpkg --compare-versions "$version" ge 1:10
}

# Every "URI SUITES" of the machine's apt sources, one-line and deb822 format.
apt_sources() {
	local file
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ ! -f "$file" ] || sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+([^[:space:]]+).*/\2 \3/p' "$file"
	done
	for file in /etc/apt/sources.list.d/*.sources; do
		[ ! -f "$file" ] || [ "$file" = "$list" ] || awk '
			function flush() { if (type ~ /(^| )deb( |$)/ && enabled) print uris, suites; type = uris = suites = ""; enabled = 1 }
			BEGIN { enabled = 1 }
			/^[[:space:]]*$/ { flush() }
			tolower($1) == "types:" { type = $2 " " $3 }
			tolower($1) == "uris:" { uris = $2 }
			tolower($1) == "suites:" { $1 = ""; suites = $0 }
			tolower($1) == "enabled:" { enabled = $2 != "no" }
			END { flush() }' "$file"
	done
}

add_backports() {
	local uri
	uri=$(apt_sources | awk -v suite="$codename" '{ for (i = 2; i <= NF; i++) if ($i == suite) { print $1; exit } }')
	[ -n "$uri" ] || die "no apt source for $codename found"
	cat >"$list" <<-END
		Types: deb
		URIs: $uri
		Suites: $suite
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
}

# A server that an installation starts has no business on a build machine.
without_daemons() {
	local policy=/usr/sbin/policy-rc.d ours=no status=0
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		ours=yes
	fi
	"$@" || status=$?
	[ "$ours" = no ] || rm -f "$policy"
	return $status
}

install() {
	without_daemons env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o Dpkg::Options::=--force-confold "$@"
}

mapfile -t wanted < <(missing "${packages[@]}")
if [ ${#wanted[@]} = 0 ] && kernel_is_there && qemu_is_there; then
	echo "deps: all there"
	exit 0
fi
[ "$(id -u)" = 0 ] || die "missing: ${wanted[*]} or the 6.12 kernel or QEMU 10; run 'make deps' as root"
if [ "$suite" != "$codename" ] && [ ! -e "$list" ]; then add_backports; fi
apt-get update -q
[ ${#wanted[@]} = 0 ] || install "${wanted[@]}"
kernel_is_there || install -t "$suite" "${kernel_packages[@]}"
qemu_is_there || install -t "$suite" $qemu_package
kernel_is_there || die "the image, headers and source of the 6.12 kernel are not of one version"
