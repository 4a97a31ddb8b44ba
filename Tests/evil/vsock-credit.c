// Lies about credit: none at all, ever less, more than there is, bytes taken that were never sent, and more data than the host has
// room for. Panics if the host sends what it has no credit for, or lives with a lie.
#include "vsock.h"
static u32 heard;      // bytes of data that came for the connection
static int was_reset;

static void say(u16 operation, u32 from, u32 to, u32 length, u32 buffer_size, u32 forwarded) {
  out = (struct packet){3, 2, from, to, length, STREAM, operation, 0, buffer_size, forwarded};
  transmit.table[0] = (struct descriptor){physical(&out), sizeof out, length ? NEXT : 0, 1};
  transmit.table[1] = (struct descriptor){physical(out_payload), length, 0, 0};
  offer(vsock, 1, &transmit, 0);
  if (!wait_used(&transmit, sent++)) give_up("a packet was not taken");
}
/// Takes what the host has to say for a while.
static void listen(u32 port) {
  for (u32 i = 0; i < 30; i++) {
    rest(20000);
    while (*(volatile u16 *)&receive.used.index != received) {
      u32 id = receive.used.ring[received++ % SIZE].id;
      struct packet *packet = &in[id % SIZE].header;
      if (packet->destination_port == port && packet->operation == DATA) heard += packet->length;
      if (packet->destination_port == port && packet->operation == RESET) was_reset = 1;
      offer(vsock, 0, &receive, id);
    }
  }
}

static void expect_reset(u32 port) {
  for (u32 i = 0; i < 1000 && !was_reset; i++) listen(port);
  if (!was_reset) give_up("the host believes that bytes were taken which it never sent");
}

void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  // The control stream: the host has a job to tell at once.
  say(REQUEST, 5000, 1024, 0, 0, 0);
  listen(5000);
  if (heard) give_up("data without credit");
  say(CREDIT_UPDATE, 5000, 1024, 0, 10, 0);
  listen(5000);
  if (heard > 10) give_up("more data than there was credit for");
  u32 taken = heard;
  say(CREDIT_UPDATE, 5000, 1024, 0, 3, 0);       // less than is in flight
  say(CREDIT_UPDATE, 5000, 1024, 0, 0, taken);
  listen(5000);
  if (heard != taken) give_up("data for credit that was taken back");
  say(CREDIT_UPDATE, 5000, 1024, 0, 5, taken);
  listen(5000);
  if (heard > taken + 5) give_up("more data than there was credit for");
  for (u32 i = 0; i < 2000; i++) say(CREDIT_REQUEST, 5000, 1024, 0, 5, taken);
  listen(5000);
  say(CREDIT_UPDATE, 5000, 1024, 0, 0xFFFFFFFF, taken + 1000);
  expect_reset(5000);
  // Standard error: more than the host has room for, whatever it says of that.
  was_reset = 0;
  say(REQUEST, 5001, 1027, 0, 65536, 0);
  for (u32 i = 0; i < 4; i++) say(DATA, 5001, 1027, 65536, 65536, 0xFFFFFFFF);
  expect_reset(5001);
  power_off();
}
