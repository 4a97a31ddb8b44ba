// Never gives the CPU back. Interrupts are off in ring 3 from the start (RFLAGS 2).
#include "evil.h"
  jmp .
