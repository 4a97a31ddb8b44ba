// Writes every value to the status register, in every state that a driver can reach, for every device, with a chain waiting in
// the queue. Panics if a state comes out that is no state (virtio 1.2 §3.1.1), if a bit was set that was not written, or if the device
// touches its queue before DRIVER_OK.
#include "driver.h"
static struct queue q;
static u8 buffer[64];
enum { FAILED = 128 };

static void reach(u64 device, u32 state) {
  put(device, STATUS, 0);
  if (state & ACKNOWLEDGE) put(device, STATUS, ACKNOWLEDGE);
  if (state & DRIVER) put(device, STATUS, ACKNOWLEDGE | DRIVER);
  if (state & FEATURES_OK) negotiate(device, 0);
  if (state & DRIVER_OK) { add_queue(device, 0, &q); start_device(device); }
}
static int is_state(u32 state) {
  state &= ~(FAILED | NEEDS_RESET);
  return state == 0 || state == 1 || state == 3 || state == 11 || state == 15;
}

static void walk(u64 device, u32 from) {
  reach(device, from);
  for (u32 i = 0; i < 258; i++) {
    u32 value = i < 256 ? i : i == 256 ? 0x100 : 0xFFFFFFFF;
    put(device, STATUS, value);
    u32 now = get(device, STATUS);
    if (now == from) continue;
    if (!is_state(now)) give_up("a status that is no state");
    if (now & ~(value | from | NEEDS_RESET)) give_up("a status bit that nobody wrote");
    if (now & DRIVER_OK && from != 11 && from != 15) give_up("DRIVER_OK without FEATURES_OK");
    if (from & ~now & 15 && now != 0) give_up("a status bit was cleared without a reset");
    reach(device, from);
  }
}

void evil(struct swiftlet_boot_page *boot) {
  static const u32 states[] = {0, 1, 3, 11, 15};
  for (u32 i = 0; i < boot->device_count && i < SWIFTLET_VIRTIO_MAXIMUM; i++)
    for (u32 s = 0; s < sizeof states / sizeof *states; s++) walk(boot->devices[i].mmio, states[s]);
  // A chain that waits, and a notification, in every state before DRIVER_OK.
  u64 device = find(boot, ENTROPY);
  for (u32 s = 0; s < 4; s++) {
    reach(device, states[s]);
    add_queue(device, 0, &q);
    q.table[0] = (struct descriptor){physical(buffer), sizeof buffer, WRITE, 0};
    offer(device, 0, &q, 0);
    rest(200000);
    if (*(volatile u16 *)&q.used.index) give_up("a queue was used before DRIVER_OK");
  }
  power_off();
}
