// An x87 load from a device's register in ring 0: KVM has to emulate it, and cannot (KVM_EXIT_INTERNAL_ERROR).
#include "evil.h"
  ud2
  ring0_tables
ring0:
  movabs $AT_PHYSICAL(SWIFTLET_VIRTIO_BASE), %rbx
  fldt (%rbx)
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
