#!/bin/sh
# The first process of the machine. Its results go to the second serial line, what else is said to the first.
if [ "$1" != again ]; then
  # A process may make namespaces of its own only below a root that is mounted, which the kernel's first is not.
  mount --bind / /root && cd /root && mount --move . / && exec chroot . "$0" again
fi
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /
. /settings
"$NODE" "$PROGRAM" "$EXTENT" >/dev/ttyS1 2>/dev/ttyS0 </dev/null
echo "ended with $?" >/dev/ttyS1
# With -no-reboot that is the end of the machine.
echo b >/proc/sysrq-trigger
