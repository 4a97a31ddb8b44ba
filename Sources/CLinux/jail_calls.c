#define _GNU_SOURCE
#include "jail_calls.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "raw_call.h"

#define FAILED(call) ((call) < 0 ? -errno : 0)

static int write_file(int directory, const char *name, const char *text) {
  int file = openat(directory, name, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  ssize_t length = (ssize_t)strlen(text);
  int result = write(file, text, (size_t)length) == length ? 0 : -errno;
  close(file);
  return result;
}

/// Says who uid and gid 0 inside are outside. Without privilege that can only be the caller's own ids, and only with
/// setgroups forbidden. `process`: the directory /proc/PID of a process in the new namespace.
static int write_identity_maps(int process, uint32_t uid, uint32_t gid, bool is_privileged, int *failed_step) {
  char map[64];
  int result = 0;
  if (!is_privileged && (result = write_file(process, "setgroups", "deny"))) {
    *failed_step = JAIL_STEP_SETGROUPS_FILE;
    return result;
  }
  snprintf(map, sizeof map, "0 %u 1", uid);
  if ((result = write_file(process, "uid_map", map))) {
    *failed_step = JAIL_STEP_UID_MAP;
    return result;
  }
  snprintf(map, sizeof map, "0 %u 1", gid);
  if ((result = write_file(process, "gid_map", map))) *failed_step = JAIL_STEP_GID_MAP;
  return result;
}

int jail_make_own_namespaces(uint32_t identity) {
  // Opened now: the user this becomes may not even be allowed to look into the root directory.
  int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (self < 0) return -errno;
  if (geteuid() == 0) {
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -errno;
    if (syscall(SYS_setresgid, identity, identity, identity) < 0) return -errno;
    if (syscall(SYS_setresuid, identity, identity, identity) < 0) return -errno;
    // The change of identity made /proc/self root's; the maps are written through it.
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) return -errno;
  }
  uint32_t uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0) return -errno;
  int failed_step, result = write_identity_maps(self, uid, gid, false, &failed_step);
  close(self);
  return result;
}

