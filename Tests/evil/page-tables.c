// Page tables that point at themselves, at one frame thousands of times, at devices, at the read-only image and nowhere. A ring-deprivileged
// KVM shadows each of them in memory of the host's. Panics if a write does not arrive where the tables say.
#include "driver.h"
enum { PRESENT = 1, WRITABLE = 2, USER = 4, TABLES = 8192 };
#define FLAGS (PRESENT | WRITABLE | USER)
#define FIRST 0x800000   // physical: tables from here on, far behind everything of ours

static u64 next_table = FIRST;
static u64 *table_at(u64 physical_address) { return at(physical_address); }
static u64 new_table(void) {
  u64 here = next_table;
  next_table += 4096;
  memset(at(here), 0, 4096);
  return here;
}
static volatile u64 *virtual(u64 slot4, u64 slot3, u64 slot2, u64 slot1) {
  return (volatile u64 *)(slot4 << 39 | slot3 << 30 | slot2 << 21 | slot1 << 12);
}

void evil(struct swiftlet_boot_page *boot) {
  u64 *root = table_at(SWIFTLET_KERNEL_PML4);
  // The root in itself: every table there is, as memory, at every level.
  root[100] = SWIFTLET_KERNEL_PML4 | FLAGS;
  for (u64 i = 0; i < 512; i++) if ((root[i] & (PRESENT | USER)) == (PRESENT | USER)) (void)*virtual(100, 100, 100, i);
  if ((*virtual(100, 100, 100, 100) & 0xFFFFF000) != (root[0] & 0xFFFFF000)) give_up("a page table that is another one");
  // Thousands of tables, all of whose entries are one frame; one look through each, and writes that must all arrive there.
  u64 frame = new_table();
  u64 level3 = new_table();
  root[101] = level3 | FLAGS;
  for (u64 n = 0; n < TABLES; n++) {
    u64 *slot3 = &table_at(level3)[n / 512];
    if (!*slot3) *slot3 = new_table() | FLAGS;
    u64 leaf = new_table();
    table_at(*slot3 & 0xFFFFF000)[n % 512] = leaf | FLAGS;
    for (u64 i = 0; i < 512; i++) table_at(leaf)[i] = frame | FLAGS;
    *virtual(101, n / 512, n % 512, n % 511) = n + 1;
    if (*table_at(frame) != n + 1) give_up("a write that did not arrive");
  }
  // Devices, the APICs, the hole, the end of the address space and the image, through one entry that keeps changing.
  u64 level2 = new_table(), leaf = new_table();
  table_at(level3)[511] = level2 | FLAGS;
  table_at(level2)[0] = leaf | FLAGS;
  const u64 targets[] = {SWIFTLET_VIRTIO_BASE, SWIFTLET_LAPIC_BASE, SWIFTLET_IOAPIC_BASE, SWIFTLET_HOLE_START, 0xFFFFF000,
                         boot->root_image.start, boot->root_image.start + boot->root_image.size, 1ull << 38, frame};
  for (u64 round = 0; round < 2000; round++) {
    u64 slot = round % 512;   // an entry that was never used needs no INVLPG, which ring 3 has not
    if (slot == 0) { leaf = new_table(); table_at(level2)[round / 512] = leaf | FLAGS; }
    table_at(leaf)[slot] = targets[round % (sizeof targets / sizeof *targets)] | FLAGS;
    *virtual(101, 511, round / 512, slot) = round;
    (void)*virtual(101, 511, round / 512, slot);
  }
#ifdef RESERVED
  leaf = new_table();
  table_at(level2)[100] = leaf | FLAGS;
  table_at(leaf)[0] = frame | FLAGS | 0x000F000000000000;
  (void)*virtual(101, 511, 100, 0);
#endif
  power_off();
}
