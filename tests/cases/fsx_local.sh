# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# The coordinator and another node, by each of its routes, work on one file in turns; both always see what it holds.

cluster_up
for other in direct block file; do
	route 2 $other
	for mode in mixed direct buffered; do
		note "local and $other, $mode"
		assert csv_fsx -N "$(ops 700)" -m $mode -S $RANDOM "$(root_of 1)/csv/data/f" "$(root_of 2)/csv/data/f"
	done
done
