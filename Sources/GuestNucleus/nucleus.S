// The nucleus: everything of the tiny kernel that runs in ring 0. On a ring-deprivileged KVM each instruction here costs
// about 0.6 µs (KVM-FACTS §1), so it only moves between address spaces: an entry notes what only ring 0 can see (CR2),
// loads the kernel's CR3 and `iretq`s to the kernel in ring 3 with every other register still the program's. Assembly
// because it is entry stubs, descriptor tables and privileged instructions.
//
// Ring-0 instructions: system call 5 in (hardware 7), exception or interrupt 5, page fault 7; resume 8 out.
#ifdef SWIFTLET_GUEST
#include "nucleus.h"
#define FRAME(field) (SWIFTLET_NUCLEUS_FRAME + FRAME_##field)
#define RING0_STACK  (SWIFTLET_NUCLEUS_FRAME + 0x1000)

  .macro enter_kernel entry
  mov $SWIFTLET_KERNEL_PML4, %eax
  mov %rax, %cr3
  mov $(FRAME(ENTRIES) + (\entry) * 40), %rsp
  iretq
  .endm

  .section .nucleus.text, "ax"
  .code64
// `syscall` on a hardware KVM: ring 0, still on the program's stack, which is noted where a trap would have put it.
// Must stay first: the VMM points LSTAR here.
  mov %rsp, FRAME(TRAP_RSP)
  mov $FRAME(TRAP_ERROR), %rsp
  push %rax
  enter_kernel 49

// One entry for each gate. Vector 14 also notes CR2, vector 6 may be a request of the kernel's.
  .macro gate entry
gate_\entry:
  .if \entry == 6
  cmpq $KERNEL_GATE_UD2, (%rsp)
  je request
  .endif
  push %rax
  .if \entry == 14
  mov %cr2, %rax
  push %rax
  .endif
  enter_kernel \entry
  .endm
  .altmacro
  .set i, 0
  .rept 49
  gate %i
  .set i, i + 1
  .endr

request:
  test %eax, %eax
  jne not_resume
  mov $FRAME(CR3), %rsp
  pop %rax
  mov %rax, %cr3
  pop %rax
  iretq
not_resume:
  cmp $NUCLEUS_IDLE, %eax
  jne write_msr
  mov $RING0_STACK, %rsp
  sti
  hlt
write_msr:
  mov %ebx, %eax
  wrmsr
  addq $2, (%rsp)
  iretq

  .section .nucleus.tables, "aw"
  .quad 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0
  .quad 0x0000890000000067, 0     // TSS; the VMM loads TR with its base
  .org SWIFTLET_NUCLEUS_TSS - SWIFTLET_NUCLEUS_GDT
  .long 0
  .quad RING0_STACK               // RSP0
  .org SWIFTLET_NUCLEUS_TSS - SWIFTLET_NUCLEUS_GDT + 102
  .word 104                       // no I/O permission bitmap

  .section .nucleus.idt, "aw", @nobits
  .skip 4096                      // the kernel fills it, natively

  .section .nucleus.frame, "aw"
  .quad 0, 0, 0, SWIFTLET_USER_CS, 0, 0, SWIFTLET_USER_SS
  .org FRAME_ENTRIES
  .macro frame entry
  .quad entry_\entry, SWIFTLET_USER_CS, 2, 0, SWIFTLET_USER_SS
  .endm
  .set i, 0
  .rept KERNEL_ENTRIES
  frame %i
  .set i, i + 1
  .endr
  .org 0x1000

  .section .rodata, "a"
  .balign 8
  .globl nucleus_gates
nucleus_gates:
  .macro address entry
  .quad gate_\entry
  .endm
  .set i, 0
  .rept 49
  address %i
  .set i, i + 1
  .endr
  .quad 0
  .section .note.GNU-stack, "", @progbits
#endif
