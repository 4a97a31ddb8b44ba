// Directories of the cgroup file system, and the process that removes one. C because openat is variadic, because errno must
// be read at once, and because the keeper is a clone that may touch no libc state. See clinux.h for the convention.
#ifndef CLINUX_GROUP_CALLS_H
#define CLINUX_GROUP_CALLS_H

int linux_open_at(int directory, const char *name, int flags);
int linux_mkdir_at(int directory, const char *name);
int linux_rmdir_at(int directory, const char *name);

/// Starts a process that waits until nobody else holds the flock of the directory `name` in `parent`, then until the process
/// of `pidfd` has ended, and removes the directory. It outlives the caller, holds none of its other descriptors, and ends
/// within a second of that process.
int linux_keep_group(int pidfd, int parent, const char *name);

/// Starts a process that waits until this one has ended and then removes the directories in `path` whose name begins with
/// `prefix` and whose flock nobody holds, giving the processes in them a second to end. It holds none of the caller's descriptors.
int linux_sweep_afterwards(const char *path, const char *prefix);
#endif
