// The structs that virtio drivers and devices exchange in guest memory, as the kernel's UAPI headers define
// them. C because their layout (packing, little-endian fields, alignment) is part of the contract with the
// guest.
#ifndef CLINUX_VIRTIO_LAYOUTS_H
#define CLINUX_VIRTIO_LAYOUTS_H
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#endif
