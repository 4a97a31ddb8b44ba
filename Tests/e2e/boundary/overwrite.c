// An evil program: it shares its address space with the guest's kernel, finds what of the kernel's region it can reach and writes
// over it. Whatever comes of that is its own job's end. It says nothing good of itself: should it live, it exits with 3.
// Usage: overwrite HOW [SEED]: all (every page, upwards), back (downwards), window (all memory through the kernel's window),
// code, random (8,000 words anywhere), report (the words of a report, everywhere), tables (whatever looks like a page table)
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KERNEL 0x7F8000000000ULL
#define WINDOW 0x7F9000000000ULL
static sigjmp_buf back;
static volatile int reached;
static void handler(int number) { (void)number; siglongjmp(back, 1); }
static int readable(uint64_t address) {
  if (sigsetjmp(back, 1)) return 0;
  (void)*(volatile uint8_t *)address;
  return 1;
}
static void put(uint64_t address, uint64_t value) {
  if (sigsetjmp(back, 1)) return;
  *(volatile uint64_t *)address = value;
  reached++;
}
static uint64_t state;
static uint64_t next(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state * 0x2545F4914F6CDD1DULL; }
static void page(uint64_t at) { for (uint64_t a = at; a < at + 4096; a += 8) put(a, 0xCCCCCCCCCCCCCCCC); }

int main(int count, char **words) {
  const char *how = count > 1 ? words[1] : "all";
  state = (count > 2 ? strtoull(words[2], 0, 0) : 1) * 2 + 1;
  signal(SIGSEGV, handler), signal(SIGBUS, handler), signal(SIGILL, handler), signal(SIGTRAP, handler);
  const uint64_t image = KERNEL + (16 << 20), imageEnd = image + (2 << 20), memory = WINDOW, memoryEnd = WINDOW + (64 << 20);
  if (!readable(memory)) return puts("the kernel is not here"), 4;
  puts("reached"), fflush(stdout);
  if (!strcmp(how, "code")) for (uint64_t p = memory + 0x103000; p < memory + 0x1d0000; p += 4096) page(p);
  if (!strcmp(how, "all") || !strcmp(how, "window")) for (uint64_t p = !strcmp(how, "all") ? image : memory; p < (!strcmp(how, "all") ? imageEnd : memoryEnd); p += 4096) page(p);
  if (!strcmp(how, "all")) for (uint64_t p = memory; p < memoryEnd; p += 4096) page(p);
  if (!strcmp(how, "back")) for (uint64_t p = memoryEnd; p > memory; p -= 4096) page(p - 4096);
  if (!strcmp(how, "random")) for (int i = 0; i < 8000; i++) put(memory + next() % (memoryEnd - memory) / 8 * 8, next());
  if (!strcmp(how, "tables"))
    for (uint64_t a = memory; a < memoryEnd; a += 8) if ((*(volatile uint64_t *)a & 0xFFF0000000000067) == 0x67) put(a, next());
  // A report's kind and an exit status of 0, wherever a status may be.
  if (!strcmp(how, "report")) for (uint64_t a = memory; a < memoryEnd; a += 8) if (*(volatile uint64_t *)a == 3) put(a, 0);
  for (int i = 0; i < 100; i++) getppid();
  if (fork() == 0) _exit(0);
  _exit(3);
}
