#!/bin/bash
# The end of a sealed guest's boot: run what it was made for, say the exit status in a last line, switch off.
status=255
stty -F /dev/ttyS1 raw -echo
exec 3>/dev/ttyS1
/lab/guest/dmesg-check.sh mark
if [ "$1" = ok ]; then
	bash /lab/command </dev/null >&3
	status=$?
fi
if ! /lab/guest/dmesg-check.sh no-leaks; then
	echo "LAB: the kernel complained"
	[ $status != 0 ] || status=1
fi
echo -n "exit $status" >&3
exec 3>&- # waits until it is out
echo o >/proc/sysrq-trigger
sleep infinity
