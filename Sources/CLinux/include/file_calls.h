// System calls on paths and directories, for the launcher's side only. See clinux.h for the convention.
#ifndef CLINUX_FILE_CALLS_H
#define CLINUX_FILE_CALLS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int linux_mkdir(const char *path, unsigned mode);
int linux_rename(const char *from, const char *to);
int linux_unlink(const char *path);
// A file without a name in `directory`, open for writing. C: O_TMPFILE is made of macros that Swift does not import.
int linux_open_unnamed(const char *directory, unsigned mode);
// Gives such a file a name. linkat(2) by /proc/self/fd: AT_EMPTY_PATH would take a capability.
int linux_link_descriptor(int fd, const char *target);
int linux_rmdir(const char *path);
int linux_chmod(const char *path, unsigned mode);
int linux_fchmod(int fd, unsigned mode);
int linux_fsync(int fd);
int linux_flock(int fd, int operation);
ssize_t linux_readlink(const char *path, void *buffer, size_t size);

/// What lstat or stat says of a path.
struct linux_path_status { uint32_t mode; uint64_t size, device, inode; };
int linux_stat_path(const char *path, int follows_links, struct linux_path_status *status);
/// lstat of a name in an open directory.
int linux_stat_at(int directory, const char *name, struct linux_path_status *status);
ssize_t linux_readlink_at(int directory, const char *name, void *buffer, size_t size);

/// Opens a path below an open directory by no link, no `..` and no link of /proc on its way (openat2, Linux 5.6). C: glibc 2.36
/// has no function for it.
int linux_open_beneath(int directory, const char *path, int flags);
/// 1 if a path leads through one of the links of /proc that name an open file and not a path, 0 if not, or -errno.
int linux_has_magic_link(const char *path);

/// A directory stream: opaque, NULL with *error = -errno when it cannot be opened.
void *linux_directory_open(const char *path, int *error);
/// The same for an open directory, whose descriptor stays the caller's.
void *linux_directory_of(int descriptor, int *error);
/// 1: *name is the next entry's name, valid until the next call; 0: the end; or -errno.
int linux_directory_next(void *directory, const char **name);
void linux_directory_close(void *directory);
#endif
