// Reports exit 0 and powers off without `finished`: cut in the middle of its report.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  if (!connect(5000, 1024) || !connect(5001, 1026) || !connect(5002, 1027)) give_up("the host refuses the streams");
  hello(boot, 0);
  started();
  exited(boot, 0, 0, 0);
  send_frames(5000);
  send(SHUTDOWN, 5001, 1026, 0, 0); send(SHUTDOWN, 5002, 1027, 0, 0);
  power_off();
}
