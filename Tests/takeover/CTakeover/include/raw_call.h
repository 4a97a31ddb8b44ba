// One system call with six arguments, as code of an attacker's would make it: no libc between. In C because syscall(2) is
// variadic. Returns what the kernel does, -errno included.
#ifndef RAW_CALL_H
#define RAW_CALL_H
#include <asm/unistd_64.h>
#include <linux/kvm.h>

static inline long raw_call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

enum {
  request_run = (int)KVM_RUN,
  request_create_vm = (int)KVM_CREATE_VM,
  request_set_memory = (int)KVM_SET_USER_MEMORY_REGION,
};
#endif
