// The contract between the nucleus (nucleus.S, ring 0), the kernel's own assembly (entry.S, ring 3) and the kernel's
// Swift. C because assembly and Swift share the layouts, and for the few instructions Swift has no name for.
#ifndef NUCLEUS_H
#define NUCLEUS_H
#include "swiftlet_abi.h"

// Where the kernel is linked. The gate is below mmap_min_addr, where no program can map anything, so a `ud2` at that
// address can only be the kernel's.
#define KERNEL_GATE            0x8000      // xor eax,eax / ud2: see nucleus requests
#define KERNEL_GATE_UD2        0x8002
#define PROGRAM_STUB           0x9000      // `hlt` in every program's space: where `syscall` lands on a ring-deprivileged KVM
#define NUCLEUS_PHYSICAL       0x100000    // the nucleus's four pages
#define NUCLEUS_FRAME_PHYSMAP  (SWIFTLET_PHYSMAP + NUCLEUS_PHYSICAL + 0x3000)

// Nucleus requests: EAX at the gate's ud2.
#define NUCLEUS_RESUME         0           // to the program, as the frame page says
#define NUCLEUS_IDLE           1           // sti; hlt; comes back through an interrupt's kernel entry
#define NUCLEUS_WRITE_MSR      2           // ECX: index, EDX:EBX: value; returns behind the ud2

// Interrupt vectors.
#define VECTOR_TIMER           0x40
#define VECTOR_DEVICE          0x41        // + virtio device number, 0...15
#define VECTOR_SYSCALL         0x51        // not an IDT gate: the hardware `syscall` entry
#define VECTOR_FIRST_INTERRUPT VECTOR_TIMER
#define KERNEL_ENTRIES         50          // 32 exceptions, timer, 16 devices, system call

// The frame page. Resume: CR3, RAX, then what iretq pops. Then a five-word iretq frame for each kernel entry. At its end
// the ring-0 stack: what the CPU pushed, below it RAX, below that CR2.
#define FRAME_CR3              0x000
#define FRAME_RAX              0x008
#define FRAME_RIP              0x010
#define FRAME_CS               0x018
#define FRAME_RFLAGS           0x020
#define FRAME_RSP              0x028
#define FRAME_SS               0x030
#define FRAME_ENTRIES          0x040
#define FRAME_TRAP_CR2         0xFC0
#define FRAME_TRAP_RAX         0xFC8       // with an error code; at FRAME_TRAP_ERROR without one
#define FRAME_TRAP_ERROR       0xFD0
#define FRAME_TRAP_RIP         0xFD8
#define FRAME_TRAP_CS          0xFE0
#define FRAME_TRAP_RFLAGS      0xFE8
#define FRAME_TRAP_RSP         0xFF0
#define FRAME_TRAP_SS          0xFF8

#ifndef __ASSEMBLER__
#include <stdint.h>
#include <stdbool.h>

/// A program's registers as entry.S saved them at the top of its thread's kernel stack. 24 words.
struct trap_frame {
  uint64_t system_call;   // RAX at entry when this is a system call, -1 otherwise; for restarts
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
  uint64_t cr2, error, rip, cs, rflags, rsp, ss, vector;
};

// entry.S. On the host (unit tests) host.c stands in for all but context_switch, which is the same there.
/// Saves the callee-saved registers and the stack pointer into `*save`, continues at `to`. Returns when switched back.
void context_switch(uint64_t *save, uint64_t to);
/// First code of a new kernel thread: calls kernel_thread_start() and then resumes the frame at the top of its stack.
void thread_trampoline(void);
/// Waits for an interrupt with `sti; hlt` in ring 0; returns its vector.
uint64_t kernel_idle(void);
void nucleus_write_msr(uint32_t index, uint64_t value);
/// Executes `syscall` in the kernel itself: true where it entered ring 0 (hardware KVM).
bool nucleus_probe_syscall(void);
/// Writes `command` to the platform device's register at `address`, which saves the machine and ends it. Returns in each
/// machine restored from it, with that one's boot page; 0: the host saves nothing.
struct swiftlet_boot_page *kernel_checkpoint(uint64_t address, uint32_t command);
/// Top of the running thread's kernel stack; every kernel entry starts there.
extern uint64_t kernel_stack_top;
static inline void set_kernel_stack_top(uint64_t top) { kernel_stack_top = top; }
/// 1 while the kernel runs, 2 when the kernel itself has trapped.
extern uint32_t kernel_depth;
extern uint8_t probing;
static inline bool kernel_itself_trapped(void) { return kernel_depth > 1; }
static inline bool is_probing(void) { return probing; }
/// Ends nucleus_probe_syscall with `result`.
void kernel_probe_returned(bool result) __attribute__((noreturn));
/// Ring-0 handler address of gate i, in the order of the kernel entries; 0 ends the list.
extern const uint64_t nucleus_gates[KERNEL_ENTRIES];

// vdso.S: the image of the vDSO, less than a page.
extern const uint8_t vdso_image[], vdso_image_end[];
static inline const void *vdso_start(void) { return vdso_image; }
static inline uint64_t vdso_bytes(void) { return (uint64_t)(vdso_image_end - vdso_image); }

// Swift, called by entry.S.
void kernel_main(struct swiftlet_boot_page *boot);
void kernel_trap(struct trap_frame *frame);
void kernel_thread_start(void);

// Instructions Swift has no name for; all run in ring 3.
static inline uint64_t read_tsc(void) { uint32_t lo, hi; __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)); return (uint64_t)hi << 32 | lo; }
static inline uint64_t read_fs_base(void) { uint64_t v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static inline uint64_t read_gs_base(void) { uint64_t v; __asm__ volatile("rdgsbase %0" : "=r"(v)); return v; }
static inline void write_fs_base(uint64_t v) { __asm__ volatile("wrfsbase %0" :: "r"(v)); }
static inline void write_gs_base(uint64_t v) { __asm__ volatile("wrgsbase %0" :: "r"(v)); }
static inline uint64_t read_xcr0(void) { uint32_t lo, hi; __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0)); return (uint64_t)hi << 32 | lo; }
/// `area`: 64-byte aligned, zeroed before the first save, large enough for `components`.
static inline void save_vector_state(void *area, uint64_t components) { __asm__ volatile("xsave64 (%0)" :: "r"(area), "a"((uint32_t)components), "d"((uint32_t)(components >> 32)) : "memory"); }
/// What the area does not have is initialised.
static inline void restore_vector_state(const void *area) { __asm__ volatile("xrstor64 (%0)" :: "r"(area), "a"(-1), "d"(-1) : "memory"); }
struct cpuid_result { uint32_t eax, ebx, ecx, edx; };
static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf) {
  struct cpuid_result r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}
static inline void cpu_pause(void) { __asm__ volatile("pause"); }
static inline void compiler_barrier(void) { __asm__ volatile("" ::: "memory"); }
static inline void memory_fence(void) { __asm__ volatile("mfence" ::: "memory"); }
static inline uint32_t mmio_read32(uint64_t address) { return *(volatile uint32_t *)address; }
static inline void mmio_write32(uint64_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline void mmio_write64(uint64_t address, uint64_t value) { *(volatile uint64_t *)address = value; }
static inline uint16_t volatile_read16(const void *address) { return *(const volatile uint16_t *)address; }
static inline void volatile_write16(void *address, uint16_t value) { *(volatile uint16_t *)address = value; }
static inline void wide_copy(void *to, const void *from, uint64_t bytes) { __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) :: "memory"); }
static inline void wide_zero(void *to, uint64_t bytes) { __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(0) : "memory"); }
#endif
#endif
