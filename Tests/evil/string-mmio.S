// String instructions, read-modify-write and stack operations on the pages of devices, the local APIC and the IOAPIC: KVM emulates them
// item by item, and each item is an access like any other.
#include "evil.h"
  ud2
  ring0_tables
ring0:
  .irp page, SWIFTLET_VIRTIO_BASE, SWIFTLET_VIRTIO_BASE + SWIFTLET_VIRTIO_STRIDE, 0xE0000000
  movabs $AT_PHYSICAL(\page), %rbx
  cld
  mov %rbx, %rsi
  movabs $AT_PHYSICAL(0x400000), %rdi
  mov $512, %ecx
  rep movsb                          // device to memory
  movabs $AT_PHYSICAL(0x400000), %rsi
  mov %rbx, %rdi
  mov $64, %ecx
  rep movsq                          // memory to device
  mov %rbx, %rsi
  lea 0x100(%rbx), %rdi
  mov $128, %ecx
  rep movsl                          // device to device
  mov %rbx, %rdi
  mov $-1, %rax
  mov $256, %ecx
  rep stosw
  lea 0xFFC(%rbx), %rdi              // over the page's end
  mov $2, %ecx
  rep stosq
  std
  lea 0x104(%rbx), %rdi
  mov $80, %ecx
  rep stosl                          // backwards
  cld
  mov $0x3F8, %edx
  mov %rbx, %rdi
  mov $64, %ecx
  rep insb                           // port to device
  mov %rbx, %rsi
  mov $64, %ecx
  rep outsb                          // device to port
  incl 0x70(%rbx)
  lock addl $1, 0x70(%rbx)
  lock xaddl %eax, 0x30(%rbx)
  xchg %eax, 0x14(%rbx)
  .endr
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
