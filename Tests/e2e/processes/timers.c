// Timers whose interval is shorter than anything can be served: prints the same under Linux as in the guest. Run by processes.sh in
// both places. Nothing here is measured against a time that passes for others too: only what clocks say of each other counts.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static volatile int64_t sink;
static void work(long rounds) { for (long i = 0; i < rounds; i++) sink += i; }

// What a descriptor says of its expirations is what the clock says.
static void descriptor(long interval) {
  struct itimerspec every = {{0, interval}, {0, interval}};
  int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  int64_t before = now();
  timerfd_settime(timer, 0, &every, 0);
  int64_t set = now();
  uint64_t sum = 0, count;
  for (int i = 0; i < 300; i++) {
    if (i % 3 == 0) work(20000);
    int64_t asked = now();
    if (read(timer, &count, 8) != 8 || count == 0) { printf("read: %s\n", strerror(errno)); return; }
    sum += count;
    int64_t told = now();
    if ((int64_t)sum * interval < asked - set - interval || (int64_t)sum * interval > told - before) {
      printf("%ld ns: told %ld, and it is %ld to %ld\n", interval, (long)sum, (long)((asked - set) / interval),
             (long)((told - before) / interval));
      return;
    }
  }
  struct itimerspec left;
  timerfd_gettime(timer, &left);
  printf("timerfd of %ld ns: right, remaining within its interval: %d\n", interval, left.it_value.tv_nsec <= interval);
  close(timer);
}

static volatile long signals;
static void caught(int signal) { signals++; }

static void start(int kind, long interval, int signal) {
  if (kind == 0) {
    struct itimerval every = {{0, interval < 1000 ? 1 : interval / 1000}, {0, 1}};
    setitimer(ITIMER_REAL, &every, 0);
  } else if (kind == 1) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec every = {{0, interval}, {0, interval}};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &every, 0);
  } else {
    struct itimerspec every = {{0, interval}, {0, interval}};
    timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &every, 0);
  }
}

// One process is kept busy by a timer, the other one has work to do.
static void beside(const char *name, int kind, int timers) {
  pid_t busy = fork();
  if (busy == 0) {
    signal(SIGALRM, caught);
    signal(SIGRTMIN, caught);
    for (int i = 0; i < timers; i++) start(kind, 1, SIGRTMIN);
    for (;;) work(1000);
  }
  pid_t worker = fork();
  if (worker == 0) {
    work(20000000);
    _exit(7);
  }
  int status = 0;
  waitpid(worker, &status, 0);
  printf("%s: the other process ended %d\n", name, WEXITSTATUS(status));
  kill(busy, SIGKILL);
  waitpid(busy, &status, 0);
  printf("%s: and this one by %d\n", name, WTERMSIG(status));
}

// A program that is signalled without end gets on all the same: here, whatever the interval. (On Linux it stands still where the
// interval is shorter than its handler takes, so this is not compared.)
static void through(const char *name, int kind, long interval) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGALRM, caught);
    signal(SIGRTMIN, caught);
    start(kind, interval, SIGRTMIN);
    while (signals < 100) work(100);
    work(200000);
    _exit(5);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("%s of %ld ns: ended %d\n", name, interval, WEXITSTATUS(status));
}

// With the signal blocked one is pending, and says how many it stands for.
static void overrun(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, 0);
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  struct itimerspec once = {{0, 1}, {0, 1}};
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  int64_t before = now();
  timer_settime(timer, 0, &once, 0);
  int64_t set_at = now();
  work(100000);
  siginfo_t info;
  int64_t asked = now();
  sigwaitinfo(&set, &info);
  int64_t told = now();
  int64_t count = 1 + (int64_t)info.si_overrun;
  printf("overrun: right %d, and timer_getoverrun says the same %d\n", count >= asked - set_at - 1 && count <= told - before,
         timer_getoverrun(timer) == info.si_overrun);
  timer_delete(timer);
}

int main(int count, char **arguments) {
  setvbuf(stdout, 0, _IOLBF, 0);
  if (count > 1) {
    through("timer_settime", 1, 10000);
    through("timer_settime", 1, 1);
    through("setitimer", 0, 1000);
    return 0;
  }
  descriptor(1);
  descriptor(10000);
  descriptor(1000000);
  beside("timerfd", 2, 10);
  beside("timer_settime", 1, 10);
  beside("setitimer", 0, 1);
  overrun();
  return 0;
}
