#define _GNU_SOURCE
#include "include/file_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
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

int linux_stat_path(const char *path, int follows_links, struct linux_path_status *status) {
  struct stat raw;
  if (fstatat(AT_FDCWD, path, &raw, follows_links ? 0 : AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  status->mode = raw.st_mode;
  status->size = raw.st_size;
  return 0;
}

void *linux_directory_open(const char *path, int *error) {
  DIR *directory = opendir(path);
  if (!directory) *error = -errno;
  return directory;
}

int linux_directory_next(void *directory, const char **name) {
  errno = 0; // readdir tells the end from an error only by errno
  struct dirent *entry = readdir(directory);
  if (!entry) return -errno;
  *name = entry->d_name;
  return 1;
}

void linux_directory_close(void *directory) { closedir(directory); }
