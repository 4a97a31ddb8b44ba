// A frame whose length is 2^32-1, and then bytes without end.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  if (!connect(5000, 1024)) give_up("the host refuses the control stream");
  begin_frame(69, 0xFFFFFFFF);
  send_frames(5000);
  for (;;) if (!send(DATA, 5000, 1024, 60000, 60000)) power_off();
}
