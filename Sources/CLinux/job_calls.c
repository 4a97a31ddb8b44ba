#define _GNU_SOURCE
#include "include/job_calls.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int linux_poll_many(struct pollfd *descriptors, unsigned count, uint64_t timeout_nanoseconds) {
  struct timespec timeout = {timeout_nanoseconds / 1000000000, timeout_nanoseconds % 1000000000};
  int ready = ppoll(descriptors, count, timeout_nanoseconds == UINT64_MAX ? NULL : &timeout, NULL);
  return ready < 0 ? -errno : ready;
}

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

int linux_stop_signals(int with_terminal) {
  sigset_t set;
  sigemptyset(&set);
  for (unsigned i = 0; i < 3; i++) {
    struct sigaction action;
    if (sigaction(stop_signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&set, stop_signals[i]);
  }
  if (with_terminal) {
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGCONT);
  }
  int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (error) return -error;
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int linux_next_signal(int fd) {
  struct signalfd_siginfo info;
  ssize_t count = read(fd, &info, sizeof info);
  if (count < 0) return -errno;
  return count == sizeof info ? (int)info.ssi_signo : -EAGAIN;
}

void linux_release_stop_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  for (unsigned i = 0; i < 3; i++) sigaddset(&set, stop_signals[i]);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int process_ended(int pidfd, int waits, int leave, struct linux_process_end *end) {
  siginfo_t info = {0};
  int result;
  do {
    result = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | (waits ? 0 : WNOHANG) | leave);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  if (info.si_pid == 0) return 0;
  int exited = info.si_code == CLD_EXITED;
  *end = (struct linux_process_end){exited ? 0 : info.si_status, exited ? info.si_status : 0};
  return 1;
}

int linux_process_ended(int pidfd, int waits, struct linux_process_end *end) {
  return process_ended(pidfd, waits, 0, end);
}

int linux_process_ended_unreaped(int pidfd, struct linux_process_end *end) {
  return process_ended(pidfd, 0, WNOWAIT, end);
}

int linux_has_children(void) {
  siginfo_t info = {0};
  int result;
  do {
    result = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? (errno == ECHILD ? 0 : -errno) : 1;
}

uint64_t linux_children_peak_kib(void) {
  struct rusage usage = {0};
  return getrusage(RUSAGE_CHILDREN, &usage) == 0 ? (uint64_t)usage.ru_maxrss : 0;
}

uint64_t linux_physical_memory(void) {
  return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}
