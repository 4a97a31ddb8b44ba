// The processor sends itself an interrupt out of each interrupt, ten thousand times, then what else it can send: start-ups,
// reserved delivery modes, an NMI, to itself, to all and to processors that are not there.
#include "evil.h"
  ud2
spin:
  jmp spin
  ring0_tables interrupt
ring0:
  movabs $LAPIC, %rbx
  movl $0x1FF, LAPIC_SPURIOUS(%rbx)
  mov $10000, %ecx
  movl $0x40041, LAPIC_COMMAND(%rbx)
  resume_in_ring3 spin
interrupt:
  movl $0, LAPIC_EOI(%rbx)
  dec %ecx
  jz others
  movl $0x40041, LAPIC_COMMAND(%rbx)
  iretq
others:
  cli
  .irp destination, 0x01000000, 0x7F000000, 0xFF000000, 0
  movl $\destination, LAPIC_DESTINATION(%rbx)
  .irp mode, 0x0, 0x100, 0x300, 0x600, 0x700
  movl $(0x4050 | \mode), LAPIC_COMMAND(%rbx)
  movl $(0x4000 | \mode), LAPIC_COMMAND(%rbx)
  movl $(0x84050 | \mode), LAPIC_COMMAND(%rbx)   // all
  movl $(0xC4050 | \mode), LAPIC_COMMAND(%rbx)   // all others
  .endr
  .endr
  movl $0x4400, LAPIC_COMMAND(%rbx)              // an NMI to itself: vector 2
  mov $100000, %ecx
1: loop 1b
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
