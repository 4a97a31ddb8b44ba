// The processor sends itself a system management interrupt, where there is no firmware to take it.
#include "evil.h"
  ud2
  ring0_tables
ring0:
  movabs $LAPIC, %rbx
  movl $0x1FF, LAPIC_SPURIOUS(%rbx)
  movl $0, LAPIC_DESTINATION(%rbx)
  movl $0x4200, LAPIC_COMMAND(%rbx)
  mov $100000, %ecx
1: loop 1b
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
