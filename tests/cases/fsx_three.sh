# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# All nodes work on one file, with the table's access instead of the administrator's redirection.

cluster_up direct block
three=("$(root_of 1)/csv/data/f" "$(root_of 2)/csv/data/f" "$(root_of 3)/csv/data/f")
note "local, direct, block"
assert csv_fsx -N "$(ops 600)" -l $((16 << 20)) -S $RANDOM "${three[@]}"
set_access 3 file
note "local, direct, file"
assert csv_fsx -N "$(ops 600)" -l $((16 << 20)) -S $RANDOM "${three[@]}"
