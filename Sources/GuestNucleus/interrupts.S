// Interrupts, straight into ring 3 on a stack of their own (IST 2). They are all of one priority class, so the next one
// waits until the last one's end of interrupt (EOI) was written.
//
// They are never masked, because ring 3 could not unmask them. One that meets a program is served at once. One that meets the
// kernel is noted, and served on the way out: the kernel's Swift is never preempted. resume_program looks for a noted one
// before it loads the program's registers; one that comes behind that look makes it begin anew, which it can because the
// registers are still where they were. So none is lost. Assembly because it saves whole register sets.
#ifdef SWIFTLET_GUEST
#include "nucleus.h"
#include "registers.inc"

  .text
  .macro entry number
interrupt_\number:
  push $(VECTOR_FIRST_INTERRUPT + \number)
  jmp interrupt
  .endm
  .altmacro
  .set i, 0
  .rept INTERRUPT_VECTORS
  entry %i
  .set i, i + 1
  .endr

// | RDI, vector, RIP, CS, RFLAGS, RSP, SS |
interrupt:
  push %rdi
  mov 16(%rsp), %rdi
  shr $39, %rdi
  cmp $SWIFTLET_KERNEL_PML4_SLOT, %edi
  je met_kernel
  push $FLAGS_CLEAN
  popfq
  mov PROCESSOR(STACK_TOP), %rdi      // build struct program_registers there, from its top down
  mov %rsi, -64(%rdi)
  mov 48(%rsp), %rsi
  mov %rsi, -8(%rdi)
  mov 40(%rsp), %rsi
  mov %rsi, -16(%rdi)
  mov 32(%rsp), %rsi
  mov %rsi, -24(%rdi)
  mov 24(%rsp), %rsi
  mov %rsi, -32(%rdi)
  mov 16(%rsp), %rsi
  mov %rsi, -40(%rdi)
  movq $-1, -48(%rdi)
  mov (%rsp), %rsi
  mov %rsi, -56(%rdi)
  mov 8(%rsp), %esi
  lea -64(%rdi), %rsp
  push_below_rsi
  mov %esi, %edi
  call_kernel kernel_interrupt
  jmp resume_program

met_kernel:
  mov 8(%rsp), %rdi
  mov %rdi, PROCESSOR(PENDING_INTERRUPT)
  lea resume_program(%rip), %rdi
  cmp %rdi, 16(%rsp)
  jb 1f
  lea resume_program_end(%rip), %rdi
  cmp %rdi, 16(%rsp)
  jae 1f
  lea resume_program(%rip), %rdi      // begin anew, with the kernel's flags
  mov %rdi, 16(%rsp)
  movq $FLAGS_KERNEL, 32(%rsp)
1:pop %rdi
  add $8, %rsp
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
  mov PROCESSOR(PENDING_INTERRUPT), %edi
  movq $0, PROCESSOR(PENDING_INTERRUPT)
  call_kernel kernel_interrupt
  jmp resume_program

// Waits for an interrupt; returns its vector. Meanwhile interrupts go through ring 0, which is where the processor is, and
// there is nobody to go back to.
  .globl kernel_idle
kernel_idle:
  push_preserved
  mov %rsp, processor_state+PROCESSOR_WAKE+RETURN_RSP(%rip)
  lea idle_gates(%rip), %rsi
  call set_gates
  mov PROCESSOR(PENDING_INTERRUPT), %edi
  test %edi, %edi
  jne 1f
  xor %ecx, %ecx
  xor %esi, %esi
  xor %edx, %edx
  div %edx                            // to the nucleus: wait
  .globl woken
woken:                                // EDI: the vector
1:movq $0, PROCESSOR(PENDING_INTERRUPT)
  mov %edi, %ebx
  lea awake_gates(%rip), %rsi
  call set_gates
  mov %ebx, %eax
  pop_preserved
  ret

// RSI: the first words of all interrupts' gates; the second ones are the same for either way. No interrupt finds half a gate.
set_gates:
  mov PROCESSOR(IDT), %rdi
  add $(VECTOR_FIRST_INTERRUPT * 16), %rdi
  mov $INTERRUPT_VECTORS, %ecx
1:mov (%rsi), %rax
  mov %rax, (%rdi)
  add $8, %rsi
  add $16, %rdi
  dec %ecx
  jnz 1b
  ret

  .section .rodata, "a"
  .balign 8
  .globl interrupt_entries
interrupt_entries:
  .macro address number
  .quad interrupt_\number
  .endm
  .set i, 0
  .rept INTERRUPT_VECTORS
  address %i
  .set i, i + 1
  .endr
  .bss
  .balign 16
  .skip 256
  .globl interrupt_stack_top
interrupt_stack_top:
  .globl idle_gates
idle_gates:
  .skip INTERRUPT_VECTORS * 8
  .globl awake_gates
awake_gates:
  .skip INTERRUPT_VECTORS * 8
  .section .note.GNU-stack, "", @progbits
#endif
