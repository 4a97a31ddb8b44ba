// Connections by the thousand: requests that are never gone on with, shutdowns that are never finished, in every half, and all of it
// while the host has no buffer to answer into; then the buffers come. Panics if the host stops serving.
#include "vsock.h"
static u16 spare;

static void give_back(void) {
  while (*(volatile u16 *)&receive.used.index != received) offer(vsock, 0, &receive, receive.used.ring[received++ % SIZE].id);
}
static void say(u16 operation, u32 from, u32 to, u32 flags) {
  out = (struct packet){3, 2, from, to, 0, STREAM, operation, flags, 65536, 0};
  transmit.table[0] = (struct descriptor){physical(&out), sizeof out, 0, 0};
  offer(vsock, 1, &transmit, 0);
  // With 64 answers to give and nowhere to put them the host stops taking packets, as it should.
  for (u32 i = 0; i < 20000 && *(volatile u16 *)&transmit.used.index == sent; i++) __asm__ volatile("pause");
  if (*(volatile u16 *)&transmit.used.index == sent) give_back();
  if (!wait_used(&transmit, sent++)) give_up("a packet was not taken");
}

void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  // The host answers into sixteen buffers, and then has none until give_back.
  for (u32 i = 0; i < 4000; i++) say(REQUEST, 20000 + i, i % 2 ? 1025 : i, 0);
  for (u32 i = 0; i < 4000; i++) say(SHUTDOWN, 20000 + i, i % 2 ? 1025 : i, 1 + i % 3);
  give_back();
  for (u32 port = 1024; port < 1028; port++) {
    say(REQUEST, 30000 + port, port, 0);
    say(SHUTDOWN, 30000 + port, port, 1);      // half closed, and kept so
    say(SHUTDOWN, 30000 + port, port, 0);
    say(RESPONSE, 30000 + port, port, 0);      // to a connection that stands
    give_back();
  }
  for (u32 i = 0; i < 2000; i++) { say(RESET, 20000 + i, 1025, 0); say(RESPONSE, 20000 + i, 1025, 0); if (i % 8 == 0) give_back(); }
  // Still there?
  for (u32 i = 0; i < 100; i++) { rest(20000); give_back(); }
  spare = received;
  say(DATA, 1, 9, 0);
  for (u32 i = 0; i < 1000 && *(volatile u16 *)&receive.used.index == spare; i++) rest(20000);
  if (*(volatile u16 *)&receive.used.index == spare) give_up("the host does not answer any more");
  power_off();
}
