// Fills the queues of each device and resets it at once, a hundred times; after each reset the pages of the queues are the guest's
// again. Panics if the device still writes to them.
#include "driver.h"
static struct queue queues[3];
static u8 buffer[16][1024];

static void storm(u64 device, u32 count, u16 flags) {
  for (u32 round = 0; round < 100; round++) {
    negotiate(device, round % 2 ? 3u << 28 : 0);
    for (u32 index = 0; index < count; index++) {
      add_queue(device, index, &queues[index]);
      for (u32 i = 0; i < SIZE; i++) {
        queues[index].table[i] = (struct descriptor){physical(buffer[i]), sizeof buffer[i], flags, 0};
        queues[index].available.ring[i] = i;
      }
      queues[index].available.index = SIZE;
    }
    fence();
    start_device(device);
    for (u32 index = 0; index < count; index++) put(device, QUEUE_NOTIFY, index);
    rest(round * 20);
    put(device, STATUS, 0);
    if (get(device, STATUS)) give_up("a reset that does not end");
    memset(queues, 0x5A, sizeof queues);
    memset(buffer, 0x5A, sizeof buffer);
    for (u32 index = 0; index < count; index++) put(device, QUEUE_NOTIFY, index);
    rest(2000);
    fence();
    for (u32 i = 0; i < sizeof queues; i++) if (((volatile u8 *)queues)[i] != 0x5A) give_up("a queue was written to after the reset");
    for (u32 i = 0; i < sizeof buffer; i++) if (((volatile u8 *)buffer)[i] != 0x5A) give_up("a buffer was written to after the reset");
  }
}

void evil(struct swiftlet_boot_page *boot) {
  storm(find(boot, ENTROPY), 1, WRITE);
  storm(find(boot, VSOCK), 3, WRITE);
  storm(find(boot, VSOCK), 3, 0);
  storm(find(boot, CONSOLE), 2, 0);
  for (u32 n = 0; find_nth(boot, BLOCK, n); n++) {
    for (u32 i = 0; i < 16; i++) memset(buffer[i], 0, sizeof buffer[i]);
    storm(find_nth(boot, BLOCK, n), 1, 0);
    storm(find_nth(boot, BLOCK, n), 1, WRITE);
  }
  power_off();
}
