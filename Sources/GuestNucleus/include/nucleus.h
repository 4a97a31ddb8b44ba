// The contract between the nucleus (nucleus.S, ring 0), the kernel's own assembly (ring 3; a file a way in) and the kernel's
// Swift. C because assembly and Swift share the layouts, and for the few instructions Swift has no name for.
#ifndef NUCLEUS_H
#define NUCLEUS_H
#include "swiftlet_abi.h"

// TSS: the stack for ring 0, and where its interrupt stack table begins (AMD64 APM vol. 2 §12.2.5).
#define TSS_RSP0               0x04
#define TSS_IST1               0x24
#define IST_THREAD             1           // the running thread's stack: exceptions
#define IST_REQUEST            2           // the nucleus's: divide errors, and so the kernel's requests

// Interrupt vectors: one priority class, 16 of them. What comes after the 15th device shares its vector.
#define VECTOR_TIMER           0x40
#define VECTOR_DEVICE          0x41        // + virtio device number, 0...14
#define VECTOR_FIRST_INTERRUPT VECTOR_TIMER
#define INTERRUPT_VECTORS      16
#define EXCEPTION_VECTORS      32
#define INTERRUPTED_BYTES      64          // a place of the nucleus's stack, for what an interrupt has met

#include "processor_state.h"

#ifndef __ASSEMBLER__
#include <stdint.h>
#include <stdbool.h>

// The kernel's assembly. On the host (unit tests) host.c stands in for all but context_switch, which is the same there.
/// Saves the callee-saved registers and the stack pointer into `*save`, continues at `to`. Returns when switched back.
void context_switch(uint64_t *save, uint64_t to);
/// First code of a new program's thread: calls kernel_thread_start() and then resumes the registers at the top of its stack.
void thread_trampoline(void);
/// Waits for an interrupt with `sti; hlt` in ring 0; returns its vector.
uint64_t kernel_idle(void);
/// Sets a model-specific register, and switches interrupts on.
void nucleus_write_msr(uint32_t index, uint64_t value);
/// Loads CR3: the programs' half of the address space is another one, and no translation of the old one is remembered.
void nucleus_load_root(uint64_t root);
/// Executes `syscall` in the kernel itself: true where it entered ring 0 (hardware KVM). Interrupts are on afterwards.
bool nucleus_probe_syscall(void);
/// Writes `command` to the platform device's register at `address`, which saves the machine and ends it. Returns in each
/// machine restored from it, with that one's boot page; 0: the host saves nothing.
struct swiftlet_boot_page *kernel_checkpoint(uint64_t address, uint32_t command);
extern struct processor_state processor_state;
static inline struct processor_state *processor(void) { return &processor_state; }

// Addresses for the IDT and for LSTAR.
/// Ring 0: divide error, page fault, then the interrupts.
extern const uint64_t nucleus_gates[2 + INTERRUPT_VECTORS];
/// Ring 3.
extern const uint64_t exception_entries[EXCEPTION_VECTORS];
void nucleus_system_call(void);
void system_call(void);
static inline uint64_t nucleus_system_call_address(void) { return (uint64_t)nucleus_system_call; }
static inline uint64_t system_call_address(void) { return (uint64_t)system_call; }

/// The running thread's kernel stack: where every way into the kernel puts the program's registers.
static inline void set_kernel_stack_top(uint64_t top) {
  processor_state.stack_top = top;
  processor_state.page_fault.rsp = top - PAGE_FAULT_PUSHED;
  if (processor_state.task_state) __builtin_memcpy((void *)(processor_state.task_state + TSS_IST1), &top, sizeof top);
}

// vdso.S: the image of the vDSO, less than a page.
extern const uint8_t vdso_image[], vdso_image_end[];
static inline const void *vdso_start(void) { return vdso_image; }
static inline uint64_t vdso_bytes(void) { return (uint64_t)(vdso_image_end - vdso_image); }

// Swift, called by the assembly; program_registers are at the top of the running thread's stack.
void kernel_main(struct swiftlet_boot_page *boot);
void kernel_system_call(struct program_registers *registers);
void kernel_exception(uint32_t vector, uint64_t error, struct program_registers *registers);
void kernel_interrupt(uint32_t vector);
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
