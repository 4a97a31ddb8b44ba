// Connects to every port and more, opens half-connections, sends data nobody asked for, lies about lengths and credit,
// uses foreign addresses and unknown operations; each must cost the host little and be answered with a reset at most.
#include "vsock.h"

/// Gives back the buffers of everything received: a host that waits for them would be right.
static void recycle(void) {
  while (*(volatile u16 *)&receive.used.index != received) {
    offer(vsock, 0, &receive, receive.used.ring[received++ % SIZE].id);
  }
}
static void say(u16 operation, u32 from, u32 to, u32 claimed, u32 length) {
  send(operation, from, to, claimed, length);
  recycle();
}

void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  for (u32 port = 0; port < 3000; port++) say(REQUEST, 10000 + port, port, 0, 0);
  for (u32 operation = 0; operation < 20; operation++) {
    say(operation, 9, 1024, 0, 0);
    say(operation, 9, 0xFFFFFFFF, 0xFFFFFFFF, 10);
    say(operation, 0, 0, 100, 0);
  }
  say(DATA, 10000 + 1024, 1024, 0xFFFFFFFF, 100);
  say(DATA, 10000 + 1026, 1026, 60000, 100);
  say(DATA, 10000 + 1026, 1026, 0, 60000);
  for (u32 i = 0; i < 1000; i++) say(CREDIT_REQUEST, 10000 + 1026, 1026, 0, 0);
  for (u64 cid = 0; cid < 8; cid++) {
    out = (struct packet){cid, cid * 0x100000001, 1, 1024, 0, (u16)cid, REQUEST, 0, 0, 0xFFFFFFFF};
    transmit.table[0] = (struct descriptor){physical(&out), sizeof out, 0, 0};
    offer(vsock, 1, &transmit, 0);
    wait_used(&transmit, ++sent);
  }
  for (u32 length = 0; length < sizeof out; length += 11) {   // headers cut short
    transmit.table[0] = (struct descriptor){physical(&out), length, 0, 0};
    offer(vsock, 1, &transmit, 0);
    if (!wait_used(&transmit, ++sent)) power_off();
  }
  power_off();
}
