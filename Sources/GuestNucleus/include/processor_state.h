// The layouts that the kernel's assembly and its Swift share. `layout.c` checks every offset here against its structure.
#ifndef PROCESSOR_STATE_H
#define PROCESSOR_STATE_H

// struct program_registers: byte offsets and size.
#define REGISTERS_RCX          88
#define REGISTERS_R11          48
#define REGISTERS_RDI          112
#define REGISTERS_SYSTEM_CALL  120
#define REGISTERS_RIP          128
#define REGISTERS_CS           136
#define REGISTERS_RFLAGS       144
#define REGISTERS_RSP          152
#define REGISTERS_SS           160
#define REGISTERS_BYTES        168

// struct processor_state: byte offsets.
#define PROCESSOR_STACK_TOP          0
#define PROCESSOR_PROGRAM_STACK      8
#define PROCESSOR_PENDING_INTERRUPT  16
#define PROCESSOR_FAULT_ADDRESS      24
#define PROCESSOR_CHECKPOINT_STACK   32
#define PROCESSOR_TASK_STATE         40
#define PROCESSOR_WAITING            48
#define PROCESSOR_PAGE_FAULT         56
#define PROCESSOR_DIVIDE_ERROR       96
#define PROCESSOR_SYSTEM_CALL        136
#define PROCESSOR_INTERRUPT          176
#define PROCESSOR_PROBE              216
#define PROCESSOR_NOTED              256
#define PROCESSOR_SERVED_LATER       264

// struct interrupt_return: byte offsets.
#define RETURN_RIP             0
#define RETURN_RSP             24

// Of a page fault's interrupt_return: what is on the stack when the kernel proper takes over is RDI, the error code, and
// the five words of the processor.
#define PAGE_FAULT_PUSHED      56

// RFLAGS.
#define FLAGS_CLEAN            0x2         // what is always one
#define FLAGS_KERNEL           0x202       // and interrupts on
#define FLAGS_TRAP             0x100
#define FLAGS_NESTED_TASK      0x4000
#define FLAGS_RESUME           0x10000

#ifndef __ASSEMBLER__
#include <stdint.h>

/// A program's registers, at the top of its thread's kernel stack while the thread is in the kernel. The last five words
/// are what the processor pushes and `iretq` pops. 21 words, in the order of Linux's struct pt_regs.
struct program_registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
  uint64_t system_call;   // RAX at entry when this is a system call, -1 otherwise; for restarts
  uint64_t rip, cs, rflags, rsp, ss;
};

/// What `iretq` pops.
struct interrupt_return {
  uint64_t rip, cs, rflags, rsp, ss;
};

/// What the ways into the kernel know of the processor: one processor, one of these.
struct processor_state {
  uint64_t stack_top;           // of the running thread's kernel stack
  uint64_t program_stack;       // RSP of the program whose system call is coming in
  uint64_t pending_interrupt;   // vector of an interrupt that met the kernel and has not been served; 0: none
  uint64_t fault_address;       // CR2 of the last page fault
  uint64_t checkpoint_stack;    // not 0: this memory was saved in kernel_checkpoint
  uint64_t task_state;          // where the kernel sees the task state segment; 0: on the host, where there is none
  uint64_t waiting;             // where kernel_idle's stack is, while it waits; 0: it does not
  // Where ring 0 goes on in ring 3.
  struct interrupt_return page_fault, divide_error, system_call, interrupt, probe;
  // Of the interrupts that met the kernel, for the tests (Tests/e2e/boundary/interrupts.c), which read them here: how many were
  // noted, how many of these served on the way out or when the kernel went idle, and how many served while the kernel was at
  // work, of which there must be none.
  uint64_t noted, served_later, served_inside;
};
#endif
#endif
