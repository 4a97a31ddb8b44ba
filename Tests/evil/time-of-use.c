// Rewrites descriptors, headers and payloads while the device works on them, as fast as the processor can, without ever waiting
// for it: what the device checks must be what it uses. All mixtures of what is written are chains that may be, so that the queue
// stays alive and the race goes on.
#include "vsock.h"
static struct queue q;
static struct { u32 type, reserved; u64 sector; } header;
static u8 a[4096] __attribute__((aligned(4096))), b[4096], status;

/// One round against a block device: its header flips between a read, a write and nonsense, its sectors between the first and far
/// beyond the end.
static void block(u64 device) {
  negotiate(device, 0);
  add_queue(device, 0, &q);
  start_device(device);
  static const u64 sectors[] = {0, 1, 1ull << 55, 0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 8};
  static const u32 types[] = {0, 1, 4, 8, 0xFFFFFFFF, 11};
  u64 turn = 0;
  for (u16 round = 0; round < 500; round++) {
    q.table[0] = (struct descriptor){physical(&header), 16, NEXT, 1};
    q.table[1] = (struct descriptor){physical(a), 512, NEXT | WRITE, 2};
    q.table[2] = (struct descriptor){physical(&status), 1, WRITE, 0};
    offer(device, 0, &q, 0);
    while (*(volatile u16 *)&q.used.index == round) {
      if (++turn == 2000000000) give_up("a request without an answer");
      *(volatile u64 *)&header.sector = sectors[turn % 6];
      *(volatile u32 *)&header.type = types[turn % 5];
      *(volatile u64 *)&q.table[1].address = physical(turn & 1 ? a : b);
      *(volatile u32 *)&q.table[1].length = turn & 2 ? 512 : 4096;
    }
  }
}

/// The same against the vsock device: what a packet says of itself changes under it.
static void packets(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  u64 turn = 0;
  for (u16 round = 0; round < 2000; round++) {
    out = (struct packet){3, 2, 7000, 1024, 0, STREAM, REQUEST, 0, 65536, 0};
    transmit.table[0] = (struct descriptor){physical(&out), sizeof out, NEXT, 1};
    transmit.table[1] = (struct descriptor){physical(a), 64, 0, 0};
    offer(vsock, 1, &transmit, 0);
    while (*(volatile u16 *)&transmit.used.index == round) {
      if (++turn == 2000000000) give_up("a packet that is never taken");
      *(volatile u32 *)&out.length = turn & 1 ? 0 : turn & 2 ? 64 : 0xFFFFFFFF;
      *(volatile u16 *)&out.operation = turn % 9;
      *(volatile u32 *)&out.destination_port = 1024 + turn % 5;
      *(volatile u32 *)&transmit.table[1].length = turn & 4 ? 64 : 4096;
    }
    while (*(volatile u16 *)&receive.used.index != received) offer(vsock, 0, &receive, receive.used.ring[received++ % SIZE].id);
  }
}

void evil(struct swiftlet_boot_page *boot) {
  for (u32 n = 0; find_nth(boot, BLOCK, n); n++) block(find_nth(boot, BLOCK, n));
  packets(boot);
  power_off();
}
