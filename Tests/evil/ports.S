// Every I/O port, in and out, and string I/O: keyboard controller, ACPI, PCI configuration, reset and debug ports.
#include "evil.h"
  ud2
  ring0_tables
ring0:
  xor %edx, %edx
port:
  mov $0xFE, %eax
  out %al, %dx
  in %dx, %al
  add $61, %edx                    // prime: low and high ports, odd and even
  cmp $0x10000, %edx
  jb port
  .irp number, 0x60, 0x64, 0x92, 0xCF9, 0xCF8, 0x604, 0xB004, 0x3F8, 0x80, 0xF4, 0x501
  mov $\number, %edx
  mov $0x2006FE, %eax
  out %al, %dx
  out %ax, %dx
  out %eax, %dx
  in %dx, %eax
  .endr
  mov $0x3F8, %edx
  movabs $SWIFTLET_NUCLEUS, %rsi
  mov $4096, %ecx
  rep outsb
  movabs $SWIFTLET_NUCLEUS + 0x3000, %rdi
  mov $512, %ecx
  rep insb
ring0_fault:
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
