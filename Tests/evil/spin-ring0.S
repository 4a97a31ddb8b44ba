// Never gives the CPU back, in ring 0 with interrupts off: on a ring-deprivileged KVM the host's own code interprets it.
#include "evil.h"
  ud2
  ring0_tables
ring0:
ring0_fault:
  cli
  jmp .
