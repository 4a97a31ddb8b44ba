// What process 1 of a Linux guest needs and Swift cannot say: the system-call instruction, stores that a device must see one by
// one, and the layouts of the kernel's interface. There is no C library in it, and no kernel header can be read for its target
// (x86_64-unknown-none-elf), so the layouts are written out here, by their man pages; GuestInitTests compare their sizes with
// the host's own headers.
#ifndef GUEST_INIT_H
#define GUEST_INIT_H
#include <stdint.h>

/// The system call `number`; the result, or minus an error number.
static inline long linux_call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  register long sixth __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

/// A device's register: written as it stands here, neither left out nor moved.
static inline void device_store32(void *address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline void device_store64(void *address, uint64_t value) { *(volatile uint64_t *)address = value; }

/// Memory is not what the compiler knows of it: somebody else has written there meanwhile.
static inline void memory_changed(void) { __asm__ volatile("" ::: "memory"); }

struct linux_timespec { int64_t seconds, nanoseconds; };
struct linux_timeval { int64_t seconds, microseconds; };
struct linux_rlimit { uint64_t soft, hard; };
struct linux_pollfd { int32_t descriptor; int16_t events, returned; };
struct linux_linger { int32_t is_on, seconds; };
struct linux_winsize { uint16_t rows, columns, width, height; };
struct linux_sockaddr_vm {          // vsock(7)
  uint16_t family, reserved;
  uint32_t port, cid;
  uint8_t flags, zero[3];
};
struct linux_ifreq {                // netdevice(7)
  uint8_t name[16];
  uint16_t flags;
  uint8_t rest[22];
};
struct linux_sigaction { uint64_t handler, flags, restorer, mask; };   // the kernel's, not the C library's
struct linux_entropy {              // RNDADDENTROPY, random(4)
  int32_t bits, bytes;
  uint8_t data[32];
};
struct linux_rusage {               // getrusage(2)
  struct linux_timeval user, system;
  int64_t maximum_resident_kib, unused1[3];
  int64_t minor_faults, major_faults, unused2[8];
};
struct linux_stat {                 // stat(2), x86-64
  uint64_t device, inode, links;
  uint32_t mode, user, group, padding;
  uint64_t special_device;
  int64_t size, block_size, blocks;
  int64_t times[6], reserved[3];
};
#endif
