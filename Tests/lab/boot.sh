#!/bin/busybox sh
# Process 1 of the lab, first half, in the initramfs: load the drivers, mount the disk, go there.
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "/modules/$module.ko" || echo "lab: insmod $module failed"; done </modules/order
/bin/busybox mount -t erofs -o ro /dev/vda /disk || echo 'lab: the disk does not mount'
/bin/busybox mount --move /dev /disk/dev
exec /bin/busybox switch_root /disk /sbin/lab-init
