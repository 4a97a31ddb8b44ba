// What a jail is made of: starting a program in namespaces of its own, and the system calls with which a process locks
// itself in. C because clone needs a stack and a child that touches no libc state, because prctl and syscall are variadic,
// and because glibc 2.36 has no names for some of these calls. Every function returns its result or -errno.
#ifndef JAIL_CALLS_H
#define JAIL_CALLS_H
#include <asm/unistd_64.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

// --- The launcher's side ---

/// Descriptor `source` of the caller becomes descriptor `target` of the child.
struct jail_descriptor { int32_t source, target; };

/// Where a start failed; the names are in Sandbox/SpawnError.swift, in this order.
enum jail_step {
  JAIL_STEP_CHANNEL, JAIL_STEP_CLONE, JAIL_STEP_SETGROUPS_FILE, JAIL_STEP_UID_MAP, JAIL_STEP_GID_MAP,
  JAIL_STEP_IDENTITY, JAIL_STEP_SESSION, JAIL_STEP_PARENT_DEATH, JAIL_STEP_NULL_DEVICE, JAIL_STEP_DESCRIPTORS,
  JAIL_STEP_CLOSE_OTHERS, JAIL_STEP_EXECUTE, JAIL_STEP_CONTROL_GROUP,
};

struct jail_spawn {
  const char *path;                      // the executable; NULL: `executable`
  int32_t executable;                    // open descriptor of it, or -1
  char *const *arguments;                // NULL-terminated, the name first
  const struct jail_descriptor *descriptors; // targets unique; targets 0, 1, 2 that are absent become /dev/null
  uint32_t descriptor_count;
  bool in_namespaces;                    // new user, mount, pid, net, ipc, uts and cgroup namespaces
  uint32_t host_uid, host_gid;           // what uid and gid 0 of the new user namespace are outside
  bool changes_identity;                 // the caller may map any uid: become host_uid and host_gid
  int32_t group_tasks;                   // file `tasks` of a version 1 cgroup to enter, open for writing; -1: none
  int32_t group_directory;               // directory of a version 2 cgroup to be made in; -1: none
};

/// Starts the program. Returns its process id and sets `pidfd`; on failure returns -errno, sets `failed_step` and leaves
/// no process. The environment is empty, the session new, SIGKILL follows the death of the calling thread.
int jail_start(const struct jail_spawn *spawn, int *pidfd, int *failed_step);

// --- The jailed process's side ---

/// Becomes user and group `identity` if the caller is root, then unshares the user, mount, network, ipc, uts and
/// cgroup namespaces and becomes user 0 of the new one. Single-threaded processes only.
int jail_make_own_namespaces(uint32_t identity);
/// A new, empty, unattached tmpfs, mounted read-only: a descriptor of its root.
int jail_make_empty_root(void);
/// Attaches the file system over the root directory.
int jail_attach_root(int root);
int jail_make_mounts_private(void);
int jail_enter_directory(int directory);
/// pivot_root(".", "."), then detaches the old root. -EINVAL: the root is an initramfs, which cannot be pivoted away.
int jail_pivot(void);
int jail_change_root_here(void);
/// Empties the calling thread's effective, permitted, inheritable and ambient capability sets. The bounding set says what an
/// execve could give back; with no_new_privs that is nothing, so its 41 calls (45 µs) are spared.
int jail_drop_capabilities(void);
int jail_forbid_new_privileges(void);
int jail_forbid_dumps(void);
/// A core-scheduling cookie for the whole process. 0 also where there is no SMT, or a kernel without core scheduling.
int jail_share_no_core(void);
/// A Landlock domain for the calling thread, in which it may do none of what Landlock can forbid. What is open stays
/// usable. 0 also where the kernel has no Landlock or it is switched off. Needs no_new_privs.
int jail_restrict_by_landlock(void);
/// The kernel's Landlock ABI, 1 or more; 0 where there is none.
int jail_landlock_version(void);
int jail_limit(int resource, uint64_t value);
/// Makes malloc use one heap for all threads, grown by brk: no thread gets a 64 MiB reservation of its own.
void jail_use_one_heap(void);
/// Installs a filter for the calling thread only.
int jail_install_filter(const struct sock_filter *program, uint16_t count);
#endif
