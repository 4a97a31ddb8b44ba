// Every wrong request a block device can get, from both kinds of disk: the root image's, which is read-only, and a scratch disk. Panics
// if one is answered with success that must not be, or if the disk is not the same afterwards.
#include "driver.h"
static struct queue q;
static struct { u32 type, reserved; u64 sector; } header;
static u8 data[65536] __attribute__((aligned(4096))), status;
static u64 device;
static u16 asked;
enum { IN, OUT, FLUSH = 4, IDENTIFY = 8, OK = 0, NO_ANSWER = 0xEE };

static u32 submit(u16 head) {
  status = NO_ANSWER;
  offer(device, 0, &q, head);
  if (!wait_used(&q, asked++)) give_up("a request was not answered");
  return *(volatile u8 *)&status;
}
/// One request with `count` bytes of data, which the device writes or reads as the type says.
static u32 ask(u32 type, u64 sector, u32 count) {
  header.type = type; header.sector = sector;
  q.table[0] = (struct descriptor){physical(&header), 16, NEXT, count ? 1 : 2};
  q.table[1] = (struct descriptor){physical(data), count, type == OUT ? NEXT : NEXT | WRITE, 2};
  q.table[2] = (struct descriptor){physical(&status), 1, WRITE, 0};
  return submit(0);
}
static void refused(u32 answer, const char *what) { if (answer == OK) give_up(what); }
static void granted(u32 answer, const char *what) { if (answer != OK) give_up(what); }

static void shapes(void) {
  // The header in sixteen pieces: sound (§2.7.4.3).
  header.type = IN; header.sector = 0;
  for (u32 i = 0; i < 13; i++) q.table[i] = (struct descriptor){physical(&header) + i, 1, NEXT, (u16)(i + 1)};
  q.table[13] = (struct descriptor){physical(&header) + 13, 3, NEXT, 14};
  q.table[14] = (struct descriptor){physical(data), 512, WRITE | NEXT, 15};
  q.table[15] = (struct descriptor){physical(&status), 1, WRITE, 0};
  granted(submit(0), "a header in pieces was refused");
  // Short of a header, with and without a status; no status; no data; nothing readable.
  for (u32 length = 0; length < 16; length += 5) {
    q.table[0] = (struct descriptor){physical(&header), length, NEXT, 1};
    q.table[1] = (struct descriptor){physical(&status), 1, WRITE, 0};
    refused(submit(0), "half a header was taken");
    q.table[0].flags = 0;
    if (submit(0) != NO_ANSWER) give_up("a status where there was no room for one");
  }
  header.type = OUT;
  q.table[0] = (struct descriptor){physical(&header), 16, NEXT, 1};
  q.table[1] = (struct descriptor){physical(data), 512, 0, 0};
  if (submit(0) != NO_ANSWER) give_up("a status where there was no room for one");
  q.table[0] = (struct descriptor){physical(&status), 1, WRITE, 0};
  refused(submit(0), "a request without a header was taken");
}

static void requests(struct swiftlet_boot_page *boot, u32 n, int is_read_only) {
  device = find_nth(boot, BLOCK, n);
  if (!device) give_up("the machine has not both disks");
  negotiate(device, is_read_only ? 1u << 5 : 1u << 9);
  if (!(get(device, STATUS) & FEATURES_OK)) give_up("the disk has not the features it should have");
  add_queue(device, 0, &q);
  asked = 0;
  start_device(device);
  u64 capacity = *(volatile u64 *)at(device + CONFIGURATION);
  granted(ask(IN, 0, 512), "the first sector cannot be read");
  granted(ask(IN, capacity - 1, 512), "the last sector cannot be read");
  const u64 beyond[] = {capacity, capacity + 1, 1ull << 54, 1ull << 55, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFE};
  for (u32 i = 0; i < sizeof beyond / sizeof *beyond; i++)
    for (u32 type = IN; type <= OUT; type++) refused(ask(type, beyond[i], 512), "a sector past the end");
  refused(ask(IN, capacity - 1, 1024), "a read over the end");
  refused(ask(OUT, capacity - 1, 1024), "a write over the end");
  static const u32 odd[] = {1, 511, 513, 1023, 4095, 65535};
  for (u32 i = 0; i < sizeof odd / sizeof *odd; i++)
    for (u32 type = IN; type <= OUT; type++) refused(ask(type, 0, odd[i]), "a part of a sector");
  for (u32 type = 2; type < 40; type++) if (type != FLUSH && type != IDENTIFY) refused(ask(type, 0, 512), "a type that is none");
  refused(ask(0x80000000, 0, 512), "a type that is none");
  refused(ask(0xFFFFFFFF, 0, 512), "a type that is none");
  for (u32 i = 0; i < 20; i += 19) refused(ask(IDENTIFY, 0, i), "a serial number in too little room");
  shapes();
  if (is_read_only) {
    refused(ask(OUT, 0, 512), "a write to the read-only disk");
    refused(ask(FLUSH, 0, 0), "a flush that is not on offer");
    granted(ask(IN, 2, 512), "the image cannot be read");
    if (*(volatile u32 *)data != 0xE0F5E1E2) give_up("the image is not what it was");   // EROFS, at byte 1024
  } else {
    // What looks like a qcow2 header with a backing file stays the bytes it is.
    static const u8 image[] = "QFI\373\0\0\0\003/etc/passwd";
    memcpy(data, image, sizeof image);
    granted(ask(OUT, 0, 4096), "a write was refused");
    granted(ask(FLUSH, 0, 0), "a flush was refused");
    memset(data, 0, 4096);
    granted(ask(IN, 0, 4096), "a read was refused");
    for (u32 i = 0; i < sizeof image; i++) if (data[i] != image[i]) give_up("the disk holds something else than was written");
    if (*(volatile u64 *)at(device + CONFIGURATION) != capacity) give_up("the disk has another size now");
  }
}

void evil(struct swiftlet_boot_page *boot) {
  requests(boot, 0, 1);
#ifndef IMAGE_ONLY
  requests(boot, 1, 0);
#endif
  power_off();
}
