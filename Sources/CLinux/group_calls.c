#define _GNU_SOURCE
#include "group_calls.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "raw_call.h"

int linux_mkdir_at(int directory, const char *name) { return mkdirat(directory, name, 0755) < 0 ? -errno : 0; }
int linux_rmdir_at(int directory, const char *name) {
  return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

enum { stack_bytes = 16384, name_bytes = 64, tries_in_a_second = 500 };
static const struct timespec between_tries = {0, 2000000};

/// At the low end of its own stack's mapping, which is never unmapped: the sweeper is using it.
struct sweeper {
  int launcher, parent;
  char prefix[name_bytes];
};

struct directory_entry {   // struct linux_dirent64 (getdents64(2)), which no header has
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[];
};

/// Tries to remove it. Whether that must be tried again: a process is in it, or somebody holds its lock: a child that the
/// launcher was about to make a VMM of, and that is being killed like it.
static int is_still_busy(const char *name) {
  long group = raw_call(SYS_openat, 1, (long)name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  if (group < 0) return 0;
  long result = raw_call(SYS_flock, group, LOCK_EX | LOCK_NB, 0, 0, 0);
  if (result == 0) result = raw_call(SYS_unlinkat, 1, (long)name, AT_REMOVEDIR, 0, 0);
  raw_call(SYS_close, group, 0, 0, 0, 0);
  return result == -EBUSY || result == -EWOULDBLOCK;
}

static int begins_with(const char *text, const char *prefix) {
  for (; *prefix; text++, prefix++)
    if (*text != *prefix) return 0;
  return 1;
}

/// Beside the caller in its memory, like the child of `jail_start`: raw system calls only.
static int sweeper_main(void *argument) {
  struct sweeper *sweeper = argument;
  raw_call(SYS_setsid, 0, 0, 0, 0, 0);
  // No other descriptor: somebody may wait for the end of a pipe that the caller was started with.
  long launcher = raw_call(SYS_fcntl, sweeper->launcher, F_DUPFD, 3, 0, 0);
  long parent = raw_call(SYS_fcntl, sweeper->parent, F_DUPFD, 3, 0, 0);
  raw_call(SYS_dup2, launcher, 0, 0, 0, 0);
  raw_call(SYS_dup2, parent, 1, 0, 0, 0);
  raw_call(SYS_close_range, 2, ~0U, 0, 0, 0);
  struct pollfd end = {.fd = 0, .events = POLLIN};
  raw_call(SYS_poll, (long)&end, 1, -1, 0, 0);
  for (int tries = 0; tries < tries_in_a_second; tries++) {
    int busy = 0;
    char entries[4096] __attribute__((aligned(8)));
    raw_call(SYS_lseek, 1, 0, SEEK_SET, 0, 0);
    for (long bytes; (bytes = raw_call(SYS_getdents64, 1, (long)entries, sizeof entries, 0, 0)) > 0;)
      for (long at = 0; at < bytes;) {
        struct directory_entry *entry = (struct directory_entry *)(entries + at);
        at += entry->bytes;
        if (begins_with(entry->name, sweeper->prefix)) busy += is_still_busy(entry->name);
      }
    if (busy == 0) break;
    raw_call(SYS_nanosleep, (long)&between_tries, 0, 0, 0, 0);
  }
  raw_call(SYS_exit_group, 0, 0, 0, 0, 0);
  return 0;
}

int linux_sweep_groups_after_me(int parent, const char *prefix) {
  if (strlen(prefix) >= name_bytes) return -ENAMETOOLONG;
  int me = (int)syscall(SYS_pidfd_open, getpid(), 0);
  if (me < 0) return -errno;
  char *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int result = stack == MAP_FAILED ? -errno : 0;
  if (!result) {
    struct sweeper *sweeper = (struct sweeper *)stack;
    *sweeper = (struct sweeper){.launcher = me, .parent = parent};
    strcpy(sweeper->prefix, prefix);
    sigset_t all, before;
    sigfillset(&all);
    // No signal of the caller's terminal is the sweeper's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // No exit signal: the caller waits for none of it.
    if (clone(sweeper_main, stack + stack_bytes, CLONE_VM, sweeper) < 0) result = -errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result) munmap(stack, stack_bytes);
  }
  close(me);
  return result;
}
