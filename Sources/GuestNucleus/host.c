// Stands in for the assembly in host builds, where the kernel's logic is unit-tested: what would leave the kernel aborts, unless
// the fuzz targets have something in its place (weak).
#ifndef SWIFTLET_GUEST
#include "nucleus.h"
#include <stdlib.h>

struct processor_state processor_state;
const uint64_t nucleus_gates[2 + INTERRUPT_VECTORS], exception_entries[EXCEPTION_VECTORS];
const uint8_t vdso_image[1];
__asm__(".globl vdso_image_end\n.set vdso_image_end, vdso_image");   // empty: no program runs here
__attribute__((weak)) void thread_trampoline(void) { abort(); }
__attribute__((weak)) uint64_t kernel_idle(void) { abort(); }
void nucleus_write_msr(uint32_t index, uint64_t value) { (void)index; (void)value; }
void nucleus_load_root(uint64_t root) { (void)root; }
void nucleus_system_call(void) { abort(); }
void system_call(void) { abort(); }
bool nucleus_probe_syscall(void) { return true; }
struct swiftlet_boot_page *kernel_checkpoint(uint64_t address, uint32_t command) { (void)address; (void)command; return 0; }
#endif
