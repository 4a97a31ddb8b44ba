#define _GNU_SOURCE
#include "group_calls.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "raw_call.h"

int linux_open_at(int directory, const char *name, int flags) {
  int file = openat(directory, name, flags | O_CLOEXEC);
  return file < 0 ? -errno : file;
}
int linux_mkdir_at(int directory, const char *name) { return mkdirat(directory, name, 0755) < 0 ? -errno : 0; }
int linux_rmdir_at(int directory, const char *name) {
  return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

enum { stack_bytes = 16384, name_bytes = 64 };

/// At the low end of its own stack's mapping, which is never unmapped: the keeper is using it.
struct keeper {
  int pidfd, parent, group;
  char name[name_bytes];
};

/// Beside the caller in its memory, like the child of `jail_start`: raw system calls only.
static int keeper_main(void *argument) {
  struct keeper *keeper = argument;
  raw_call(SYS_setsid, 0, 0, 0, 0, 0);
  // Somebody may wait for the end of a pipe that the caller was started with.
  long pidfd = raw_call(SYS_fcntl, keeper->pidfd, F_DUPFD, 3, 0, 0);
  long parent = raw_call(SYS_fcntl, keeper->parent, F_DUPFD, 3, 0, 0);
  long group = raw_call(SYS_fcntl, keeper->group, F_DUPFD, 3, 0, 0);
  raw_call(SYS_dup2, pidfd, 0, 0, 0, 0);
  raw_call(SYS_dup2, parent, 1, 0, 0, 0);
  raw_call(SYS_dup2, group, 2, 0, 0, 0);
  raw_call(SYS_close_range, 3, ~0U, 0, 0, 0);
  raw_call(SYS_flock, 2, LOCK_EX, 0, 0, 0);
  struct pollfd machine = {.fd = 0, .events = POLLIN};
  raw_call(SYS_poll, (long)&machine, 1, -1, 0, 0);
  // The last thread leaves its cgroup a little after the process counts as ended.
  struct timespec pause = {0, 2000000};
  for (int tries = 0; tries < 500; tries++) {
    if (raw_call(SYS_unlinkat, 1, (long)keeper->name, AT_REMOVEDIR, 0, 0) != -EBUSY) break;
    raw_call(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
  }
  raw_call(SYS_exit_group, 0, 0, 0, 0, 0);
  return 0;
}

int linux_keep_group(int pidfd, int parent, const char *name) {
  if (strlen(name) >= name_bytes) return -ENAMETOOLONG;
  int group = linux_open_at(parent, name, O_RDONLY | O_DIRECTORY);
  if (group < 0) return group;
  char *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int result = stack == MAP_FAILED ? -errno : 0;
  if (!result) {
    struct keeper *keeper = (struct keeper *)stack;
    *keeper = (struct keeper){.pidfd = pidfd, .parent = parent, .group = group};
    strcpy(keeper->name, name);
    sigset_t all, before;
    sigfillset(&all);
    // No signal of the caller's terminal is the keeper's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // No exit signal: the caller waits for none of it.
    if (clone(keeper_main, stack + stack_bytes, CLONE_VM, keeper) < 0) result = -errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result) munmap(stack, stack_bytes);
  }
  close(group);
  return result;
}

/// Removes what it can. Returns how many directories are still in use by a process whose launcher has gone.
static int sweep(DIR *directory, const char *prefix) {
  int busy = 0, parent = dirfd(directory);
  rewinddir(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (strncmp(entry->d_name, prefix, strlen(prefix))) continue;
    int group = linux_open_at(parent, entry->d_name, O_RDONLY | O_DIRECTORY);
    if (group < 0) continue;
    if (!flock(group, LOCK_EX | LOCK_NB) && linux_rmdir_at(parent, entry->d_name) == -EBUSY) busy++;
    close(group);
  }
  return busy;
}

int linux_sweep_afterwards(const char *path, const char *prefix) {
  int launcher = (int)syscall(SYS_pidfd_open, getpid(), 0);
  if (launcher < 0) return -errno;
  int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  pid_t process = parent < 0 ? -1 : fork();
  int result = process < 0 ? -errno : 0;
  if (process == 0) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    // Out of the way first: they may be descriptors 0 and 1 crosswise.
    launcher = fcntl(launcher, F_DUPFD, 3);
    parent = fcntl(parent, F_DUPFD, 3);
    dup2(launcher, 0);
    dup2(parent, 1);
    syscall(SYS_close_range, 2, ~0U, 0);
    struct pollfd end = {.fd = 0, .events = POLLIN};
    poll(&end, 1, -1);
    DIR *directory = fdopendir(1);
    struct timespec pause = {0, 2000000};
    for (int tries = 0; directory && tries < 500 && sweep(directory, prefix) > 0; tries++) nanosleep(&pause, NULL);
    _exit(0);
  }
  close(launcher);
  if (parent >= 0) close(parent);
  return result;
}
