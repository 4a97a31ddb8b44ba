// Says hello with a nonce of its own, and reports a success that agrees with it.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  u8 own[16] = {1, 2, 3};
  open_vsock(boot);
  if (!connect(5000, 1024) || !connect(5001, 1026) || !connect(5002, 1027)) give_up("the host refuses the streams");
  hello(boot, own);
  started();
  exited(boot, own, 0, 0);
  begin_frame(71, 0);
  send_frames(5000);
  send(SHUTDOWN, 5001, 1026, 0, 0); send(SHUTDOWN, 5002, 1027, 0, 0); send(SHUTDOWN, 5000, 1024, 0, 0);
  power_off();
}
