// The only processor sends itself INIT: it waits for a start-up that nobody can send.
#include "evil.h"
  ud2
  ring0_tables
ring0:
ring0_fault:
  movabs $LAPIC, %rbx
  movl $0x1FF, LAPIC_SPURIOUS(%rbx)
  movl $0, LAPIC_DESTINATION(%rbx)
  movl $0x4500, LAPIC_COMMAND(%rbx)
  jmp .
