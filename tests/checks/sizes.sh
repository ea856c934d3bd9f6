#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Budgets: a file has at most 600 lines, a function at most 100 (and should have at most 60).
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 2

MAX_FILE=600
MAX_FUNCTION=100

long_files() {
	local file lines
	{ c_sources; script_sources; files '*.py' tests userspace; } | sort -u | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -le $MAX_FILE ] || echo "$file: $lines lines"
	done
}

# A function's body is what stands between braces that stand alone at the start of a line.
long_functions() {
	# shellcheck disable=SC2016 # what awk expands
	c_sources | grep '\.c$' | xargs -r awk -v max=$MAX_FUNCTION '
		FNR == 1 { start = 0 }
		/^[a-zA-Z_].*\(/ { name = $0 }
		/^\{/ { start = FNR; what = name }
		/^\}/ && start {
			if (FNR - start - 1 > max)
				printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start - 1, what
			start = 0
		}'
}

long_files | quiet "sizes: no file is longer than $MAX_FILE lines"
long_functions | quiet "sizes: no function is longer than $MAX_FUNCTION lines"
summary