int jail_make_empty_root(void) {
  int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  // size 0 would mean "no limit": one page, read-only.
  int result = FAILED(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", "4096", 0));
  if (!result) result = FAILED(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "0555", 0));
  if (!result) result = FAILED(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  if (!result) {
    result = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (result < 0) result = -errno;
  }
  close(context);
  return result;
}
int jail_attach_root(int root) {
  return FAILED(syscall(SYS_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
}
int jail_make_mounts_private(void) { return FAILED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)); }
int jail_enter_directory(int directory) { return FAILED(fchdir(directory)); }
int jail_pivot(void) {
  if (syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
  return FAILED(umount2(".", MNT_DETACH));
}
int jail_change_root_here(void) { return FAILED(chroot(".")); }
int jail_drop_capabilities(void) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  return FAILED(syscall(SYS_capset, &header, none));
}
int jail_forbid_new_privileges(void) { return FAILED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
int jail_forbid_dumps(void) { return FAILED(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }
int jail_share_no_core(void) {
  // linux/prctl.h of older systems has no names for them.
  enum { set_core_scheduling = 62, create = 1, whole_process = 1 };
  int result = FAILED(prctl(set_core_scheduling, create, 0, whole_process, 0));
  return result == -ENODEV || result == -EINVAL ? 0 : result;
}

// linux/landlock.h of older systems lacks the later names.
enum { landlock_create_ruleset = 444, landlock_restrict_self = 446, landlock_version_flag = 1 };

int jail_landlock_version(void) {
  long version = syscall(landlock_create_ruleset, NULL, 0, landlock_version_flag);
  return version < 0 ? 0 : (int)version;
}

int jail_restrict_by_landlock(void) {
  int abi = jail_landlock_version();
  if (abi == 0) return 0;
  // struct landlock_ruleset_attr and its bits up to ABI 6.
  struct { uint64_t files, ports, scopes; } handled = {
    .files = abi >= 5 ? 0xFFFF : abi >= 3 ? 0x7FFF : abi >= 2 ? 0x3FFF : 0x1FFF,
    .ports = abi >= 4 ? 3 : 0,
    .scopes = abi >= 6 ? 3 : 0,
  };
  // A longer struct than the kernel knows is fine as long as the rest is zero.
  int rules = (int)syscall(landlock_create_ruleset, &handled, sizeof handled, 0);
  if (rules < 0) return -errno;
  int result = FAILED(syscall(landlock_restrict_self, rules, 0));
  close(rules);
  return result;
}

int jail_limit(int resource, uint64_t value) {
  struct rlimit limit = {value, value};
  return FAILED(setrlimit(resource, &limit));
}
void jail_use_one_heap(void) { mallopt(M_ARENA_MAX, 1); }
int jail_install_filter(const struct sock_filter *program, uint16_t count) {
  struct sock_fprog filter = {count, (struct sock_filter *)program};
  return FAILED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

// --- jail_start ---

// The child shares the caller's memory and thread-local storage and runs beside it until it has called execve: so it has a
// stack of its own and calls nothing that could touch errno, locks or the heap; only these.
#define raw raw_call

enum { maximum_descriptors = 64 };
struct message { int32_t step, error; };
struct child {
  const struct jail_spawn *spawn;
  int channel;
};

static void fail(int channel, enum jail_step step, long result) {
  struct message message = {step, (int32_t)-result};
  raw(SYS_write, channel, (long)&message, sizeof message, 0, 0);
  raw(SYS_exit_group, 127, 0, 0, 0, 0);
  __builtin_unreachable();
}
static long must(int channel, enum jail_step step, long result) {
  if (result < 0) fail(channel, step, result);
  return result;
}

/// Puts every descriptor where it shall be, marks all others close-on-exec, and executes the program. Does not return.
static void execute(const struct jail_spawn *spawn, int channel, long null, long executable) {
  // First everything out of the way, so that no target is somebody's source.
  int highest = 2;
  for (uint32_t i = 0; i < spawn->descriptor_count; i++)
    if (spawn->descriptors[i].target > highest) highest = spawn->descriptors[i].target;
  int aside[maximum_descriptors];
  channel = (int)must(channel, JAIL_STEP_DESCRIPTORS, raw(SYS_fcntl, channel, F_DUPFD_CLOEXEC, highest + 1, 0, 0));
  null = must(channel, JAIL_STEP_DESCRIPTORS, raw(SYS_fcntl, null, F_DUPFD_CLOEXEC, highest + 1, 0, 0));
  executable = must(channel, JAIL_STEP_DESCRIPTORS, raw(SYS_fcntl, executable, F_DUPFD_CLOEXEC, highest + 1, 0, 0));
  for (uint32_t i = 0; i < spawn->descriptor_count; i++)
    aside[i] = (int)must(channel, JAIL_STEP_DESCRIPTORS,
                         raw(SYS_fcntl, spawn->descriptors[i].source, F_DUPFD_CLOEXEC, highest + 1, 0, 0));
  must(channel, JAIL_STEP_CLOSE_OTHERS, raw(SYS_close_range, 0, ~0U, CLOSE_RANGE_CLOEXEC, 0, 0));
  for (int target = 0; target <= 2; target++)
    must(channel, JAIL_STEP_DESCRIPTORS, raw(SYS_dup2, null, target, 0, 0, 0));
  for (uint32_t i = 0; i < spawn->descriptor_count; i++)
    must(channel, JAIL_STEP_DESCRIPTORS, raw(SYS_dup2, aside[i], spawn->descriptors[i].target, 0, 0, 0));
  char *const none[] = {NULL};
  must(channel, JAIL_STEP_EXECUTE,
       raw(SYS_execveat, executable, (long)"", (long)spawn->arguments, (long)none, AT_EMPTY_PATH));
}

/// Every handler back to its default, then nothing blocked: a handler of the caller's must never run in here.
static void reset_signals(void) {
  struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } action;
  for (int signal = 1; signal < 65; signal++) {
    if (raw(SYS_rt_sigaction, signal, 0, (long)&action, 8, 0) < 0) continue;
    if (action.handler == SIG_DFL || action.handler == SIG_IGN) continue;
    action.handler = SIG_DFL;
    raw(SYS_rt_sigaction, signal, (long)&action, 0, 8, 0);
  }
  unsigned long nothing = 0;
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&nothing, 0, 8, 0);
}

/// Nothing to read means that the parent is gone or has given up.
static void wait_for_parent(int channel) {
  char go;
  if (raw(SYS_read, channel, (long)&go, 1, 0, 0) != 1) raw(SYS_exit_group, 127, 0, 0, 0, 0);
}

/// Closes all descriptors but what is needed here. Among them are the parent's ends of this process's channel and of those
/// that other threads are starting a process by: while it is open anywhere, the parent's death is not seen.
static void close_callers(const struct jail_spawn *spawn, int channel) {
  int kept[maximum_descriptors + 3] = {channel, spawn->group_tasks, spawn->executable};
  uint32_t count = 3;
  for (uint32_t i = 0; i < spawn->descriptor_count; i++) kept[count++] = spawn->descriptors[i].source;
  for (unsigned from = 0, next; from != ~0U; from = next == ~0U ? next : next + 1) {
    next = ~0U;
    for (uint32_t i = 0; i < count; i++)
      if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next) next = (unsigned)kept[i];
    if (next > from)
      must(channel, JAIL_STEP_CLOSE_OTHERS, raw(SYS_close_range, from, next == ~0U ? next : next - 1, 0, 0, 0));
  }
}

static int child_main(void *argument) {
  const struct child *child = argument;
  const struct jail_spawn *spawn = child->spawn;
  int channel = child->channel;
  reset_signals();
  close_callers(spawn, channel);
  wait_for_parent(channel);
  // "0" is the writer itself, who has one thread: that spares the wait for an RCU grace period (12 ms measured) which any
  // other move between cgroups costs.
  if (spawn->group_tasks >= 0)
    must(channel, JAIL_STEP_CONTROL_GROUP, raw(SYS_write, spawn->group_tasks, (long)"0", 1, 0, 0));
  // While the caller's identity still opens what the caller may open.
  long null = must(channel, JAIL_STEP_NULL_DEVICE, raw(SYS_open, (long)"/dev/null", O_RDWR | O_CLOEXEC, 0, 0, 0));
  long executable = spawn->executable;
  if (spawn->path)
    executable = must(channel, JAIL_STEP_EXECUTE, raw(SYS_open, (long)spawn->path, O_PATH | O_CLOEXEC, 0, 0, 0));
  if (spawn->in_namespaces) {
    if (spawn->changes_identity) must(channel, JAIL_STEP_IDENTITY, raw(SYS_setgroups, 0, 0, 0, 0, 0));
    must(channel, JAIL_STEP_IDENTITY, raw(SYS_setresgid, 0, 0, 0, 0, 0));
    must(channel, JAIL_STEP_IDENTITY, raw(SYS_setresuid, 0, 0, 0, 0, 0));
  }
  must(channel, JAIL_STEP_SESSION, raw(SYS_setsid, 0, 0, 0, 0, 0));
  // After the change of identity, which clears it. Only an answer says that the thread which started us lived when it was
  // set: that the other end is open says nothing, for a process started meanwhile has a copy at first.
  must(channel, JAIL_STEP_PARENT_DEATH, raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  struct message armed = {JAIL_STEP_PARENT_DEATH, 0};
  raw(SYS_write, channel, (long)&armed, sizeof armed, 0, 0);
  wait_for_parent(channel);
  execute(spawn, channel, null, executable);
  return 127;
}

/// clone, or where a version 2 cgroup is to be the child's: clone3 with CLONE_INTO_CGROUP, because moving it there later
/// costs 12 ms (above). `stack_end`: 16-byte aligned. Returns the process id or -errno.
static int start_child(const struct child *child, char *stack, size_t stack_bytes, uint64_t flags, int *pidfd) {
  if (child->spawn->group_directory < 0) {
    int process = clone(child_main, stack + stack_bytes, (int)flags | SIGCHLD, (void *)child, pidfd);
    return process < 0 ? -errno : process;
  }
  struct clone_args arguments = {
    .flags = flags | CLONE_INTO_CGROUP, .pidfd = (uint64_t)pidfd, .exit_signal = SIGCHLD,
    .stack = (uint64_t)stack, .stack_size = stack_bytes, .cgroup = (uint64_t)child->spawn->group_directory,
  };
  long result;
  // The child comes back on its own empty stack: it calls `child_main`, which never returns.
  __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tmov %3, %%rdi\n\tcall *%4\n\thlt\n1:"
                   : "=a"(result) : "a"(SYS_clone3), "D"(&arguments), "r"(child), "r"(child_main), "S"(sizeof arguments)
                   : "rcx", "r11", "memory");
  return (int)result;
}

static int map_identity(pid_t process, uint32_t uid, uint32_t gid, bool is_privileged, int *failed_step) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", process);
  *failed_step = JAIL_STEP_UID_MAP;
  int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -errno;
  int result = write_identity_maps(directory, uid, gid, is_privileged, failed_step);
  close(directory);
  return result;
}

