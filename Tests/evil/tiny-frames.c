// Empty frames of an unknown type, a million of them.
#include "vsock.h"
void evil(struct swiftlet_boot_page *boot) {
  open_vsock(boot);
  if (!connect(5000, 1024)) give_up("the host refuses the control stream");
  hello(boot, 0);
  for (u32 i = 0; i < 1000; i++) {
    while (frame_bytes < 8000) begin_frame(999, 0);
    send_frames(5000);
  }
  power_off();
}
