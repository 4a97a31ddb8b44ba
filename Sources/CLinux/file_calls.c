#define _GNU_SOURCE
#include "include/file_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int result(int value) { return value < 0 ? -errno : value; }

int linux_mkdir(const char *path, unsigned mode) { return result(mkdir(path, mode)); }
int linux_rename(const char *from, const char *to) { return result(rename(from, to)); }
int linux_unlink(const char *path) { return result(unlink(path)); }
int linux_rmdir(const char *path) { return result(rmdir(path)); }
int linux_chmod(const char *path, unsigned mode) { return result(chmod(path, mode)); }
int linux_fchmod(int fd, unsigned mode) { return result(fchmod(fd, mode)); }
int linux_fsync(int fd) { return result(fsync(fd)); }
int linux_flock(int fd, int operation) { return result(flock(fd, operation)); }

static void descriptor_path(int fd, char path[32]) { snprintf(path, 32, "/proc/self/fd/%d", fd); }

int linux_open_unnamed(const char *directory, unsigned mode) {
  int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  char path[32];
  descriptor_path(fd, path);
  // Without /proc it could not get its name: better to know that now than when it is written.
  if (access(path, F_OK) == 0) return fd;
  close(fd);
  return -EOPNOTSUPP;
}

int linux_link_descriptor(int fd, const char *target) {
  char path[32];
  descriptor_path(fd, path);
  return result(linkat(AT_FDCWD, path, AT_FDCWD, target, AT_SYMLINK_FOLLOW));
}

ssize_t linux_readlink(const char *path, void *buffer, size_t size) {
  ssize_t length = readlink(path, buffer, size);
  return length < 0 ? -errno : length;
}

static int stat_at(int directory, const char *name, int flags, struct linux_path_status *status) {
  struct stat raw;
  if (fstatat(directory, name, &raw, flags) < 0) return -errno;
  status->mode = raw.st_mode;
  status->size = raw.st_size;
  status->device = raw.st_dev;
  status->inode = raw.st_ino;
  return 0;
}

int linux_stat_path(const char *path, int follows_links, struct linux_path_status *status) {
  return stat_at(AT_FDCWD, path, follows_links ? 0 : AT_SYMLINK_NOFOLLOW, status);
}

int linux_stat_at(int directory, const char *name, struct linux_path_status *status) {
  return stat_at(directory, name, AT_SYMLINK_NOFOLLOW, status);
}

ssize_t linux_readlink_at(int directory, const char *name, void *buffer, size_t size) {
  ssize_t length = readlinkat(directory, name, buffer, size);
  return length < 0 ? -errno : length;
}

int linux_open_beneath(int directory, const char *path, int flags) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return result((int)syscall(SYS_openat2, directory, path, &how, sizeof how));
}

int linux_has_magic_link(const char *path) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd >= 0) return close(fd), 0;
  if (errno != ELOOP) return -errno;
  // Too many links are the same error. With magic ones allowed, that stays.
  fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  return close(fd), 1;
}

void *linux_directory_open(const char *path, int *error) {
  DIR *directory = opendir(path);
  if (!directory) *error = -errno;
  return directory;
}

void *linux_directory_of(int descriptor, int *error) {
  int own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = own < 0 ? NULL : fdopendir(own);
  if (directory) return directory;
  *error = -errno;
  if (own >= 0) close(own);
  return NULL;
}

int linux_directory_next(void *directory, const char **name) {
  errno = 0; // readdir tells the end from an error only by errno
  struct dirent *entry = readdir(directory);
  if (!entry) return -errno;
  *name = entry->d_name;
  return 1;
}

void linux_directory_close(void *directory) { closedir(directory); }
