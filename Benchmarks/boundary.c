// What crossing into the kernel costs a program, in microseconds each. Usage: boundary [ROUNDS]; `boundary -` does nothing.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }
static void behind(int number, siginfo_t *info, void *context) {   // the faulting load has three bytes
  (void)number, (void)info;
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 3;
}
static double began;
static void report(const char *what, long times) { printf("%-28s %10.3f\n", what, (now() - began) / times); fflush(stdout); }

int main(int count, char **words) {
  if (count > 1 && words[1][0] == '-') return 0;
  long rounds = count > 1 ? atol(words[1]) : 100000;
  began = now();
  for (long i = 0; i < rounds; i++) syscall(SYS_getppid);
  report("getppid", rounds);

  const long pages = 50000;
  char *memory = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  began = now();
  for (long i = 0; i < pages; i++) memory[i * 4096] = 1;
  report("first touch of a page", pages);

  const int trips = 3000;
  int there[2], back[2];
  char byte = 0;
  if (pipe(there) || pipe(back)) return 1;
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < trips; i++) if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  began = now();
  for (int i = 0; i < trips; i++) if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return 1;
  report("round trip, two pipes", trips);
  waitpid(child, 0, 0);

  struct sigaction action = {.sa_sigaction = behind, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  began = now();
  for (int i = 0; i < 2000; i++) __asm__ volatile("xor %%eax, %%eax\n.byte 0x48, 0x8b, 0x00" ::: "rax", "memory");
  report("SIGSEGV handled", 2000);

  began = now();
  for (int i = 0; i < 100; i++) {
    if ((child = fork()) == 0) _exit(0);
    waitpid(child, 0, 0);
  }
  report("fork, exit, wait (200 MB)", 100);
  munmap(memory, pages * 4096);
  began = now();
  for (int i = 0; i < 100; i++) {
    if ((child = fork()) == 0) { execl(words[0], words[0], "-", (char *)0); _exit(1); }
    waitpid(child, 0, 0);
  }
  report("fork, exec, wait", 100);
  return 0;
}
