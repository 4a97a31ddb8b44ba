// A whole and honest report, and then more output than it told of, before the streams end.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  if (!connect(5000, 1024) || !connect(5001, 1026) || !connect(5002, 1027)) give_up("the host refuses the streams");
  hello(boot, 0);
  started();
  exited(boot, 0, 0, 0);
  begin_frame(71, 0);
  send_frames(5000);
  memset(out_payload, '\n', 1000);
  send(DATA, 5002, 1027, 1000, 1000);
  send(SHUTDOWN, 5001, 1026, 0, 0); send(SHUTDOWN, 5002, 1027, 0, 0); send(SHUTDOWN, 5000, 1024, 0, 0);
  power_off();
}
