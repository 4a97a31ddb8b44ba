// Asks for a megabyte of random numbers with each request, thousands of them. Panics if one yields more than 64 KiB.
#include "driver.h"
static struct queue q;
void evil(struct swiftlet_boot_page *boot) {
  u64 device = find(boot, ENTROPY);
  negotiate(device, 0);
  add_queue(device, 0, &q);
  start_device(device);
  for (u32 i = 0; i < SIZE; i++)
    q.table[i] = (struct descriptor){0x400000 + i * 65536, 65536, i + 1 < SIZE ? WRITE | NEXT : WRITE, (u16)(i + 1)};
  for (u16 request = 0; request < 3000; request++) {
    q.available.ring[request % SIZE] = 0;
    fence();
    *(volatile u16 *)&q.available.index = request + 1;
    if (request % SIZE != SIZE - 1) continue;
    put(device, QUEUE_NOTIFY, 0);
    for (u64 i = 0; *(volatile u16 *)&q.used.index != (u16)(request + 1); i++) {
      if (i == 200000000) give_up("a request was not served");
      __asm__ volatile("pause");
    }
  }
  for (u32 i = 0; i < SIZE; i++) if (q.used.ring[i].length > 65536) give_up("more than 64 KiB for one request");
  power_off();
}
