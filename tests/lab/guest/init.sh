#!/bin/bash
# Second stage of a lab guest: prepare what every node needs, say "ready" to the host, become the agent.
export PATH=/lab/csvfs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C
export DM_DISABLE_UDEV=1 # there is none: dmsetup has to make the device nodes itself
ulimit -c 0

# lab.name=... on the command line becomes lab_name
lab_vm='' lab_topology='' lab_nodes='' lab_volumes=''
for word in $(</proc/cmdline); do
	case $word in lab.*=*) declare "${word/./_}" ;; esac
done
jobs=/lab/job/$lab_vm

setup() {
	set -e
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null || true
	# Built outside the distribution's tree: the debug kernel's list of what is built in.
	if [ ! -d "/lib/modules/$(uname -r)" ]; then
		ln -s "/lab/modules/$(uname -r)" "/lib/modules/$(uname -r)"
	fi
	ip link set lo up
	mkdir -p /etc/csvfs
	"/lab/guest/$lab_topology-up.sh" "$lab_vm" "$lab_nodes" "$lab_volumes"
}

(setup) # not in a condition, which would switch `set -e` off in it
case $? in 0) state=ok ;; *) state=failed ;; esac
echo "LAB: $lab_vm $state after $(cut -d' ' -f1 /proc/uptime) s"
mkdir -p "$jobs" # the host has made it where it waits for us
echo $state >"$jobs/ready.tmp"
mv "$jobs/ready.tmp" "$jobs/ready"
if [ -e /lab/command ]; then exec /lab/guest/command.sh $state; fi
port=
for dir in /sys/class/virtio-ports/*; do
	if [ "$(<"$dir/name")" = agent ]; then port=/dev/${dir##*/}; fi
done
exec /lab/agent "$port" "$jobs"
