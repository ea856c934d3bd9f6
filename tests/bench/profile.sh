#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Where the instructions go: perf's view of one warm csvfs job by virtual time, both ends of the wire included.
#   tests/bench/profile.sh [ROUTE [JOB]]
# ROUTE is local, direct, block or file (default); JOB randread-4k-qd1 (default), randwrite-4k-qd1, randread-4k-qd16,
# randwrite-4k-qd16, read-1m, write-1m or meta. As root, after `make`; perf (the package linux-perf) must be there.
set -uo pipefail

bench=$(cd "$(dirname "$0")" && pwd)
lab=$bench/../lab/lab
route=${1:-file} job=${2:-randread-4k-qd1}

die() { echo "profile: $*" >&2; exit 1; }

case $route in local | direct | block | file) ;; *) sed -n '3,6s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;; esac
command -v perf >/dev/null || die "install linux-perf"
CSVFS_LAB=$(realpath -m "${CSVFS_LAB:-/var/tmp/csvfs-lab}")/profile
export CSVFS_LAB
trap '"$lab" stop >/dev/null 2>&1' EXIT
trap 'exit 130' INT TERM

"$lab" sealed -t 1800 --nodes 2 --volumes 1 --with linux-perf -- env TOPOLOGY=ns NODES=2 VOLUMES=1 \
	/lab/csvfs/tests/bench/cluster.sh profile "$route" "$job"
