# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns
# kernel: debug
# timeout: 60
# The tests of the pure files, by KUnit in the kernel.

module=${share:?}/kernel/csvfs_kunit.ko
assert on_each_kernel insmod "$module"
results=(/sys/kernel/debug/kunit/*/results)
cat "${results[@]}"
cat "${results[@]}" >results
assert rmmod csvfs_kunit
if grep -E '^ *not ok' results; then fail "see above"; fi
[ "$(grep -cE '^ +ok ' results)" -ge 30 ] || fail "only $(grep -cE '^ +ok ' results) tests ran"
