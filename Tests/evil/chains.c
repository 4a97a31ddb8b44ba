// Descriptor chains that loop, leave the table, leave memory, wrap, are empty, are indirect where they may not be or
// twice over, are written where they are read; and an available index far ahead. One kernel for each KIND of chain and each
// DEVICE, because the first chain that breaks a queue ends the VM; what is sound for one queue may break the next.
#include "driver.h"
static struct queue q;
static struct descriptor indirect[8];
static u8 buffer[4096];

static void attempt(u64 device, u32 index, u32 features) {
  negotiate(device, features);
  add_queue(device, index, &q);
  start_device(device);
  u64 data = physical(buffer);
  for (u32 i = 0; i < SIZE; i++) q.table[i] = (struct descriptor){data, 64, 0, 0};
  struct descriptor *d = q.table;
  u16 head = 0;
  switch (KIND) {
    case 0: d[0].flags = NEXT; d[0].next = 0; break;
    case 1: for (u32 i = 0; i < SIZE; i++) { d[i].flags = NEXT; d[i].next = (i + 1) % SIZE; } break;
    case 2: d[0].flags = NEXT; d[0].next = 0xFFFF; break;
    case 3: head = SIZE; break;
    case 4: head = 0xFFFF; break;
    case 5: d[0].length = 0; break;
    case 6: d[0].length = 0xFFFFFFFF; break;
    case 7: d[0].address = 0xFFFFFFFFFFFFFFF0; break;
    case 8: d[0].address = 0xC0000000 - 8; break;
    case 9: d[0].address = SWIFTLET_VIRTIO_BASE; d[0].flags = WRITE; break;
    case 10:
      d[0].flags = INDIRECT; d[0].address = physical(indirect); d[0].length = 16 * 8;
      for (u32 i = 0; i < 8; i++) indirect[i] = (struct descriptor){data, 64, NEXT, (i + 1) % 8};
      break;
    case 11: d[0].flags = INDIRECT; d[0].address = physical(indirect); d[0].length = 16;
      indirect[0] = (struct descriptor){physical(indirect), 16, INDIRECT, 0}; break;
    case 12: d[0].flags = INDIRECT | NEXT; d[0].address = physical(indirect); d[0].length = 15; break;
    case 13: d[0].flags = INDIRECT; d[0].address = 0xFFFFFFFFFFFFFFF0; d[0].length = 0xFFFFFFF0; break;
    case 14: d[0].flags = WRITE | NEXT; d[0].next = 1; d[1].flags = 0; break;
    case 15: d[0].flags = 0xFFFF; d[0].next = 1; break;
    case 16: d[0].address = physical(&q); d[0].length = sizeof q; d[0].flags = WRITE; break;   // the rings as a buffer
    case 17: *(volatile u16 *)&q.available.index = 0x8000; break;
    case 18: d[0].length = 3; d[0].flags = WRITE; break;
    case 19: d[0].length = 3; break;
  }
  offer(device, index, &q, head);
  rest(20000);
  d[0].flags = NEXT; d[0].next = 7; d[0].length = 0x7FFFFFFF;   // and change it under its hands
  put(device, QUEUE_NOTIFY, index);
}

void evil(struct swiftlet_boot_page *boot) {
  u64 device = find(boot, DEVICE);
  for (u32 index = 0; device && index < 3; index++) {
    attempt(device, index, 3u << 28);   // with INDIRECT_DESC and EVENT_IDX
    attempt(device, index, 0);
  }
  power_off();
}
