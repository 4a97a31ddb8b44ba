// A timer that fires again as soon as its interrupt is over, ten thousand times: KVM's timer is a host timer.
#include "evil.h"
  ud2
spin:
  jmp spin
  ring0_tables tick
ring0:
  movabs $LAPIC, %rbx
  movl $0x1FF, LAPIC_SPURIOUS(%rbx)
  movl $0xB, LAPIC_DIVISOR(%rbx)
  movl $0x40, LAPIC_LVT_TIMER(%rbx)         // one-shot
  mov $10000, %ecx
  movl $1, LAPIC_INITIAL_COUNT(%rbx)
  resume_in_ring3 spin
tick:
  movl $0, LAPIC_EOI(%rbx)
  dec %ecx
  jz ring0_fault
  movl $1, LAPIC_INITIAL_COUNT(%rbx)
  iretq
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
