// Has the VMM itself make a system call (Tests/takeover): the command and the thread are written over the two words at
// `order` before the kernel is used. Panics with "survived" and the call's result if there still is somebody to hear it.
#include "evil.h"
  movabs $AT_PHYSICAL(SWIFTLET_PLATFORM_BASE + 0x1000), %rbx
  mov command(%rip), %rax
  mov thread(%rip), %rcx           // 0: the vCPU's, 8: the device loop
  mov %rax, (%rbx, %rcx)
  movabs $0x8000000000000000, %rbp
wait:
  mov 0x10(%rbx), %rax
  cmp %rbp, %rax
  je wait
  // The result in hexadecimal, behind the text.
  lea digits(%rip), %rdi
  mov $16, %ecx
digit:
  rol $4, %rax
  mov %eax, %edx
  and $15, %edx
  lea alphabet(%rip), %rsi
  mov (%rsi, %rdx), %dl
  mov %dl, (%rdi)
  inc %rdi
  dec %ecx
  jnz digit
  lea text(%rip), %rsi
  movabs $FREE_RAM, %rdi
  mov $(digits + 16 - text), %ecx
  rep movsb
  mov $0x400000, %eax
  mov $(digits + 16 - text), %ecx
  message
  platform SWIFTLET_PLATFORM_PANIC
  jmp .
  .data
order: .ascii "TAKEOVER"
command: .quad 0
thread: .quad 0
text: .ascii "survived: "
digits: .ascii "----------------"
alphabet: .ascii "0123456789abcdef"
