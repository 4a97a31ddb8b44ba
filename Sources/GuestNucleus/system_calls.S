// `syscall`: straight into the kernel in ring 3 on a ring-deprivileged KVM, through three instructions of ring 0 on a
// hardware one. RCX: where the program goes on, R11: its flags. Assembly because it saves a whole register set.
#ifdef SWIFTLET_GUEST
#include "nucleus.h"
#include "registers.inc"

  .text
  .balign 64
  .globl system_call
system_call:
  mov %rsp, PROCESSOR(PROGRAM_STACK)
  .globl system_call_from_ring0
system_call_from_ring0:
  mov PROCESSOR(STACK_TOP), %rsp
  push $SWIFTLET_USER_SS
  pushq PROCESSOR(PROGRAM_STACK)
  push %r11
  push $SWIFTLET_USER_CS
  push %rcx
  push %rax
  push %rdi
  push %rsi
  push_below_rsi
  mov %rsp, %rdi
  call_kernel kernel_system_call
  jmp resume_program

// Executes `syscall` in the kernel itself. On hardware it enters ring 0 and the nucleus comes back by PROBE; elsewhere ring 3
// may not fetch the nucleus, and the page fault comes back by PAGE_FAULT. Interrupts are on afterwards.
  .globl nucleus_probe_syscall
nucleus_probe_syscall:
  push_preserved
  mov %rsp, PROCESSOR(PROGRAM_STACK)
  lea 1f(%rip), %rax
  mov %rax, processor_state+PROCESSOR_PAGE_FAULT+RETURN_RIP(%rip)
  syscall
1:xor %eax, %eax
  jmp probed
  .globl probed_ring0
probed_ring0:
  mov $1, %eax
probed:
  mov PROCESSOR(PROGRAM_STACK), %rsp
  lea page_fault(%rip), %rcx
  mov %rcx, processor_state+PROCESSOR_PAGE_FAULT+RETURN_RIP(%rip)
  pop_preserved
  ret
  .section .note.GNU-stack, "", @progbits
#endif
