# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the checks have in common: "ok" and "not ok" lines, and the lists of files.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
passed=0 failed=0 skipped=0

# "... | quiet NAME" counts in this shell, not in one of its own.
shopt -s lastpipe

ok() {
	echo "ok - $1"
	passed=$((passed + 1))
}

not_ok() { # NAME, what was found on stdin
	echo "not ok - $1"
	head -n "${CHECK_LINES:-60}" | sed 's/^/# /'
	failed=$((failed + 1))
}

skip() { # NAME REASON
	echo "ok - $1 # SKIP $2"
	skipped=$((skipped + 1))
}

# A check that passes when it finds nothing to say.
quiet() { # NAME, findings on stdin
	local found
	found=$(cat)
	if [ -z "$found" ]; then ok "$1"; else not_ok "$1" <<<"$found"; fi
}

# A check that passes when a command does; what it says shows only if it does not.
succeeds() { # NAME COMMAND...
	local name=$1 said
	shift
	if said=$("$@" 2>&1 </dev/null); then ok "$name"; else not_ok "$name" <<<"$said"; fi
}

summary() {
	[ "$skipped" = 0 ] || echo "# $skipped skipped"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# Files of the tree below the given folders whose names match, without what a build made of them.
files() { # PATTERN FOLDER...
	local pattern=$1
	shift
	(cd "$top" && find "$@" \( -name build -o -name .git -o -name __pycache__ \) -prune -o \
		-type f -name "$pattern" ! -name '*.mod.c' -print 2>/dev/null) | sort
}

generated() { # FILE: made by a generator, which has a style of its own
	case $1 in
	kernel/control/nl_gen.[ch] | kernel/uapi/linux/csvfs_netlink.h) return 0 ;;
	esac
	return 1
}

c_sources() {
	local file
	{ files '*.c' kernel userspace tests; files '*.h' kernel userspace tests; } | sort |
		while read -r file; do generated "$file" || echo "$file"; done
}

first_line() { # REGEX
	files '*' .ci kernel userspace tests |
		(cd "$top" && xargs -r perl -sne 'print "$ARGV\n" if /$re/; close ARGV' -- "-re=$1")
}

# Everything with a shell in its first line.
shell_sources() { first_line '^#!.*\b(ba|da)?sh\b|^# shellcheck shell='; }
script_sources() { first_line '^#!|^# shellcheck shell='; }

# All that people write, and nothing that a build or a run leaves behind.
sources() {
	local pattern
	{
		for pattern in '*.[ch]' '*.sh' '*.bash' '*.py' '*.yaml' '*.md' '*.[1-8]' Makefile Kbuild; do
			files "$pattern" kernel userspace tests
		done
		script_sources
		find README.md Kbuild Makefile -maxdepth 0 2>/dev/null
	} | sort -u
}

# A C file without comments and without what is in quotes; line numbers stay.
code_of() { # FILE
	perl -0777 -pe '
		s{("(?:\\.|[^"\\\n])*")|(\x27(?:\\.|[^\x27\\\n])*\x27)|(/\*.*?\*/)|(//[^\n]*)}{
			defined $1 ? "\"\"" : defined $2 ? "0" : do { my $c = $3 // ""; $c =~ tr/\n//cd; $c } }gse' "$top/$1"
}
