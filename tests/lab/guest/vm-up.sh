#!/bin/bash
# vm-up.sh NODE NODES VOLUMES: make this virtual machine node NODE of a cluster of machines.
set -euo pipefail
node=$1 volumes=$3

hostname "n$node"
echo 1 >/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down
ip -batch - <<-END
	link set eth0 up mtu 1500
	addr add 10.77.0.$node/24 dev eth0
	addr add fd77::$node/64 dev eth0 nodad
END
/lab/guest/disks.sh create "$node" "$volumes"
