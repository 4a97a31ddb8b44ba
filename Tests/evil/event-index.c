// EVENT_IDX negotiated and used_event at every extreme, for 70,000 chains, so that all indices wrap; interrupts asked for always, never
// and for entries long gone. Panics if a chain is not served.
#include "driver.h"
static struct queue q;
static u8 buffer[64];

static void run(u64 device, u32 index, u16 flags) {
  static const u16 events[] = {0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF};
  negotiate(device, 1u << 29);
  add_queue(device, index, &q);
  q.available.flags = 0;
  start_device(device);
  for (u32 i = 0; i < SIZE; i++) q.table[i] = (struct descriptor){physical(buffer), 1, flags, 0};
  u16 expected = 0;
  for (u32 batch = 0; batch < 70000 / SIZE; batch++) {
    for (u32 i = 0; i < SIZE; i++) q.available.ring[(u16)(expected + i) % SIZE] = i;
    u32 which = batch % 8;
    *(volatile u16 *)&q.available.event = which < 6 ? events[which] : which == 6 ? expected : expected - 1;
    fence();
    expected += SIZE;
    *(volatile u16 *)&q.available.index = expected;
    fence();
    put(device, QUEUE_NOTIFY, index);
    for (u64 i = 0; *(volatile u16 *)&q.used.index != expected; i++) {
      if (i == 200000000) give_up("a chain was not served");
      __asm__ volatile("pause");
    }
  }
}

void evil(struct swiftlet_boot_page *boot) {
  run(find(boot, ENTROPY), 0, WRITE);
  run(find(boot, VSOCK), 1, 0);   // packets too short to be any: dropped
  power_off();
}
