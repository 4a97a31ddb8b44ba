// Writes into the root image, which is mapped read-only into guest-physical memory, then off.
#include "evil.h"
  // struct swiftlet_boot_page: byte 144 is the address of root_image; see the header.
  mov 144(%rdi), %rbx
  movabs $SWIFTLET_PHYSMAP, %rax
  add %rax, %rbx
  mov $4096, %ecx
again:
  movq $-1, (%rbx)
  lock incl 8(%rbx)
  add $64, %rbx
  dec %ecx
  jnz again
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
