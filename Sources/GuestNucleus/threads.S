// Where kernel threads begin and change places, and where a saved machine is left and entered again. Assembly because it
// switches stacks. context_switch also builds for the host, for the unit tests of the scheduler.
#include "registers.inc"
#ifdef SWIFTLET_GUEST
#include "nucleus.h"

  .text
// Boot: RDI is the boot page. The first thread gets a stack of its own, this one is then unused.
  .globl kernel_start
kernel_start:
  mov PROCESSOR(CHECKPOINT_STACK), %rsp
  test %rsp, %rsp
  jnz restored
  lea boot_stack_top(%rip), %rsp
  xor %ebp, %ebp
  call kernel_main
  ud2

// Saves the machine: RDI is the platform device's command register, ESI the command. The machine ends with that write; one
// that is restored from its memory boots like any other, finds the stack here and returns from kernel_checkpoint with
// the new boot page. A host that saves nothing lets it return 0.
  .globl kernel_checkpoint
kernel_checkpoint:
  push_preserved
  mov %rsp, PROCESSOR(CHECKPOINT_STACK)
  mov %esi, (%rdi)
  xor %edi, %edi
restored:
  movq $0, PROCESSOR(CHECKPOINT_STACK)
  mov %rdi, %rax
  pop_preserved
  ret

  .globl thread_trampoline
thread_trampoline:
  call_kernel kernel_thread_start
  jmp resume_program

// Requests to the nucleus, by a division by zero (nucleus_divide_error).
  .globl nucleus_load_root
nucleus_load_root:                    // RDI: the root's physical address
  mov $1, %ecx
  xor %edx, %edx
  div %edx
  ret

  .globl nucleus_write_msr
nucleus_write_msr:                    // EDI: index, RSI: value
  xchg %rdi, %rsi
  xor %ecx, %ecx
  xor %edx, %edx
  div %edx
  ret

  .data
  .balign 64
  .macro return_to place, flags, stack
  .quad \place, SWIFTLET_USER_CS, \flags, \stack, SWIFTLET_USER_SS
  .endm
  .globl processor_state
processor_state:
  .quad boot_trap_stack_top           // nobody's registers, until the first thread runs
  .quad 0, 0, 0, 0, 0, 0
  return_to page_fault, FLAGS_KERNEL, boot_trap_stack_top - PAGE_FAULT_PUSHED
  return_to divide_error, FLAGS_KERNEL, 0
  return_to system_call_from_ring0, FLAGS_KERNEL, 0
  return_to interrupt, FLAGS_KERNEL, interrupt_stack_top
  return_to probed_ring0, FLAGS_KERNEL, 0
  .quad 0, 0, 0
  .bss
  .balign 4096
  .skip 65536
boot_stack_top:
  .skip 4096
boot_trap_stack_top:
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
