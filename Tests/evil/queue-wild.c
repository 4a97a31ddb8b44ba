// Queues where there is no memory, of impossible sizes, changed while in use; for every device of the machine.
#include "driver.h"
static struct queue q;
static const u64 addresses[] = {0, 1, 0x1000 - 16, 0xBFFFFFF0, 0xC0000000, 0xD0000000, 0xFEE00000, 0xFFFFFFFFFFFFFFF0, 1ull << 52,
                                0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFF000};
void evil(struct swiftlet_boot_page *boot) {
  for (u32 i = 0; i < boot->device_count && i < SWIFTLET_VIRTIO_MAXIMUM; i++) {
    u64 device = boot->devices[i].mmio;
    for (u32 a = 0; a < sizeof addresses / sizeof *addresses; a++)
      for (u32 which = 0; which < 3; which++) {
        u64 good = physical(&q);
        negotiate(device, 0);
        set_queue(device, 0, SIZE, which == 0 ? addresses[a] : good, which == 1 ? addresses[a] : good, which == 2 ? addresses[a] : good);
        start_device(device);
        for (u32 n = 0; n < 70; n++) put(device, QUEUE_NOTIFY, n);
      }
    static const u32 sizes[] = {0, 1, 3, 17, 255, 256, 257, 0x8000, 0xFFFF, 0x10000, 0xFFFFFFFF};
    for (u32 s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      negotiate(device, 0);
      set_queue(device, 0, sizes[s], physical(&q.table), physical(&q.available), physical(&q.used));
      start_device(device);
      put(device, QUEUE_NOTIFY, 0);
      put(device, QUEUE_SIZE, 0);   // after DRIVER_OK
      put_address(device, QUEUE_DESCRIPTORS, 0xFFFFFFFFFFFFF000);
      q.available.index++;
      put(device, QUEUE_NOTIFY, 0);
      put(device, QUEUE_READY, 0);
      put(device, QUEUE_NOTIFY, 0xFFFFFFFF);
    }
    for (u32 status = 0; status < 256; status++) put(device, STATUS, status);   // every transition there is
  }
  power_off();
}
