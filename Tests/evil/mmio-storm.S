// Every register of every device page and a little more, with every width, read and written with several values, also
// unaligned, then off.
#include "evil.h"
  movabs $AT_PHYSICAL(SWIFTLET_VIRTIO_BASE), %rbx
  movabs $AT_PHYSICAL(SWIFTLET_VIRTIO_BASE + (SWIFTLET_VIRTIO_MAXIMUM + 1) * SWIFTLET_VIRTIO_STRIDE), %rbp
device:
  xor %esi, %esi
offset:
  mov (%rbx, %rsi), %rax
  mov (%rbx, %rsi), %eax
  mov (%rbx, %rsi), %ax
  mov (%rbx, %rsi), %al
  .irp value, 0, 1, 0x7F, 0x80, -1
  movq $\value, (%rbx, %rsi)
  movl $\value, (%rbx, %rsi)
  movw $\value, (%rbx, %rsi)
  movb $\value, (%rbx, %rsi)
  .endr
  mov 1(%rbx, %rsi), %eax
  movl $-1, 3(%rbx, %rsi)
  add $4, %esi
  cmp $0x120, %esi
  jb offset
  mov $0xFF9, %esi
  mov (%rbx, %rsi), %rax
  movq $-1, (%rbx, %rsi)
  add $SWIFTLET_VIRTIO_STRIDE, %rbx
  cmp %rbp, %rbx
  jb device
  // The platform device's last register, its neighbours, and the empty rest of the hole.
  movabs $AT_PHYSICAL(SWIFTLET_PLATFORM_BASE), %rdx
  mov (%rdx), %rax
  movl $0xFFFF, SWIFTLET_PLATFORM_COMMAND(%rdx)
  movb $1, 0xFFF(%rdx)
  movabs $AT_PHYSICAL(0xE0000000), %rdx
  mov (%rdx), %rax
  mov %rax, (%rdx)
  movabs $AT_PHYSICAL(SWIFTLET_HOLE_START), %rdx
  mov %rax, (%rdx)
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
