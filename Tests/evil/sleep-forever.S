// Halts with interrupts off: an in-kernel irqchip never wakes it and never exits.
#include "evil.h"
  ud2
  ring0_tables
ring0:
ring0_fault:
  cli
  hlt
  jmp ring0
