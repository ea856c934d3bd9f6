# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# Two nodes that are not the coordinator work on one file in turns, for every pair of their routes.

cluster_up
for pair in direct:direct direct:block direct:file block:block block:file file:file; do
	route 2 ${pair%:*}
	route 3 ${pair#*:}
	for mode in mixed direct; do
		note "$pair, $mode"
		assert csv_fsx -N "$(ops 600)" -m $mode -S $RANDOM "$(root_of 2)/csv/data/f" "$(root_of 3)/csv/data/f"
	done
done
