// Writes and reads model-specific registers by the thousand; a #GP goes on with the next.
#include "evil.h"
  ud2
  ring0_tables
ring0:
  xor %ecx, %ecx
next:
  mov $-1, %eax
  mov $-1, %edx
  cmp $0xC0000080, %ecx            // EFER is ours to ruin, but then this ends here
  je skip
  wrmsr
skip:
  rdmsr
back:
  inc %ecx
  cmp $0x1000, %ecx
  jne 1f
  mov $0xC0000000, %ecx
1: cmp $0xC0000200, %ecx
  jne 1f
  mov $0xC0010000, %ecx
1: cmp $0xC0010200, %ecx
  jne 1f
  mov $0x4b564d00, %ecx            // KVM's own
1: cmp $0x4b564d10, %ecx
  jb next
  cmp $0xC0000000, %ecx
  jae next
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
ring0_fault:
  movabs $RING0_STACK - 0x100, %rsp
  jmp back
