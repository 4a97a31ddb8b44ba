// What the VMM and the tiny kernel agree on before the first guest instruction: the memory map, the boot page, the
// nucleus's fixed places and the platform device. C because it is included by assembly, by the host's Swift and by the
// guest's Swift alike, and because the layout of `struct swiftlet_boot_page` must be the same in all of them.
// docs/machine.md tells the same in prose.
#ifndef SWIFTLET_ABI_H
#define SWIFTLET_ABI_H

// --- Guest-physical map ---
// RAM from 0 to at most SWIFTLET_HOLE_START; the rest, if any, from 4 GiB up.
#define SWIFTLET_HOLE_START        0xC0000000
#define SWIFTLET_HOLE_END          0x100000000
#define SWIFTLET_BOOT_PAGE         0x1000       // struct swiftlet_boot_page
#define SWIFTLET_KERNEL_PML4       0x2000       // root of the kernel's address space
#define SWIFTLET_KERNEL_LOAD       0x100000     // physical address of the kernel image's first segment
#define SWIFTLET_VIRTIO_BASE       0xD0000000   // virtio-mmio device i is at BASE + i * STRIDE, IOAPIC pin GSI_BASE + i
#define SWIFTLET_VIRTIO_STRIDE     0x1000
#define SWIFTLET_VIRTIO_GSI_BASE   5
#define SWIFTLET_VIRTIO_MAXIMUM    16
#define SWIFTLET_PLATFORM_BASE     0xD0100000   // the platform device, below
#define SWIFTLET_IOAPIC_BASE       0xFEC00000
#define SWIFTLET_LAPIC_BASE        0xFEE00000

// --- Kernel address space (built by the VMM from the kernel's ELF program headers) ---
// Segments linked below 2^47 are mapped for ring 3 with their own permissions, segments in the upper half for ring 0
// only. All RAM, the MMIO hole and the root image are mapped at PHYSMAP + physical address, ring 3, read-write, no-execute.
//
// The kernel's region is the last 512 GiB of the lower half, one slot of the root table, which every address space has:
//
//     KERNEL | 16 MiB nothing | image … | 16 GiB: heap blocks … | 64 GiB: PHYSMAP, all memory … | 2^47
//
// No program is given an address in it. It lies where AddressSanitizer, ThreadSanitizer, MemorySanitizer, Go and the JVM
// put nothing of their own at a fixed place: all they want up there is stack and mappings, which go below it.
#define SWIFTLET_KERNEL            0x7F8000000000
#define SWIFTLET_KERNEL_PML4_SLOT  255
#define SWIFTLET_KERNEL_IMAGE      0x7F8001000000
#define SWIFTLET_KERNEL_BLOCKS     0x7F8400000000
#define SWIFTLET_PHYSMAP           0x7F9000000000
#define SWIFTLET_NUCLEUS           0xFFFFFFFF80000000   // page 0: code, 1: GDT and TSS, 2: IDT
#define SWIFTLET_NUCLEUS_PML4_SLOT 511
#define SWIFTLET_NUCLEUS_GDT       0xFFFFFFFF80001000
#define SWIFTLET_NUCLEUS_TSS       0xFFFFFFFF80001100
#define SWIFTLET_NUCLEUS_IDT       0xFFFFFFFF80002000
#define SWIFTLET_GDT_LIMIT         0x4F
#define SWIFTLET_IDT_LIMIT         0xFFF
#define SWIFTLET_TSS_LIMIT         0x67

// Selectors. The vCPU starts in ring 3, at the ELF entry, with RDI = PHYSMAP + SWIFTLET_BOOT_PAGE and no stack.
#define SWIFTLET_KERNEL_CS         0x10    // ring 0, the nucleus
#define SWIFTLET_KERNEL_SS         0x18
#define SWIFTLET_USER_SS           0x2B
#define SWIFTLET_USER_CS           0x33
#define SWIFTLET_TSS_SELECTOR      0x40

// --- The platform device: 8 write-only registers, for what has no virtio device ---
#define SWIFTLET_PLATFORM_ADDRESS  0x00    // u64: guest-physical address of a message
#define SWIFTLET_PLATFORM_LENGTH   0x08    // u32: its length in bytes, at most SWIFTLET_PLATFORM_MESSAGE_MAXIMUM
#define SWIFTLET_PLATFORM_COMMAND  0x0C    // u32: one of the commands below; acts at once
#define SWIFTLET_PLATFORM_LOG      1       // append the message to the VM's log (bounded by the host)
#define SWIFTLET_PLATFORM_PANIC    2       // the kernel cannot go on; the message says why; does not return
#define SWIFTLET_PLATFORM_POWER_OFF 3      // orderly end; does not return
#define SWIFTLET_PLATFORM_CHECKPOINT 4    // save the machine as a template; does not return where the host makes one, else nothing
#define SWIFTLET_PLATFORM_MESSAGE_MAXIMUM 1024

// --- The boot page ---
#define SWIFTLET_BOOT_MAGIC        0x31544f4f42535753 // "SWSBOOT1", little-endian
#define SWIFTLET_BOOT_VERSION      2
#define SWIFTLET_BOOT_REGIONS      2

#ifndef __ASSEMBLER__
#include <stdint.h>

struct swiftlet_memory_region { uint64_t start, size; };                 // bytes, page-aligned

// What a driver would otherwise ask the device's registers for, at 34 µs a read from ring 3 on a ring-deprivileged KVM.
// `queues` not 0: the VMM has gone through the driver's initialisation (virtio 1.2 §3.1.1) in the driver's place, as a
// firmware would: the status is DRIVER_OK, `features` are the negotiated ones, and queue i of `queue_count` has
// SWIFTLET_QUEUE_SIZE entries and one zeroed page of RAM, below free_start, at queues + i * 4096: descriptor table at 0,
// driver ring at SWIFTLET_QUEUE_DRIVER, device ring at SWIFTLET_QUEUE_DEVICE. `queues` 0: the device is as after a reset.
#define SWIFTLET_QUEUE_SIZE        128
#define SWIFTLET_QUEUE_DRIVER      0x800
#define SWIFTLET_QUEUE_DEVICE      0xA00
struct swiftlet_device {
  uint64_t mmio;
  uint32_t gsi, device_id;         // device_id: virtio 1.2 §5; 0: none
  uint64_t features;               // offered, or negotiated if `queues` is not 0; 0: ask the registers
  uint64_t config;                 // first 8 bytes of the configuration space: vsock guest_cid, block capacity
  uint64_t queues;
  uint32_t queue_count, reserved;
};

struct swiftlet_boot_page {
  uint64_t magic;                  // SWIFTLET_BOOT_MAGIC
  uint32_t version, device_count;
  uint64_t tsc_frequency;          // Hz
  uint64_t wall_clock;             // nanoseconds since 1970, taken just before the first KVM_RUN
  uint8_t entropy[32];             // for this boot only; the kernel erases it after use
  uint8_t nonce[16];               // names this boot; the exit report carries it
  uint64_t nucleus_tables;         // physical address of the page with GDT and TSS
  uint64_t nucleus_idt;            // physical address of the IDT page; the kernel fills it
  uint64_t free_start;             // first byte of RAM that holds nothing yet; all from here on is zero
  struct swiftlet_memory_region memory[SWIFTLET_BOOT_REGIONS]; // all RAM, sorted; size 0: unused
  struct swiftlet_memory_region root_image; // EROFS image mapped read-only into the guest; size 0: on the first block device
  struct swiftlet_device devices[SWIFTLET_VIRTIO_MAXIMUM];
};
#endif
#endif
