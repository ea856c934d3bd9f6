# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# topology: ns (vm)
# timeout: 120
# The tool: JSON that a machine reads, batches, events in their order, tables edited and exported, names and numbers that
# are wrong, exit codes, and nobody but an administrator.

cluster_up

json() { # NODE PYTHON-EXPRESSION-OF-j CSVCTL-ARGUMENTS...: its value
	local n=$1 what=$2 said
	shift 2
	said=$(csvctl_on "$n" -j "$@") || fail "csvctl $*: $said"
	node "$n" python3 -c 'import json, sys; j = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$said" "$what"
}

exits() { # STATUS NODE PATTERN CSVCTL-ARGUMENTS...
	local want=$1 n=$2 pattern=$3 status=0 said
	shift 3
	said=$(csvctl_on "$n" "$@" 2>&1 </dev/null) || status=$?
	assert_eq $status "$want" "exit status of csvctl $* ($said)"
	[[ $said =~ $pattern ]] || fail "csvctl $*: '$pattern' is not in: $said"
}

note "JSON"
assert_eq "$(json 2 'len(j)' node show)" 3 "nodes"
assert_eq "$(json 2 'type(j).__name__' volume show)" list
assert_eq "$(json 2 'type(j).__name__' stat show data)" list
assert_eq "$(json 2 'type(j).__name__' cluster show)" dict
[ "$(csvctl_on 2 -j -p volume show | wc -l)" -gt 10 ] || fail "-p is one line"

note "each node knows of all, with the age of what it knows"
said=$(csvctl_on 3 volume show data)
for n in $(nodes); do [[ $said == *"n$n"* ]] || fail "node 3 does not show node $n: $said"; done
knows_all() { [ "$(csvctl_on 3 volume show data | grep -c ' mounted')" = 3 ]; }
wait_for 10 knows_all
[[ $said =~ [0-9.]+\ ?m?s ]] || fail "no age in: $said"

note "usage and exit codes"
exits 0 2 '[0-9]+\.[0-9]+' -V
exits 1 2 'usage|help|takes' volume online
exits 1 2 'takes|nonsense' nonsense
exits 1 2 'at most' volume online "$(printf '%0300d' 1)"
exits 1 2 'file, block or off' volume redirect data sideways
exits 2 2 'data|table' volume offline data
exits 2 2 '.' volume online nosuch
exits 2 2 '.' node set n9 reset

note "a batch ends at the first command that fails"
printf '%s\n' 'volume redirect data block' '# a comment' '' 'volume redirect data off' >commands
assert node_in 2 csvctl -batch - <commands
status=0
printf '%s\n' 'volume redirect data block' 'volume redirect nosuch file' 'volume redirect data off' |
	node_in 2 csvctl -batch - 2>said || status=$?
assert_eq $status 2 "a batch with a command that the kernel refuses"
[[ $(csvctl_on 2 volume show data) == *block-redirected* ]] || fail "the first command of the batch: $(csvctl_on 2 volume show data)"
route 2 direct

note "events"
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'echo $$ >/tmp/monitor.pid; exec csvctl -j monitor' >events 2>&1 &
monitor=$!
sleep 1
for way in block direct file direct; do route 2 $way; done
seen() { [ "$(grep -c . events)" -ge 4 ]; }
wait_for 10 seen
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'kill $(cat /tmp/monitor.pid)' || true
wait $monitor || true
numbers=$(grep -oE '"(seq|number)": *[0-9]+' events | grep -oE '[0-9]+')
assert_eq "$numbers" "$(sort -n <<<"$numbers")" "numbers of events"
assert_eq "$(uniq <<<"$numbers" | wc -l)" "$(wc -l <<<"$numbers")" "numbers of events are different"

note "events that were missed are told at once"
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'echo $$ >/tmp/monitor.pid; exec csvctl monitor' >missed 2>&1 &
monitor=$!
sleep 1
# shellcheck disable=SC2016 # expanded on the node
assert node 2 bash -ec 'kill -STOP $(cat /tmp/monitor.pid)
	for i in {1..1500}; do echo volume redirect data file; echo volume redirect data off; done | csvctl -batch -
	kill -CONT $(cat /tmp/monitor.pid)'
tells() { grep -q missed missed; }
wait_for 10 tells
# shellcheck disable=SC2016 # expanded on the node
node 2 bash -c 'kill $(cat /tmp/monitor.pid)' || true
wait $monitor || true

