// The smallest virtio-mmio drivers, polled, for kernels that break the rules on purpose. C because every byte, its order
// and the moment it is written matter, and nothing may stand between (no runtime, no checks): the opposite of what the
// product's own driver in Swift is for. Source: virtio 1.2 §2.7 (split queues), §4.2.2 (registers), §5.10 (vsock).
#include "evil.h"

typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;

struct descriptor { u64 address; u32 length; u16 flags, next; };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4, SIZE = 16 };
struct queue {   // one page: descriptors, then the driver's ring, then the device's
  struct descriptor table[SIZE];
  struct { u16 flags, index, ring[SIZE], event; } available;
  u8 gap[512 - SIZE * 2 - 6];
  struct { u16 flags, index; struct { u32 id, length; } ring[SIZE]; u16 event; } used;
} __attribute__((aligned(4096)));

enum {
  MAGIC = 0x000, DEVICE_ID = 0x008, DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SELECT = 0x014, DRIVER_FEATURES = 0x020,
  DRIVER_FEATURES_SELECT = 0x024, QUEUE_SELECT = 0x030, QUEUE_SIZE_MAXIMUM = 0x034, QUEUE_SIZE = 0x038, QUEUE_READY = 0x044,
  QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060, INTERRUPT_ACKNOWLEDGE = 0x064, STATUS = 0x070, QUEUE_DESCRIPTORS = 0x080,
  QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0A0, CONFIGURATION = 0x100,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum { BLOCK = 2, CONSOLE = 3, ENTROPY = 4, VSOCK = 19 };

void evil(struct swiftlet_boot_page *boot);
static u8 stack[16384] __attribute__((aligned(16), used));
__asm__(".text\n.globl start\nstart: lea stack+16384(%rip), %rsp\n call evil\n ud2");

// The linker script loads what is linked at 0x1000000 at 0x104000.
static inline u64 physical(const volatile void *p) { return (u64)p - 0x1000000 + 0x104000; }
static inline void *at(u64 physical_address) { return (void *)AT_PHYSICAL(physical_address); }
static inline u32 get(u64 device, u32 reg) { return *(volatile u32 *)at(device + reg); }
static inline void put(u64 device, u32 reg, u32 value) { *(volatile u32 *)at(device + reg) = value; }
static inline void put_address(u64 device, u32 reg, u64 value) { put(device, reg, value); put(device, reg + 4, value >> 32); }
static inline void fence(void) { __asm__ volatile("mfence" ::: "memory"); }
void *memset(void *to, int value, unsigned long count) { for (u8 *p = to; count--;) *p++ = value; return to; }
void *memcpy(void *to, const void *from, unsigned long count) { u8 *p = to; const u8 *q = from; while (count--) *p++ = *q++; return to; }

static void __attribute__((noreturn)) leave(u32 command, const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  memcpy(at(0x400000), text, length);
  *(volatile u64 *)at(SWIFTLET_PLATFORM_BASE + SWIFTLET_PLATFORM_ADDRESS) = 0x400000;
  put(SWIFTLET_PLATFORM_BASE, SWIFTLET_PLATFORM_LENGTH, length);
  put(SWIFTLET_PLATFORM_BASE, SWIFTLET_PLATFORM_COMMAND, command);
  for (;;) {}
}
static void __attribute__((noreturn, unused)) power_off(void) { leave(SWIFTLET_PLATFORM_POWER_OFF, ""); }
static void __attribute__((noreturn, unused)) give_up(const char *why) { leave(SWIFTLET_PLATFORM_PANIC, why); }

/// Address of the nth device of this kind, from 0 on; 0 if there are not so many.
static u64 find_nth(struct swiftlet_boot_page *boot, u32 kind, u32 n) {
  for (u32 i = 0; i < boot->device_count && i < SWIFTLET_VIRTIO_MAXIMUM; i++)
    if (boot->devices[i].device_id == kind && n-- == 0) return boot->devices[i].mmio;
  return 0;
}
static u64 find(struct swiftlet_boot_page *boot, u32 kind) { return find_nth(boot, kind, 0); }

/// Reset, features (VERSION_1 and `extra`), up to FEATURES_OK.
static void negotiate(u64 device, u32 extra) {
  put(device, STATUS, 0);
  put(device, STATUS, ACKNOWLEDGE);
  put(device, STATUS, ACKNOWLEDGE | DRIVER);
  put(device, DRIVER_FEATURES_SELECT, 0); put(device, DRIVER_FEATURES, extra);
  put(device, DRIVER_FEATURES_SELECT, 1); put(device, DRIVER_FEATURES, 1);
  put(device, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
}
static void set_queue(u64 device, u32 index, u32 size, u64 table, u64 available, u64 used) {
  put(device, QUEUE_SELECT, index);
  put(device, QUEUE_SIZE, size);
  put_address(device, QUEUE_DESCRIPTORS, table);
  put_address(device, QUEUE_DRIVER, available);
  put_address(device, QUEUE_DEVICE, used);
  put(device, QUEUE_READY, 1);
}
static void add_queue(u64 device, u32 index, struct queue *q) {
  memset(q, 0, sizeof *q);
  q->available.flags = 1;   // no interrupts: everything here polls
  set_queue(device, index, SIZE, physical(&q->table), physical(&q->available), physical(&q->used));
}
static void start_device(u64 device) { put(device, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK); }

/// Makes the chain that starts at `head` available and tells the device.
static void offer(u64 device, u32 index, struct queue *q, u16 head) {
  q->available.ring[q->available.index % SIZE] = head;
  fence();
  *(volatile u16 *)&q->available.index = q->available.index + 1;
  fence();
  put(device, QUEUE_NOTIFY, index);
}
static inline void rest(u32 turns) { for (volatile u32 i = 0; i < turns; i++) {} }   // while the device loop works
/// Waits until the device has used more than `count` chains in all; false when it does not.
static int wait_used(struct queue *q, u16 count) {
  for (u64 i = 0; i < 200000000; i++) {
    if (*(volatile u16 *)&q->used.index != count) return 1;
    __asm__ volatile("pause");
  }
  return 0;
}
