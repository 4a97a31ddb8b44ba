// Hypercalls, in both vendors' spelling, of every number there is and more, from ring 0 and ring 3.
#include "evil.h"
  vmcall                             // ring 3: #UD brings us to ring0
  ud2
  ring0_tables
ring0:
  xor %r14d, %r14d
again:
  mov %r14, %rax
  mov $-1, %rbx
  mov $-1, %rcx
  mov $-1, %rdx
  mov $-1, %rsi
  vmmcall
  mov %r14, %rax
  vmcall
next:
  inc %r14d
  cmp $64, %r14d
  jb again
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
ring0_fault:
  movabs $RING0_STACK - 0x100, %rsp
  jmp next
