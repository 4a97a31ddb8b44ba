// The nucleus: everything of the tiny kernel that runs in ring 0. On a ring-deprivileged KVM each instruction here is
// interpreted (docs/kernel.md), so it does only what ring 3 cannot: read CR2 of a page fault, load another address
// space, halt, write an MSR, and on a hardware KVM take `syscall`. Assembly because it is entry points, descriptor tables
// and privileged instructions.
//
// Ring-0 instructions: page fault 4, interrupt 5; system call on hardware 3, ring-deprivileged 0; another address space 6.
// The way back costs none: the kernel goes back to the program by itself.
#ifdef SWIFTLET_GUEST
#include "nucleus.h"
#include "registers.inc"

  .code64
// Where the VMM points LSTAR, on a page for ring 0 alone: only the kernel's own first `syscall` gets here, and only where
// `syscall` enters ring 0; elsewhere it is a page fault (nucleus_probe_syscall).
  .section .nucleus.text, "ax"
  movabs $(processor_state + PROCESSOR_PROBE), %rsp
  iretq

  .text
// `syscall` on a hardware KVM, with interrupts masked until ring 3.
  .globl nucleus_system_call
nucleus_system_call:
  mov %rsp, PROCESSOR(PROGRAM_STACK)
  lea PROCESSOR(SYSTEM_CALL), %rsp
  iretq

// Vector 14, on the running thread's stack: | error, RIP, CS, RFLAGS, RSP, SS |. RDI: CR2.
nucleus_page_fault:
  push %rdi
  mov %cr2, %rdi
  lea PROCESSOR(PAGE_FAULT), %rsp
  iretq

// Vector 0, on a stack of its own (IST 2): a program's division, or a request of the kernel's, which is a division by zero too.
// ECX not 0: RDI is the root of the address space to load. ECX 0: ESI is an MSR to set to RDI, or 0, to wait.
nucleus_divide_error:
  cmpl $(SWIFTLET_KERNEL >> 32), 4(%rsp)
  jne program_divides
  jrcxz rare_request
  mov %rdi, %cr3
  addq $2, (%rsp)                     // behind the division
  iretq
program_divides:
  lea PROCESSOR(DIVIDE_ERROR), %rsp
  iretq
rare_request:
  test %esi, %esi
  jne write_msr
  sti
1:hlt                                 // left by an interrupt
  jmp 1b
write_msr:                            // interrupts are on from here on: ring 3 cannot switch them on
  mov %esi, %ecx
  mov %edi, %eax
  mov %rdi, %rdx
  shr $32, %rdx
  wrmsr
  addq $2, (%rsp)
  orq $0x200, 16(%rsp)
  iretq

// Interrupts, on the nucleus's stack, which is moved down a place meanwhile. A ring-deprivileged KVM (seen; and QEMU's software CPU
// at times) delivers an interrupt a second time at the first instruction in ring 3: so that must find everything as the first
// one did, and the first one's words may not be written over (docs/decisions.md).
  .macro interrupt number
nucleus_interrupt_\number:
  push %rdi
  mov $(VECTOR_FIRST_INTERRUPT + \number), %edi
  subq $INTERRUPTED_BYTES, SWIFTLET_NUCLEUS_TSS + TSS_RSP0
  lea PROCESSOR(INTERRUPT), %rsp
  iretq
  .endm
  .altmacro
  .set i, 0
  .rept INTERRUPT_VECTORS
  interrupt %i
  .set i, i + 1
  .endr

  .section .nucleus.tables, "aw"
  .quad 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0
  .quad 0x0000890000000067, 0     // TSS; the VMM loads TR with its base
  .org SWIFTLET_NUCLEUS_TSS - SWIFTLET_NUCLEUS_GDT
  .long 0
  .quad nucleus_stack_top         // RSP0
  .org SWIFTLET_NUCLEUS_TSS - SWIFTLET_NUCLEUS_GDT + TSS_IST1
  .quad 0                         // the running thread's stack
  .quad request_stack_top         // IST2
  .org SWIFTLET_NUCLEUS_TSS - SWIFTLET_NUCLEUS_GDT + 102
  .word 104                       // no I/O permission bitmap
  .org 0x1000

  .section .nucleus.idt, "aw", @nobits
  .skip 4096                      // the kernel fills it, natively

  .section .rodata, "a"
  .balign 8
  .globl nucleus_gates
nucleus_gates:
  .quad nucleus_divide_error, nucleus_page_fault
  .macro address entry
  .quad nucleus_interrupt_\entry
  .endm
  .set i, 0
  .rept INTERRUPT_VECTORS
  address %i
  .set i, i + 1
  .endr

  .bss
  .balign 64
  .skip 1024
  .globl nucleus_stack_top
nucleus_stack_top:
  .skip 256
  .globl request_stack_top
request_stack_top:
  .section .note.GNU-stack, "", @progbits
#endif
