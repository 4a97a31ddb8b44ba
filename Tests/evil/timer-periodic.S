// A periodic timer of one nanosecond that is never answered for, and the processor halted under it, for ever.
#include "evil.h"
  ud2
  ring0_tables tick
ring0:
  movabs $LAPIC, %rbx
  movl $0x1FF, LAPIC_SPURIOUS(%rbx)
  movl $0xB, LAPIC_DIVISOR(%rbx)
  movl $0x20040, LAPIC_LVT_TIMER(%rbx)
  movl $1, LAPIC_INITIAL_COUNT(%rbx)
again:
  sti
  hlt
  jmp again
tick:
  movl $0, LAPIC_EOI(%rbx)
  iretq
ring0_fault:
  platform SWIFTLET_PLATFORM_PANIC
  jmp .
