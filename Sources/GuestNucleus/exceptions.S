// Exceptions, all but divide error and page fault straight from the program into ring 3: their gates have the ring-3 code
// segment, and the running thread's stack top as stack (IST 1), so the processor pushes where struct program_registers ends.
// The gates are trap gates: an interrupt gate would mask interrupts, and ring 3 cannot unmask them. Assembly because it
// saves a whole register set.
#ifdef SWIFTLET_GUEST
#include "nucleus.h"
#include "registers.inc"

  .text
  .macro entry number
exception_\number:
  .if (\number == 8) || ((\number >= 10) && (\number <= 14)) || (\number == 17) || (\number == 21) || (\number == 29) || (\number == 30)
  .else
  push $0                             // where the others have an error code
  .endif
  push %rdi
  mov $\number, %edi
  jmp exception
  .endm
  .altmacro
  .set i, 0
  .rept EXCEPTION_VECTORS
  entry %i
  .set i, i + 1
  .endr

// From the nucleus, which has the processor's words of a program's division on the stack for requests.
  .globl divide_error
divide_error:
  mov PROCESSOR(STACK_TOP), %rsp
  pushq request_stack_top-8(%rip)
  pushq request_stack_top-16(%rip)
  pushq request_stack_top-24(%rip)
  pushq request_stack_top-32(%rip)
  pushq request_stack_top-40(%rip)
  push $0
  push %rdi
  xor %edi, %edi
  jmp exception

// From the nucleus: RDI is CR2, the program's RDI is on the stack.
  .globl page_fault
page_fault:
  mov %rdi, PROCESSOR(FAULT_ADDRESS)
  mov $14, %edi

// EDI: the vector. The program's flags are still set: alignment checks, direction.
exception:
  push $FLAGS_CLEAN
  popfq
  push %rsi
  push_below_rsi
  mov REGISTERS_SYSTEM_CALL(%rsp), %rsi
  movq $-1, REGISTERS_SYSTEM_CALL(%rsp)
  mov %rsp, %rdx
  call_kernel kernel_exception
  jmp resume_program

  .section .rodata, "a"
  .balign 8
  .globl exception_entries
exception_entries:
  .macro address number
  .quad exception_\number
  .endm
  .set i, 0
  .rept EXCEPTION_VECTORS
  address %i
  .set i, i + 1
  .endr
  .section .note.GNU-stack, "", @progbits
#endif
