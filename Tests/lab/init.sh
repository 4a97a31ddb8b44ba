#!/bin/busybox sh
# Process 1 of the lab, second half, on the disk: a small but ordinary Linux, then the command, then its status on the
# second serial line, then off. The disk is read-only; /tmp, /run and /root are in memory, /var/tmp
# is on the disk with the serial `scratch`.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=dumb LAB=1
stty -onlcr
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd && ln -s fd/0 /dev/stdin && ln -s fd/1 /dev/stdout && ln -s fd/2 /dev/stderr
mount -t devpts devpts /dev/pts
for directory in /tmp /run /root /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs $directory; done
for disk in /sys/block/vd*; do
  [ "$(cat $disk/serial)" != scratch ] || mount -t ext4 "/dev/${disk##*/}" /var/tmp || echo 'lab: the disk for /var/tmp does not mount'
done
chmod 1777 /var/tmp
chgrp kvm /dev/kvm && chmod 660 /dev/kvm   # as Debian has it
ip link set lo up
cd /root || exit 1
sh /etc/lab-command </dev/null
echo $? >/dev/ttyS1
sync
poweroff -f
