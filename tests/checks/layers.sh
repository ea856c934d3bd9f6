#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The layers of kernel/: who may include whom, and who may call what.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 2

# A folder, and the folders whose headers it may include, besides its own, uapi/, compat/ and the headers of kernel/ itself.
# control/ holds the state machine of a volume, which brings the volume's parts together: its disk (block/) and its
# coordinator's side (service/). And block/ reaches down to lower/, by way of service/, because the coordinator's own path
# to the disk is not csvfs's: it is the block device of the lower file system that is mounted there.
declare -A may_include=(
	[vfs]='route control wire block'
	[route]='control block wire transport service'
	[block]='control wire transport service lower'
	[service]='control wire transport lower'
	[control]='wire transport block service'
	[transport]='wire'
	[lower]='wire'
	[wire]=''
	[compat]=''
	[uapi]=''
)

# Files that build in userspace, too: no kernel object and no I/O.
pure='kernel/wire/wire.h kernel/wire/codec.c kernel/wire/message.c kernel/route/extent.[ch] kernel/route/select.[ch]
	kernel/service/segment.[ch] kernel/control/table.[ch]'
# What they may have of the kernel: types, and functions without state.
pure_headers='align|bitops|bits|build_bug|crc32c|errno|gfp_types|in|in6|kernel|limits|math64|minmax|rcupdate|slab|socket|sort'
pure_headers="linux/($pure_headers|stddef|string|time64|types|unaligned)\.h"

includes() {
	local file folder target dir
	for file in $(files '*.[ch]' kernel); do
		folder=${file#kernel/}
		[[ $folder == */* ]] || continue
		folder=${folder%%/*}
		if [ -z "${may_include[$folder]+there}" ]; then
			echo "$file: the folder $folder is not in the list of layers.sh"
			continue
		fi
		grep -noE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"[^"]+"' "$file" | while IFS=: read -r line target; do
			target=${target#*\"}
			target=${target%\"}
			[ -e "$(dirname "$file")/$target" ] || continue # of the generator, or for userspace
			dir=$(realpath --relative-to=kernel "$(dirname "$file")/$target")
			[[ $dir == */* ]] || continue
			dir=${dir%%/*}
			case " $folder uapi compat ${may_include[$folder]} " in
			*" $dir "*) ;;
			*) echo "$file:$line: $folder/ must not include $target" ;;
			esac
		done
	done
}

# Lines of code in kernel/ that match, outside of the folders given.
outside() { # FOLDERS REGEX [ALLOWED]
	local file
	for file in $(files '*.[ch]' kernel); do
		case " $1 " in *" $(cut -d/ -f2 <<<"$file") "*) continue ;; esac
		code_of "$file" | grep -nE -e "$2" | grep -vE -e "${3:-^\$}" | sed "s|^|$file:|"
	done
}

pure_files() {
	local file
	for file in $pure; do
		[ -e "$file" ] || continue
		# Between #ifdef __KERNEL__ and #else or #endif, or outside of it: all the same.
		awk '/^#ifdef __KERNEL__/ { in_k = 1 } /^#(else|endif)/ { in_k = 0 }
			/^#[ \t]*include[ \t]*</ && (in_k || !user) { print FNR ":" $0 }
			/^#else/ { user = 1 } /^#endif/ { user = 0 }' "$file" |
			grep -vE "<$pure_headers>" | sed "s|^|$file:|;s|\$| (not for a pure file)|"
		code_of "$file" | grep -nE '\b(printk|pr_[a-z]+|mutex_|spin_|schedule|wait_event|current)\b' | sed "s|^|$file:|"
	done
}

exports='->[[:space:]]*(s_export_op|map_blocks|commit_blocks|commit_metadata|get_uuid|encode_fh|fh_to_dentry|fh_to_parent)\b'
exports="$exports|\bexportfs_[a-z_]+\("
netlink='include[[:space:]]*<(net|linux)/(genetlink|netlink)\.h>|\b(genl|genlmsg|nla|nlmsg)_[a-z_0-9]+\('
sockets='include[[:space:]]*<(linux/net|linux/tcp|net/tcp|net/tls[a-z_]*|net/handshake|net/inet[a-z_]*|rdma/[a-z_]+)\.h>'
sockets="$sockets|\b(sock_(create|release|sendmsg|recvmsg|set)|kernel_(sendmsg|recvmsg|connect|bind|listen|accept))[a-z_]*\("
sockets="$sockets|\b(rdma|ib|tcp_sock|tls_(client|server))_[a-z_0-9]+\("

includes | quiet 'layers: each folder includes only what is below it'
# vfs_setpos() only sets a file's own position.
outside lower '\bvfs_[a-z_0-9]+\(' '^[^v]*\bvfs_setpos(_[a-z]+)?\([^;]*;$' | quiet 'layers: only lower/ calls vfs_*()'
# The super block of csvfs has export operations of its own.
outside lower "$exports" '->[[:space:]]*s_export_op[[:space:]]*=[^=]' |
	quiet 'layers: only lower/ uses the export operations of the lower file system'
outside control "$netlink" | quiet 'layers: only control/ knows netlink'
outside transport "$sockets" | quiet 'layers: only transport/ knows sockets and verbs'
outside compat '\b(LINUX_VERSION_CODE|KERNEL_VERSION|LINUX_VERSION_MAJOR)\b' | quiet 'layers: only compat/ looks at kernel versions'
pure_files | quiet 'layers: pure files include no I/O'
summary
