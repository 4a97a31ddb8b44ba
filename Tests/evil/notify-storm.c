// Tens of thousands of notifications of queues that are not there or have nothing to do.
#include "driver.h"
static struct queue q;
void evil(struct swiftlet_boot_page *boot) {
  for (u32 i = 0; i < boot->device_count && i < SWIFTLET_VIRTIO_MAXIMUM; i++) {
    u64 device = boot->devices[i].mmio;
    for (u32 n = 0; n < 1000; n++) put(device, QUEUE_NOTIFY, n);   // before any driver
    negotiate(device, 0);
    add_queue(device, 0, &q);
    start_device(device);
    for (u32 n = 0; n < 20000; n++) put(device, QUEUE_NOTIFY, 0);
  }
  power_off();
}