/// Lets the child go on, or end if there is an error already, and waits for what it says next: nothing when its end is
/// closed, by execve or with it. Returns `result`, or its own -errno.
static int answer(int channel, int result, struct message *message, ssize_t *length, int *failed_step) {
  // EPIPE: it has failed, and its message says at what.
  if (!result && send(channel, "", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE) {
    *failed_step = JAIL_STEP_CHANNEL;
    result = -errno;
  }
  if (result) shutdown(channel, SHUT_RDWR);
  while ((*length = read(channel, message, sizeof *message)) < 0 && errno == EINTR) {}
  return result;
}

static void reap(pid_t process) {
  while (waitpid(process, NULL, __WALL) < 0 && errno == EINTR) {}
}

int jail_start(const struct jail_spawn *spawn, int *pidfd, int *failed_step) {
  int channel[2];
  *failed_step = JAIL_STEP_CHANNEL;
  if (spawn->descriptor_count > maximum_descriptors) return -E2BIG;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) return -errno;
  *failed_step = JAIL_STEP_CLONE;
  // The child runs on this thread's stack frame, so this function must not return before it has called execve or ended.
  enum { stack_bytes = 16384 };
  char stack[stack_bytes] __attribute__((aligned(16)));
  struct child child = {spawn, channel[1]};
  uint64_t flags = CLONE_VM | CLONE_PIDFD;
  if (spawn->in_namespaces)
    flags |= CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
      CLONE_NEWCGROUP;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int process = start_child(&child, stack, stack_bytes, flags, pidfd);
  int result = process < 0 ? process : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(channel[1]);
  if (result) {
    close(channel[0]);
    return result;
  }
  if (spawn->in_namespaces)
    result = map_identity(process, spawn->host_uid, spawn->host_gid, spawn->changes_identity, failed_step);
  struct message message = {JAIL_STEP_EXECUTE, 0};
  ssize_t length;
  result = answer(channel[0], result, &message, &length, failed_step);
  // From here on it dies with this thread, if this thread lives to say so.
  bool is_armed = !result && length == sizeof message && message.error == 0;
  if (is_armed) result = answer(channel[0], result, &message, &length, failed_step);
  close(channel[0]);
  if (!result && is_armed && length == 0) return process;   // the channel was closed by a successful execve
  if (!result) {
    *failed_step = message.step;
    result = length == sizeof message ? -message.error : -EPROTO;
  }
  reap(process);
  close(*pidfd);
  return result;
}
