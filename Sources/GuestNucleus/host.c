// Stands in for entry.S in host builds, where the kernel's logic is unit-tested: what would leave the kernel aborts, unless
// the fuzz targets have something in its place (weak).
#ifndef SWIFTLET_GUEST
#include "nucleus.h"
#include <stdlib.h>

uint64_t kernel_stack_top;
uint32_t kernel_depth = 1;
uint8_t probing;
const uint64_t nucleus_gates[KERNEL_ENTRIES];
const uint8_t vdso_image[1];
__asm__(".globl vdso_image_end\n.set vdso_image_end, vdso_image");   // empty: no program runs here
__attribute__((weak)) void thread_trampoline(void) { abort(); }
__attribute__((weak)) uint64_t kernel_idle(void) { abort(); }
void nucleus_write_msr(uint32_t index, uint64_t value) { (void)index; (void)value; }
bool nucleus_probe_syscall(void) { return true; }
struct swiftlet_boot_page *kernel_checkpoint(uint64_t address, uint32_t command) { (void)address; (void)command; return 0; }
void kernel_probe_returned(bool result) { (void)result; abort(); }
#endif
