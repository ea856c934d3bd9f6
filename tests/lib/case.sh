#!/bin/bash
# case.sh NAME: run one case in the lab that is up (the runner calls this; TOPOLOGY, NODES and VOLUMES are set).
# Exit status: 0 passed, 77 skipped, else failed.
set -eEuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/lib.sh"

ended() {
	local status=$? job
	for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
	cd /
	rm -rf "$scratch"
	exit $status
}
scratch=$(mktemp -d)
trap 'echo "FAIL: exit status $? of: $BASH_COMMAND ($(basename "${BASH_SOURCE[0]}"):$LINENO)" >&2' ERR
trap ended EXIT
cd "$scratch" # a case may write files where it stands

cluster_reset
# shellcheck source=/dev/null
. "${here%/*}/cases/$1.sh"
cluster_down
leave_clean
