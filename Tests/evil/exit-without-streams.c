// Reports success with the right nonce, but never opens nor closes the output streams, and claims a megabyte of output.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  if (!connect(5000, 1024)) give_up("the host refuses the control stream");
  hello(boot, 0);
  started();
  exited(boot, 0, 0, 1 << 20);
  begin_frame(71, 0);
  send_frames(5000);
  send(SHUTDOWN, 5000, 1024, 0, 0);
  power_off();
}
