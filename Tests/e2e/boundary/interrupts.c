// A one-shot timer is set, the program makes some system calls and then waits for its signal without any: an interrupt that the kernel
// lost, wherever it met it, is a signal that does not come. Prints how many came, and with the address of the kernel's processor_state
// (its counters are there to be read, as all of the kernel is) what became of those that met the kernel.
// Usage: interrupts ROUNDS [PROCESSOR-STATE]
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "processor_state.h"

static volatile sig_atomic_t alarms;
static void handler(int number) { (void)number; alarms++; }

// Whether each interrupt that met the kernel was noted, and served when the kernel had done its work.
static int account(const volatile struct processor_state *kernel) {
  uint64_t noted, later;
  do noted = kernel->noted, later = kernel->served_later; while (noted != kernel->noted);
  if (noted > 0 && later == noted && kernel->served_inside == 0) return puts("noted in the kernel, served later"), 0;
  printf("%lu noted in the kernel, %lu served later, %lu inside\n", noted, later, kernel->served_inside);
  return 1;
}

int main(int count, char **words) {
  long rounds = count > 1 ? atol(words[1]) : 1000;
  signal(SIGALRM, handler);
  srand(1);
  for (long i = 0; i < rounds; i++) {
    long before = alarms;
    struct itimerval timer = {.it_value = {.tv_usec = 1 + rand() % 300}};
    setitimer(ITIMER_REAL, &timer, 0);
    for (int k = rand() % 6; k > 0; k--) syscall(SYS_getppid);
    // A minute of another machine's work may lie between: only the job's own time limit ends this.
    while (alarms == before) __asm__ volatile("pause");
  }
  printf("%ld alarms\n", (long)alarms);
  if (count > 2 && account((void *)strtoul(words[2], 0, 16))) return 1;
  return alarms != rounds;
}
