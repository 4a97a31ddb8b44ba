// Loaded into the lab's QEMU (LD_PRELOAD): tells of interrupts that it is about to deliver a second time, and keeps them off the guest.
//
// VMRUN with an interrupt to inject delivers it and leaves its vector in cpu->exception_index; if the CPU's thread is asked to leave
// its loop just then, that vector is delivered again, as an exception (docs/decisions.md, "The lab has one CPU"). Exceptions are
// delivered by x86_cpu_do_interrupt, through a table of pointers. In that table we put ourselves. A vector from 32 on that no
// instruction has asked for (`int N`) is no exception: it has been delivered, and to forget it is what VMRUN should have done.
//
// From the environment: LAB_DOUBLES_LOG, a file that gets a line for each, and LAB_DOUBLES_DELIVER, to let it through all the same.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef void deliver_t(char *cpu);
static deliver_t *deliver;
// Where a CPU has its exception_index and exception_is_int: as the function itself reads them.
static uint32_t index_offset, is_int_offset;
static int log_file = -1;
static int let_through;

static int32_t word(const char *cpu, uint32_t offset) {
  int32_t value;
  memcpy(&value, cpu + offset, sizeof value);
  return value;
}

static void deliver_once(char *cpu) {
  int32_t vector = word(cpu, index_offset);
  if (vector > 31 && vector < 256 && !word(cpu, is_int_offset)) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    dprintf(log_file, "%lld.%03ld vector %d\n", (long long)now.tv_sec, now.tv_nsec / 1000000, vector);
    if (!let_through) return;
  }
  deliver(cpu);
}

// The displacement of the first instruction in the function that begins with these two bytes (mov DISPLACEMENT(register), register).
static uint32_t displacement(const uint8_t *code, uint8_t opcode, uint8_t registers) {
  for (int i = 0; i < 128; i++) {
    uint32_t value;
    if (code[i] != opcode || code[i + 1] != registers) continue;
    memcpy(&value, code + i + 2, sizeof value);
    if (value < 0x10000) return value;
  }
  return 0;
}

// Replaces the pointers to the function in what the program was loaded with.
static int replace(struct dl_phdr_info *program, size_t size, void *replaced) {
  (void)size;
  long page = sysconf(_SC_PAGESIZE);
  for (int i = 0; i < program->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &program->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_W)) continue;
    uintptr_t *word = (uintptr_t *)((program->dlpi_addr + part->p_vaddr + 7) & ~7ul);
    uintptr_t *end = (uintptr_t *)(program->dlpi_addr + part->p_vaddr + part->p_filesz);
    for (; word + 1 <= end; word++) {
      if (*word != (uintptr_t)deliver) continue;
      void *start = (void *)((uintptr_t)word & -page);
      // The table is read-only since the program was linked.
      if (mprotect(start, page, PROT_READ | PROT_WRITE) != 0) continue;
      *word = (uintptr_t)deliver_once;
      ++*(int *)replaced;
    }
  }
  return 1;   // the program comes first; its libraries have no such table
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("LAB_DOUBLES_LOG");
  deliver = (deliver_t *)dlsym(RTLD_DEFAULT, "x86_cpu_do_interrupt");
  if (!path || !deliver || (log_file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0) return;
  let_through = getenv("LAB_DOUBLES_DELIVER") != NULL;
  index_offset = displacement((const uint8_t *)deliver, 0x8b, 0xb5);    // %rbp: the CPU; to %esi
  is_int_offset = displacement((const uint8_t *)deliver, 0x8b, 0x90);   // %rax: the CPU; to %edx
  int replaced = 0;
  if (index_offset && is_int_offset) dl_iterate_phdr(replace, &replaced);
  if (replaced == 1) dprintf(log_file, "watching\n");
}
