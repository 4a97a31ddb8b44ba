// A one-shot timer is set, the program makes some system calls and then waits for its signal without any: an interrupt that the kernel
// lost, wherever it met it, is a signal that does not come. Prints how many came. Usage: interrupts ROUNDS
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms;
static void handler(int number) { (void)number; alarms++; }

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
  return alarms != rounds;
}