note "export is what apply takes; one volume more, and gone again"
csvctl_on 2 cluster export >exported
before=$(json 2 'j["generation"]' cluster show)
assert node_in 2 csvctl cluster apply - <exported
assert csvctl_on 2 volume add other uuid 01234567-89ab-cdef-0123-456789abcdef device /dev/null owner n3 epoch 1
[[ $(csvctl_on 2 volume show) == *other* ]] || fail "no volume other"
exits 1 2 'is there already' volume add other uuid 01234567-89ab-cdef-0123-456789abcdef device /dev/null owner n3
assert csvctl_on 2 volume del other
# a path is bytes, JSON is not
assert csvctl_on 2 volume add other uuid 01234567-89ab-cdef-0123-456789abcdef device $'/dev/\xff\xc3\xa4' owner n3 epoch 1
assert_eq "$(json 2 '[v["device"] for v in j["volumes"] if v["name"] == "other"][0].encode("utf-8").hex()' cluster show)" \
	2f6465762fefbfbdc3a4 "a device that is not UTF-8"
assert csvctl_on 2 volume del other
assert_eq "$(csvctl_on 2 cluster export)" "$(cat exported)" "the table after add and del"
[ "$(json 2 'j["generation"]' cluster show)" -gt "$before" ] || fail "the generation did not grow"

note "nobody but an administrator changes or hears anything"
for args in 'volume redirect data file' 'node set n1 reset' monitor; do
	# shellcheck disable=SC2086 # words
	if said=$(node 2 setpriv --reuid 1000 --regid 1000 --clear-groups timeout 5 csvctl $args 2>&1); then fail "$args: $said"; fi
	[[ $said == *"ermitted"* || $said == *"enied"* ]] || fail "$args: $said"
done
# root of another user namespace, in a network namespace of its own, has a node of its own, and may not make it one
if said=$(node 2 unshare -rn csvctl node set n1 local key-file /etc/csvfs/key 2>&1); then fail "set: $said"; fi
[[ $said == *"ermitted"* || $said == *"enied"* || $said == *"table"* ]] || fail "$said"
node 2 bash -ec 'umask 022; (umask 0; echo 0123456789abcdef0123456789abcdef >/tmp/open.key); chmod 644 /tmp/open.key'
exits 1 2 'readable|permission|mode|root' node set n2 local key-file /tmp/open.key

# and root of another user namespace in the network namespace of a node
for args in 'cluster show' 'volume redirect data file' 'node set n1 reset'; do
	# shellcheck disable=SC2086 # words
	if said=$(node 2 unshare -r csvctl $args 2>&1); then fail "$args in another user namespace: $said"; fi
	[[ $said == *"ermitted"* || $said == *"enied"* ]] || fail "$args in another user namespace: $said"
done

note "a table that was changed meanwhile is not overwritten"
node 2 bash -ec 'for i in {1..40}; do csvctl volume add a$i uuid 01234567-89ab-cdef-0123-4567890000$((i + 10)) device /dev/null owner n3 epoch 1; done' >one 2>&1 &
adder=$!
assert node 2 bash -ec 'for i in {1..40}; do csvctl volume add b$i uuid 01234567-89ab-cdef-0123-4567891111$((i + 10)) device /dev/null owner n3 epoch 1; done'
wait $adder || fail "$(cat one)"
assert_eq "$(csvctl_on 2 cluster export | grep -c '^volume [ab]')" 80 "volumes that two administrators have added"
assert node_in 2 csvctl cluster apply - <exported

note "a key of a keyring"
# shellcheck disable=SC2016 # expanded on the node
in_session() { node 2 keyctl session - bash -c "$1" 2>&1; }
# shellcheck disable=SC2016 # expanded on the node
assert in_session 'csvctl node set n2 local key "$(tr -d "\n" </etc/csvfs/key | keyctl padd user csvfs @s)"'
assert csvctl_on 2 node set n2 reset
wait_for 20 connected 2
# shellcheck disable=SC2016 # expanded on the node
for serial in 999999999 '$(echo short | keyctl padd user csvfs @s)' '$(keyctl newring csvfs @s)'; do
	if said=$(in_session "csvctl node set n2 local key $serial"); then fail "key $serial was taken"; fi
	note "$said"
	[[ $said =~ 'keyctl show'|'bytes, not 16 to 64'|'has type keyring' ]] || fail "$said"
done
assert csvctl_on 2 node set n2 reset
wait_for 20 connected 2

note "every call is in the histogram of its operation"
assert_eq "$(json 2 'all(sum(r["lat_us_log2"]) == r["count"] for r in j if "op" in r)' stat show data)" True
[ "$(json 2 'sum(r["count"] for r in j if "op" in r)' stat show data)" -gt 0 ] || fail "nothing was counted"
