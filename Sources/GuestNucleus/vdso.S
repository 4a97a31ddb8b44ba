// The vDSO (vdso(7)): a shared object of one page that the kernel maps into every program, so that reading a clock costs no
// system call. An ELF image written out by hand, in assembly, because it must be position-independent, use no stack to
// speak of, and lie in the kernel's image without a second link step. The page after it holds what the kernel fills in (VDSO.swift):
// boot TSC, multiplier (ns = ticks * multiplier >> 32), wall clock at boot in ns.
#ifdef SWIFTLET_GUEST
  .section .rodata, "a"
  .balign 16
  .globl vdso_image
  .globl vdso_image_end
vdso_image:
  .byte 0x7F, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
  .word 3, 62                             // ET_DYN, EM_X86_64
  .long 1
  .quad 0, headers - vdso_image, 0
  .long 0
  .word 64, 56, 2, 64, 0, 0
headers:
  .long 1, 5                              // PT_LOAD, R+X
  .quad 0, 0, 0, vdso_image_end - vdso_image, vdso_image_end - vdso_image, 4096
  .long 2, 4                              // PT_DYNAMIC, R
  .quad dynamic - vdso_image, dynamic - vdso_image, dynamic - vdso_image, dynamic_end - dynamic, dynamic_end - dynamic, 8
dynamic:
  .quad 4, hash - vdso_image              // DT_HASH
  .quad 5, strings - vdso_image           // DT_STRTAB
  .quad 6, symbols - vdso_image           // DT_SYMTAB
  .quad 10, strings_end - strings         // DT_STRSZ
  .quad 11, 24                            // DT_SYMENT
  .quad 14, soname - strings              // DT_SONAME
  .quad 0x6FFFFFF0, versions - vdso_image // DT_VERSYM: Go looks for the version without asking whether there are any
  .quad 0x6FFFFFFC, definitions - vdso_image // DT_VERDEF
  .quad 0x6FFFFFFD, 2                     // DT_VERDEFNUM
  .quad 0, 0
dynamic_end:
hash:                                     // one bucket, all symbols in one chain
  .long 1, 6, 1
  .long 0, 2, 3, 4, 5, 0
  .balign 8
  .macro symbol name, function
  .long \name - strings
  .byte 0x12, 0                           // STB_GLOBAL, STT_FUNC
  .word 1
  .quad \function - vdso_image, \function\()_end - \function
  .endm
symbols:
  .fill 24, 1, 0
  symbol name_clock_gettime, clock_gettime
  symbol name_gettimeofday, gettimeofday
  symbol name_time, time
  symbol name_getcpu, getcpu
  symbol name_clock_getres, clock_getres
versions:                                 // of each symbol: 2 is LINUX_2.6
  .word 0, 2, 2, 2, 2, 2
  .macro definition flags, index, hash, name, next
  .word 1, \flags, \index, 1
  .long \hash, 20, \next                  // Elf64_Verdef; its one Elf64_Verdaux is 20 bytes further
  .long \name - strings, 0
  .endm
  .balign 4
definitions:
  definition 1, 1, 0x0DEEBFA1, soname, 28  // VER_FLG_BASE
  definition 0, 2, 0x03AE75F6, name_version, 0
strings:
  .byte 0
soname: .asciz "linux-vdso.so.1"
name_clock_gettime: .asciz "__vdso_clock_gettime"
name_gettimeofday: .asciz "__vdso_gettimeofday"
name_time: .asciz "__vdso_time"
name_getcpu: .asciz "__vdso_getcpu"
name_clock_getres: .asciz "__vdso_clock_getres"
name_version: .asciz "LINUX_2.6"
strings_end:
#define BOOT_TSC   vdso_image + 4096(%rip)
#define MULTIPLIER vdso_image + 4104(%rip)
#define WALL_CLOCK vdso_image + 4112(%rip)

// RAX: nanoseconds since boot. RDX is lost.
  .macro monotonic
  lfence
  rdtsc
  shl $32, %rdx
  or %rdx, %rax
  sub BOOT_TSC, %rax
  mulq MULTIPLIER
  shrd $32, %rdx, %rax
  .endm

  .balign 16
clock_gettime:                            // EDI: clock, RSI: struct timespec
  cmp $11, %edi
  ja 3f
  mov $0b0000011010010, %eax              // CLOCK_MONOTONIC, _RAW, _COARSE, _BOOTTIME
  bt %edi, %eax
  jc 1f
  mov $0b0000000100001, %eax              // CLOCK_REALTIME, _COARSE
  bt %edi, %eax
  jnc 3f
  monotonic
  add WALL_CLOCK, %rax
  jmp 2f
1:
  monotonic
2:
  xor %edx, %edx
  mov $1000000000, %ecx
  div %rcx
  mov %rax, (%rsi)
  mov %rdx, 8(%rsi)
  xor %eax, %eax
  ret
3:
  mov $228, %eax
  syscall
  ret
clock_gettime_end:

  .balign 16
gettimeofday:                             // RDI: struct timeval, RSI: struct timezone
  test %rsi, %rsi
  jz 1f
  movq $0, (%rsi)
1:
  test %rdi, %rdi
  jz 2f
  monotonic
  add WALL_CLOCK, %rax
  xor %edx, %edx
  mov $1000000000, %ecx
  div %rcx
  mov %rax, (%rdi)
  mov %edx, %eax
  xor %edx, %edx
  mov $1000, %ecx
  div %ecx
  mov %rax, 8(%rdi)
2:
  xor %eax, %eax
  ret
gettimeofday_end:

  .balign 16
time:                                     // RDI: time_t or 0
  monotonic
  add WALL_CLOCK, %rax
  xor %edx, %edx
  mov $1000000000, %ecx
  div %rcx
  test %rdi, %rdi
  jz 1f
  mov %rax, (%rdi)
1:
  ret
time_end:

  .balign 16
getcpu:                                   // RDI: processor, RSI: node
  test %rdi, %rdi
  jz 1f
  movl $0, (%rdi)
1:
  test %rsi, %rsi
  jz 2f
  movl $0, (%rsi)
2:
  xor %eax, %eax
  ret
getcpu_end:

  .balign 16
clock_getres:
  mov $229, %eax
  syscall
  ret
clock_getres_end:
vdso_image_end:
  .section .note.GNU-stack, "", @progbits
#endif
