// Directories of the cgroup file system, and the process that removes them. C because errno must be read at once, and because
// that process is a clone that may touch no libc state. See clinux.h for the convention.
#ifndef CLINUX_GROUP_CALLS_H
#define CLINUX_GROUP_CALLS_H

int linux_mkdir_at(int directory, const char *name);
int linux_rmdir_at(int directory, const char *name);

/// Starts a process that waits for the end of this one, then removes every directory of `parent` whose name begins with
/// `prefix` (at most 63 bytes, the caller's own). Those that still have a process in them, or whose flock somebody holds, it
/// tries again for a second. It holds none of the caller's other descriptors. Returns 0 or -errno.
int linux_sweep_groups_after_me(int parent, const char *prefix);
#endif
