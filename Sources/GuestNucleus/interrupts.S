// Interrupts, and the way back to a program. They are all of one priority class, so the next one waits until the last one's end
// of interrupt (EOI) was written.
//
// They are never masked, because ring 3 could not unmask them. One that meets a program is served at once. One that meets the
// kernel is noted, and served on the way out: the kernel's Swift is never preempted. resume_program looks for a noted one
// before it loads the program's registers; one that comes behind that look makes it begin anew, which it can because the
// registers are still where they were. So none is lost. Assembly because it saves whole register sets.
#ifdef SWIFTLET_GUEST
#include "nucleus.h"
#include "registers.inc"

  .text
// From the nucleus, on the interrupt stack. EDI: the vector. What was interrupted is in the first place of the nucleus's stack:
// | RDI, RIP, CS, RFLAGS, RSP, SS |
#define INTERRUPTED(word) nucleus_stack_top-48+8*(word)(%rip)
  .macro end_of_duplicates scratch, other
  mov PROCESSOR(TASK_STATE), %\scratch
  lea nucleus_stack_top(%rip), %\other
  mov %\other, TSS_RSP0(%\scratch)
  .endm
  .globl interrupt
interrupt:
  cmpq $0, PROCESSOR(WAITING)
  jne woken_by_interrupt
  push %rsi
  mov INTERRUPTED(1), %rsi
  shr $39, %rsi
  cmp $SWIFTLET_KERNEL_PML4_SLOT, %esi
  je met_kernel
  pop %rsi
  mov PROCESSOR(STACK_TOP), %rsp
  pushq INTERRUPTED(5)
  pushq INTERRUPTED(4)
  pushq INTERRUPTED(3)
  pushq INTERRUPTED(2)
  pushq INTERRUPTED(1)
  push $-1
  pushq INTERRUPTED(0)
  push %rsi
  push_below_rsi
  end_of_duplicates rsi, rdx
  call_kernel kernel_interrupt
  jmp resume_program

met_kernel:
  mov %rdi, PROCESSOR(PENDING_INTERRUPT)
  end_of_duplicates rsi, rdi
  incq PROCESSOR(NOTED)               // once for each, however often it was delivered
  mov INTERRUPTED(1), %rsi
  lea resume_program(%rip), %rdi
  cmp %rdi, %rsi
  jb 1f
  lea resume_program_end(%rip), %rdi
  cmp %rdi, %rsi
  jb resume_program                   // begin anew
1:pop %rsi
  lea INTERRUPTED(0), %rsp
  pop %rdi
  iretq

// Back to the program, whose registers are at the top of the running thread's stack. Where they are as `syscall` left them,
// a jump does it; otherwise `iretq`, which also takes what a jump cannot: RCX and R11 of their own, and the trap flag.
  .balign 64
  .globl resume_program
resume_program:
  mov PROCESSOR(STACK_TOP), %rsp
  sub $REGISTERS_BYTES, %rsp
  cmpq $0, PROCESSOR(PENDING_INTERRUPT)
  jne serve_noted
  mov REGISTERS_RIP(%rsp), %rcx
  mov REGISTERS_RFLAGS(%rsp), %r11
  cmp REGISTERS_RCX(%rsp), %rcx
  jne 1f
  cmp REGISTERS_R11(%rsp), %r11
  jne 1f
  test $(FLAGS_TRAP | FLAGS_NESTED_TASK | FLAGS_RESUME), %r11d
  jne 1f
  pop_preserved
  add $8, %rsp
  pop %r10
  pop %r9
  pop %r8
  pop %rax
  add $8, %rsp
  pop %rdx
  pop %rsi
  pop %rdi
  add $(REGISTERS_RFLAGS - REGISTERS_SYSTEM_CALL), %rsp
  popfq
  pop %rsp
  jmp *%rcx
1:pop_preserved
  pop %r11
  pop %r10
  pop %r9
  pop %r8
  pop %rax
  pop %rcx
  pop %rdx
  pop %rsi
  pop %rdi
  add $8, %rsp
  iretq
  .globl resume_program_end
resume_program_end:
serve_noted:
  incq PROCESSOR(SERVED_LATER)
  mov PROCESSOR(PENDING_INTERRUPT), %edi
  movq $0, PROCESSOR(PENDING_INTERRUPT)
  call_kernel kernel_interrupt
  jmp resume_program

// Waits for an interrupt; returns its vector. From the first line on whichever comes ends the wait, wherever it finds us.
  .globl kernel_idle
kernel_idle:
  push_preserved
  mov %rsp, PROCESSOR(WAITING)
  mov PROCESSOR(PENDING_INTERRUPT), %edi
  test %edi, %edi
  jne woken_by_noted
  xor %ecx, %ecx
  xor %esi, %esi
  xor %edx, %edx
  div %edx                            // to the nucleus: wait
woken_by_noted:
  incq PROCESSOR(SERVED_LATER)
  jmp woken
woken_by_interrupt:
  end_of_duplicates rsi, rdx
woken:                                // EDI: the vector
  mov PROCESSOR(WAITING), %rsp
  movq $0, PROCESSOR(WAITING)
  movq $0, PROCESSOR(PENDING_INTERRUPT)
  mov %edi, %eax
  pop_preserved
  ret

  .bss
  .balign 16
  .skip 256
  .globl interrupt_stack_top
interrupt_stack_top:
  .section .note.GNU-stack, "", @progbits
#endif
