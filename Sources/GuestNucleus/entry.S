// The kernel's own assembly, in ring 3: what surrounds its Swift. Assembly because it saves and restores whole register
// sets and switches stacks. context_switch also builds for the host, for the unit tests of the scheduler.

// The registers that a function must preserve (System V ABI): what waits on a stack while another one runs.
  .macro push_preserved
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  .endm
  .macro pop_preserved
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  .endm

#ifdef SWIFTLET_GUEST
#include "nucleus.h"

  .code64
// A request to the nucleus: EAX says which. Resume is the common one.
  .section .gate, "ax"
  xor %eax, %eax
  ud2
  ret

  .text
// Boot: RDI is the boot page. The first thread gets a stack of its own, this one is then unused.
  .globl kernel_start
kernel_start:
  mov checkpoint_stack(%rip), %rsp
  test %rsp, %rsp
  jnz restored
  lea boot_stack_top(%rip), %rsp
  mov %rsp, kernel_stack_top(%rip)
  xor %ebp, %ebp
  call kernel_main
  ud2

// Saves the machine: RDI is the platform device's command register, ESI the command. The machine ends with that write; one
// that is restored from its memory boots like any other, finds the stack here and returns from kernel_checkpoint with
// the new boot page. A host that saves nothing lets it return 0.
  .globl kernel_checkpoint
kernel_checkpoint:
  push_preserved
  mov %rsp, checkpoint_stack(%rip)
  mov %esi, (%rdi)
  xor %edi, %edi
restored:
  movq $0, checkpoint_stack(%rip)
  mov %rdi, %rax
  pop_preserved
  ret

// Entry i: all registers but RSP are the program's; RAX was saved by the nucleus. Builds a struct trap_frame.
  .macro kernel_entry entry, vector
entry_\entry:
  mov kernel_stack_top(%rip), %rsp
  push $\vector
  .if (\entry == 8) || ((\entry >= 10) && (\entry <= 14)) || (\entry == 17) || (\entry == 21) || (\entry == 49)
  jmp entered_with_error
  .else
  jmp entered
  .endif
  .globl entry_\entry
  .endm
  .altmacro
  .set i, 0
  .rept 32
  kernel_entry %i, %i
  .set i, i + 1
  .endr
  .set v, VECTOR_TIMER
  .rept 18
  kernel_entry %i, %v
  .set i, i + 1
  .set v, v + 1
  .endr

  .macro save_frame accumulator_at
  movabs $NUCLEUS_FRAME_PHYSMAP, %rax
  pushq FRAME_TRAP_SS(%rax)
  pushq FRAME_TRAP_RSP(%rax)
  pushq FRAME_TRAP_RFLAGS(%rax)
  pushq FRAME_TRAP_CS(%rax)
  pushq FRAME_TRAP_RIP(%rax)
  pushq FRAME_TRAP_ERROR(%rax)
  pushq FRAME_TRAP_CR2(%rax)
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  pushq \accumulator_at(%rax)
  push %r8
  push %r9
  push %r10
  push %r11
  push_preserved
  push $-1
  .endm

entered:
  cmpb $0, idling(%rip)
  jne wake
  save_frame FRAME_TRAP_ERROR
  jmp handle
entered_with_error:
  save_frame FRAME_TRAP_RAX
handle:
  mov %rsp, %rdi
  xor %ebp, %ebp
  incl kernel_depth(%rip)
  call kernel_trap
  mov %rsp, %rdi
// RDI: the frame to resume. CR3, CS and SS stay in the frame page from the last thread switch.
resume_frame:
  mov %rdi, %rsp
  movabs $NUCLEUS_FRAME_PHYSMAP, %rax
  mov 11*8(%rsp), %rcx
  mov %rcx, FRAME_RAX(%rax)
  mov 18*8(%rsp), %rcx
  mov %rcx, FRAME_RIP(%rax)
  mov 20*8(%rsp), %rcx
  mov %rcx, FRAME_RFLAGS(%rax)
  mov 21*8(%rsp), %rcx
  mov %rcx, FRAME_RSP(%rax)
  decl kernel_depth(%rip)
  add $8, %rsp
  pop_preserved
  pop %r11
  pop %r10
  pop %r9
  pop %r8
  pop %rax
  pop %rcx
  pop %rdx
  pop %rsi
  pop %rdi
  mov $KERNEL_GATE, %eax
  jmp *%rax

  .globl thread_trampoline
thread_trampoline:
  call kernel_thread_start
  mov kernel_stack_top(%rip), %rdi
  sub $24*8, %rdi
  jmp resume_frame

  .globl kernel_idle
kernel_idle:
  push_preserved
  pushq kernel_stack_top(%rip)
  mov %rsp, waiting_stack(%rip)
  lea idle_stack_top(%rip), %rax
  mov %rax, kernel_stack_top(%rip)
  movb $1, idling(%rip)
  mov $NUCLEUS_IDLE, %eax
  mov $KERNEL_GATE_UD2, %ecx
  jmp *%rcx
wake:                               // the vector is on top of the stack
  pop %rax
  movb $0, idling(%rip)
  mov waiting_stack(%rip), %rsp
  popq kernel_stack_top(%rip)
  pop_preserved
  ret

  .globl nucleus_write_msr
nucleus_write_msr:
  push %rbx
  mov %edi, %ecx
  mov %esi, %ebx
  mov %rsi, %rdx
  shr $32, %rdx
  mov $NUCLEUS_WRITE_MSR, %eax
  mov $KERNEL_GATE_UD2, %edi
  call *%rdi
  pop %rbx
  ret

// On hardware `syscall` reaches the nucleus and comes back at entry 49; without it, LSTAR's supervisor page faults and it
// comes back at entry 14. `probing` makes both land here.
  .globl nucleus_probe_syscall
nucleus_probe_syscall:
  push_preserved
  pushq kernel_stack_top(%rip)
  mov %rsp, waiting_stack(%rip)
  lea idle_stack_top(%rip), %rax
  mov %rax, kernel_stack_top(%rip)
  movb $1, probing(%rip)
  syscall
  ud2

  .globl kernel_probe_returned
kernel_probe_returned:              // EDI: result. Called by kernel_trap's first branch.
  movb $0, probing(%rip)
  mov %edi, %eax
  decl kernel_depth(%rip)
  mov waiting_stack(%rip), %rsp
  popq kernel_stack_top(%rip)
  pop_preserved
  ret

  .data
  .balign 8
  .globl kernel_stack_top
kernel_stack_top: .quad 0
waiting_stack: .quad 0
checkpoint_stack: .quad 0           // not 0: this memory was saved in kernel_checkpoint
// 1 while the kernel runs, 0 while a program does; 2 means the kernel itself trapped.
  .globl kernel_depth
kernel_depth: .long 1
idling: .byte 0
  .globl probing
probing: .byte 0
  .bss
  .balign 4096
  .skip 65536
boot_stack_top:
  .skip 4096
idle_stack_top:
#endif

  .text
  .globl context_switch
context_switch:                     // RDI: where to save the old stack pointer, RSI: the new one
  push_preserved
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop_preserved
  ret
  .section .note.GNU-stack, "", @progbits
