// Waits that end: each of these once slept for ever, or missed what it had been woken for. Prints the same under Linux as
// in the guest. Run by processes.sh in both places.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TAI 11

static volatile int handled;

static void count(int signal) {
  (void)signal;
  handled++;
}

static void say(const char *what, ssize_t result) {
  printf("%s: %zd %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}

static void gifts(void) {
  static _Alignas(4096) char bytes[1 << 20];
  int ends[2];
  if (pipe(ends)) return;
  struct iovec all = {bytes, sizeof bytes};
  say("vmsplice of more than a pipe holds", vmsplice(ends[1], &all, 1, 0));
  say("and of more into a full one", vmsplice(ends[1], &all, 1, SPLICE_F_NONBLOCK));
  say("what is in it", read(ends[0], bytes, sizeof bytes));
  struct iovec two[] = {{bytes, 4096}, {bytes, 8192}};
  say("vmsplice of what fits", vmsplice(ends[1], two, 2, 0));
  close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  say("into nobody's", vmsplice(ends[1], &all, 1, 0));
  signal(SIGPIPE, SIG_DFL);
  close(ends[1]);
}

static void splices(void) {
  int ends[2], poll = epoll_create1(0), event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
  if (pipe(ends)) return;
  say("of no bytes", splice(-1, 0, -1, 0, 0, 0x100));
  say("of flags that are none", splice(-1, 0, -1, 0, 1, 0x100));
  say("write to epoll", write(poll, "12345678", 8));
  say("write to a timerfd", write(timer, "12345678", 8));
  sigset_t set;
  sigemptyset(&set);
  say("write to a signalfd", write(signalfd(-1, &set, 0), "12345678", 8));
  for (int full = 0; full < 2; full++) {
    printf("with %d bytes inside\n", full);
    if (full && write(ends[1], "x", 1) != 1) return;
    say("into epoll", splice(ends[0], 0, poll, 0, 8, 0));
    say("into an eventfd", splice(ends[0], 0, event, 0, 8, 0));
    say("into a timerfd", splice(ends[0], 0, timer, 0, 8, 0));
    say("out of epoll", splice(poll, 0, ends[1], 0, 8, 0));
    say("out of an eventfd", splice(event, 0, ends[1], 0, 8, 0));
    say("out of epoll, from an offset", splice(poll, &(off_t){0}, ends[1], 0, 8, 0));
  }
}

// The signal is not blocked and has a handler: who waits for it takes it all the same.
static void awaited(void) {
  signal(SIGUSR1, count);
  handled = 0;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pid_t self = getpid(), sender = fork();
  if (sender == 0) {
    usleep(50000);
    kill(self, SIGUSR1);
    _exit(0);
  }
  siginfo_t info;
  int got = sigwaitinfo(&set, &info);
  say("sigwaitinfo for a signal that is not blocked", got);
  printf("its handler ran %d times\n", handled);
  waitpid(sender, 0, 0);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sender = fork();
  if (sender == 0) {
    usleep(50000);
    kill(self, SIGUSR1);
    _exit(0);
  }
  say("and for another than the one that comes", sigwaitinfo(&set, &info));
  printf("its handler ran %d times\n", handled);
  waitpid(sender, 0, 0);
}

static double since(clockid_t clock, struct timespec start) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) / 1e9;
}

static struct timespec later(struct timespec time) {
  time.tv_nsec += 100000000;
  if (time.tv_nsec >= 1000000000) {
    time.tv_nsec -= 1000000000;
    time.tv_sec++;
  }
  return time;
}

static void atomicTime(void) {
  struct timespec start, end;
  clock_gettime(TAI, &start);
  end = later(start);
  say("clock_nanosleep until a time of CLOCK_TAI", clock_nanosleep(TAI, TIMER_ABSTIME, &end, 0));
  double took = since(TAI, start);
  printf("as long as asked %d\n", took >= 0.1 && took < 20);
  timer_t timer;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, 0);
  struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  say("timer_create", timer_create(TAI, &how, &timer));
  clock_gettime(TAI, &start);
  struct itimerspec when = {.it_value = later(start)};
  say("timer_settime", timer_settime(timer, TIMER_ABSTIME, &when, 0));
  struct timespec guard = {20, 0};
  printf("it comes %d\n", sigtimedwait(&set, 0, &guard) == SIGRTMIN);
  took = since(TAI, start);
  printf("as late as asked %d\n", took >= 0.1 && took < 20);
}

// The child's end and a signal come together: the child is what waitpid tells.
static void children(void) {
  struct sigaction action = {.sa_handler = count};
  sigaction(SIGCHLD, &action, 0);
  handled = 0;
  int interrupted = 0, taken = 0;
  for (int i = 0; i < 50; i++) {
    pid_t child = fork();
    if (child == 0) {
      usleep(2000);
      _exit(3);
    }
    int status;
    pid_t got = waitpid(child, &status, 0);
    if (got == child && WEXITSTATUS(status) == 3) taken++;
    else if (got < 0 && errno == EINTR) interrupted++;
  }
  printf("of 50 children %d were told and %d interrupted, and the handler ran %d times\n", taken, interrupted, handled);
  signal(SIGCHLD, SIG_DFL);
}

// The writer's signal comes right behind its byte.
static void *bytes(void *argument) {
  int *ends = argument;
  struct timespec pause = {0, 2000000};
  for (int i = 0; i < 50; i++) {
    nanosleep(&pause, 0);
    if (write(ends[1], "x", 1) != 1) break;
    kill(getpid(), SIGUSR1);
  }
  return 0;
}

static void data(void) {
  struct sigaction action = {.sa_handler = count};
  sigaction(SIGUSR1, &action, 0);
  int ends[2], taken = 0;
  if (pipe(ends)) return;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  pthread_t writer;
  pthread_create(&writer, 0, bytes, ends);
  sigprocmask(SIG_UNBLOCK, &set, 0);
  char byte;
  while (taken < 50) {
    ssize_t got = read(ends[0], &byte, 1);
    if (got == 1) taken++;
    else if (got == 0 || errno != EINTR) break;
  }
  pthread_join(writer, 0);
  printf("bytes beside signals: %d\n", taken);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  alarm(60);
  gifts();
  splices();
  awaited();
  atomicTime();
  children();
  data();
  return 0;
}
