// Asks for its standard input, promises the host all the room there is, and then never gives it a buffer, nor takes a packet back.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  for (u32 port = 1024; port < 1028; port++) {
    out = (struct packet){3, 2, 5000 + port, port, 0, STREAM, REQUEST, 0, 0xFFFFFFFF, 0};
    transmit.table[0] = (struct descriptor){physical(&out), sizeof out, 0, 0};
    offer(vsock, 1, &transmit, 0);
    if (!wait_used(&transmit, sent++)) give_up("a packet was not taken");
  }
  for (;;) {}
}
