// What the evil kernels share: each is a few instructions that a guest may execute and a host must survive. Assembly,
// because what matters is exactly which instruction and which address. A kernel starts at `start` in ring 3, RDI = boot
// page, and has all RAM and all devices at PHYSMAP.
#include "swiftlet_abi.h"

#define AT_PHYSICAL(address) (SWIFTLET_PHYSMAP + (address))
#define FREE_RAM AT_PHYSICAL(0x400000)   // far behind every image of ours

#ifdef __ASSEMBLER__
  .code64

// Sends the command to the platform device; RDX is changed.
.macro platform command
  movabs $AT_PHYSICAL(SWIFTLET_PLATFORM_BASE), %rdx
  movl $\command, SWIFTLET_PLATFORM_COMMAND(%rdx)
.endm

// Names a message for the next command: its physical address in RAX, its length in ECX.
.macro message
  movabs $AT_PHYSICAL(SWIFTLET_PLATFORM_BASE), %rdx
  mov %rax, SWIFTLET_PLATFORM_ADDRESS(%rdx)
  movl %ecx, SWIFTLET_PLATFORM_LENGTH(%rdx)
.endm

// Copies the text into RAM and names it as the message.
.macro say text
  .section .data
1: .ascii "\text"
2:
  .text
  lea 1b(%rip), %rsi
  movabs $FREE_RAM, %rdi
  mov $(2b - 1b), %ecx
  rep movsb
  mov $0x400000, %eax
  mov $(2b - 1b), %ecx
  message
.endm

// A ring 0 of our own: #UD (the way in, by ud2) goes to `ring0`, every other exception to `ring0_fault`, interrupts (vectors
// 32 to 255) to `interrupt`, if one is given.
#define RING0_STACK (SWIFTLET_NUCLEUS + 0x3FF0)
.macro ring0_tables interrupt=ring0_fault
  .section .nucleus.tables, "aw"
  .quad 0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF, 0
  .word SWIFTLET_TSS_LIMIT, SWIFTLET_NUCLEUS_TSS & 0xFFFF
  .long 0x80008B00, 0xFFFFFFFF, 0
  .org 0x104                       // TSS at 0x100: RSP0 is 4 bytes in
  .quad RING0_STACK
  .org 0x1000                      // the IDT
  .set vector, 0
  .rept 256
  .if vector == 6
  .word ring0 - nucleus_start
  .elseif vector >= 32
  .word \interrupt - nucleus_start
  .else
  .word ring0_fault - nucleus_start
  .endif
  .word 0x10, 0xEE00, 0x8000
  .long 0xFFFFFFFF, 0
  .set vector, vector + 1
  .endr
  .section .nucleus.text, "ax"
nucleus_start:
.endm

// From `ring0`: goes on at `place` in ring 3 with interrupts on; the frame of the ud2 is on the stack. RAX is changed.
.macro resume_in_ring3 place
  movabs $\place, %rax
  mov %rax, (%rsp)
  movq $0x202, 16(%rsp)
  iretq
.endm

#define LAPIC AT_PHYSICAL(SWIFTLET_LAPIC_BASE)
#define LAPIC_EOI 0x0B0
#define LAPIC_SPURIOUS 0x0F0
#define LAPIC_COMMAND 0x300
#define LAPIC_DESTINATION 0x310
#define LAPIC_LVT_TIMER 0x320
#define LAPIC_INITIAL_COUNT 0x380
#define LAPIC_DIVISOR 0x3E0

  .text
  .globl start
start:
#endif
