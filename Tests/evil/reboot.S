// Every way a PC is rebooted or switched off: keyboard controller, fast A20, reset control register, ACPI sleep registers of several
// chipsets, exit ports of QEMU and Bochs; at last a triple fault, which is one too.
#include "evil.h"
  ud2
  ring0_tables
ring0:
  .irp pair, 0x64FE, 0x9201, 0x9203, 0xF4FF, 0xF431
  mov $(\pair >> 8), %edx
  mov $(\pair & 0xFF), %eax
  out %al, %dx
  .endr
  mov $0xCF9, %edx
  .irp value, 0x02, 0x06, 0x0E
  mov $\value, %eax
  out %al, %dx
  .endr
  mov $0x2000, %eax
  .irp port, 0x604, 0x404, 0x1004, 0xB004, 0x600, 0x4004
  mov $\port, %edx
  out %ax, %dx
  out %eax, %dx
  .endr
  mov $0x8900, %edx
  .irp letter, 'S', 'h', 'u', 't', 'd', 'o', 'w', 'n'
  mov $\letter, %eax
  out %al, %dx
  .endr
  // Still here, as on a machine that has none of these: an empty IDT, and an exception.
  movq $0, SWIFTLET_NUCLEUS + 0x3800
  movq $0, SWIFTLET_NUCLEUS + 0x3808
  lidt SWIFTLET_NUCLEUS + 0x3800
  ud2
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
