// Looks for a virtual machine monitor's own instructions: CPUID's VMX and SVM bits, EFER.SVME, CR4.VMXE. A guest that has them is a
// panic here; each refusal is a #GP or #UD, and what was written must not be there.
#include "evil.h"
  .section .data
found: .ascii "nested virtualisation is on offer"
found_end:
  .text
  ud2
  ring0_tables
ring0:
  mov $1, %eax
  xor %ecx, %ecx
  cpuid
  test $(1 << 5), %ecx
  jnz offered
  mov $0x80000001, %eax
  xor %ecx, %ecx
  cpuid
  test $(1 << 2), %ecx
  jnz offered
  mov $0xC0000080, %ecx
  rdmsr
  or $(1 << 12), %eax                // EFER.SVME
  wrmsr
  mov $0xC0000080, %ecx
  rdmsr
  test $(1 << 12), %eax
  jnz offered
vmx:
  mov %cr4, %rax
  or $(1 << 13), %rax                // CR4.VMXE
  movabs $after, %r15
  mov %rax, %cr4
  mov %cr4, %rax
  test $(1 << 13), %eax
  jnz offered
after:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
offered:
  movabs $found, %rsi
  movabs $AT_PHYSICAL(0x400000), %rdi
  mov $(found_end - found), %ecx
  rep movsb
  mov $0x400000, %eax
  mov $(found_end - found), %ecx
  message
  platform SWIFTLET_PLATFORM_PANIC
  jmp .
ring0_fault:                         // refused: the next way, then the end
  movabs $RING0_STACK - 0x100, %rsp
  test %r15, %r15
  jnz after
  jmp vmx
