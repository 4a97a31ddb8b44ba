// Programs the timer of a PC and reads it back. A bus without one answers all ones; an 8254 would count.
#include "evil.h"
  ud2
  ring0_tables
ring0:
  mov $0x34, %eax                    // channel 0, rate generator
  out %al, $0x43
  mov $0x10, %eax
  out %al, $0x40
  xor %eax, %eax
  out %al, $0x40
  mov $100, %ecx
again:
  xor %eax, %eax
  out %al, $0x43                     // latch
  in $0x40, %al
  cmp $0xFF, %al
  jne found
  in $0x40, %al
  cmp $0xFF, %al
  jne found
  in $0x61, %al
  cmp $0xFF, %al
  jne found
  loop again
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
found:
ring0_fault:
  platform SWIFTLET_PLATFORM_PANIC
  jmp .
