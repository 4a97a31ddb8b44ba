// A system call that touches no libc state, for code that runs beside its parent in the same memory.
#ifndef RAW_CALL_H
#define RAW_CALL_H

static inline long raw_call(long number, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}
#endif
