#define _GNU_SOURCE
#include "linux_calls.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

// errno is read here, in the same C function as the call, and nowhere else.
#define RETURN(call) do { __typeof__(call) r_ = (call); return r_ < 0 ? -errno : r_; } while (0)

intptr_t linux_mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset) {
  void *result = mmap(address, length, protection, flags, fd, offset);
  return result == MAP_FAILED ? -errno : (intptr_t)result;
}
int linux_munmap(void *address, size_t length) { RETURN(munmap(address, length)); }
int linux_madvise(void *address, size_t length, int advice) { RETURN(madvise(address, length, advice)); }
int linux_mprotect(void *address, size_t length, int protection) {
  RETURN(mprotect(address, length, protection));
}
int linux_memfd_create(const char *name, unsigned flags) { RETURN(memfd_create(name, flags | MFD_CLOEXEC)); }

int linux_close(int fd) { RETURN(close(fd)); }
int linux_dup_cloexec(int fd, int minimum) { RETURN(fcntl(fd, F_DUPFD_CLOEXEC, minimum)); }
int linux_dup2(int fd, int target) { RETURN(dup2(fd, target)); }
int linux_get_status_flags(int fd) { RETURN(fcntl(fd, F_GETFL)); }
int linux_set_status_flags(int fd, int flags) { RETURN(fcntl(fd, F_SETFL, flags)); }
int linux_get_descriptor_flags(int fd) { RETURN(fcntl(fd, F_GETFD)); }
int linux_set_descriptor_flags(int fd, int flags) { RETURN(fcntl(fd, F_SETFD, flags)); }
int linux_close_range(unsigned first, unsigned last, unsigned flags) {
  RETURN((int)syscall(SYS_close_range, first, last, flags));
}
int linux_open(const char *path, int flags, unsigned mode) { RETURN(open(path, flags, mode)); }
int linux_openat(int directory, const char *path, int flags, unsigned mode) {
  RETURN(openat(directory, path, flags, mode));
}
// A file without a name, on a disk: EOPNOTSUPP where the file system lies in memory (tmpfs, ramfs).
int linux_open_scratch(const char *directory) {
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  struct statfs status;
  if (fd < 0) return -errno;
  if (fstatfs(fd, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC)) {
    close(fd);
    return -EOPNOTSUPP;
  }
  return fd;
}
int linux_ftruncate(int fd, int64_t length) { RETURN(ftruncate(fd, length)); }
int linux_fdatasync(int fd) { RETURN(fdatasync(fd)); }
int linux_fchdir(int fd) { RETURN(fchdir(fd)); }
int linux_ioctl(int fd, unsigned long request, unsigned long argument) {
  RETURN(ioctl(fd, request, argument));
}
int linux_ioctl_pointer(int fd, unsigned long request, void *argument) {
  RETURN(ioctl(fd, request, argument));
}

int linux_fstat(int fd, struct linux_file_status *status) {
  struct stat s;
  if (fstat(fd, &s) < 0) return -errno;
  *status = (struct linux_file_status){
      s.st_mode, (uint64_t)s.st_size, s.st_dev, s.st_ino, s.st_ctim.tv_sec * 1000000000 + s.st_ctim.tv_nsec};
  return 0;
}
int64_t linux_block_device_size(int fd) {
  uint64_t size = 0;
  if (ioctl(fd, BLKGETSIZE64, &size) < 0) return -errno;
  return (int64_t)size;
}

ssize_t linux_read(int fd, void *buffer, size_t count) { RETURN(read(fd, buffer, count)); }
ssize_t linux_write(int fd, const void *buffer, size_t count) { RETURN(write(fd, buffer, count)); }
ssize_t linux_pread(int fd, void *buffer, size_t count, int64_t offset) {
  RETURN(pread(fd, buffer, count, offset));
}
ssize_t linux_pwrite(int fd, const void *buffer, size_t count, int64_t offset) {
  RETURN(pwrite(fd, buffer, count, offset));
}
ssize_t linux_readv(int fd, const struct iovec *vectors, int count) { RETURN(readv(fd, vectors, count)); }
ssize_t linux_writev(int fd, const struct iovec *vectors, int count) { RETURN(writev(fd, vectors, count)); }
ssize_t linux_preadv(int fd, const struct iovec *vectors, int count, int64_t offset) {
  RETURN(preadv(fd, vectors, count, offset));
}
ssize_t linux_pwritev(int fd, const struct iovec *vectors, int count, int64_t offset) {
  RETURN(pwritev(fd, vectors, count, offset));
}
ssize_t linux_readv_nowait(int fd, const struct iovec *vectors, int count) {
  RETURN(preadv2(fd, vectors, count, -1, RWF_NOWAIT));
}
ssize_t linux_writev_nowait(int fd, const struct iovec *vectors, int count) {
  RETURN(pwritev2(fd, vectors, count, -1, RWF_NOWAIT));
}
ssize_t linux_recvv_nowait(int fd, const struct iovec *vectors, int count) {
  struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
  RETURN(recvmsg(fd, &message, MSG_DONTWAIT));
}
ssize_t linux_sendv_nowait(int fd, const struct iovec *vectors, int count) {
  struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
  RETURN(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}
ssize_t linux_recv(int fd, void *buffer, size_t count, int flags) { RETURN(recv(fd, buffer, count, flags)); }
ssize_t linux_send(int fd, const void *buffer, size_t count, int flags) {
  RETURN(send(fd, buffer, count, flags));
}

int linux_socketpair(int type, int fds[2]) { RETURN(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds)); }
int linux_pipe(int fds[2], int flags) { RETURN(pipe2(fds, flags | O_CLOEXEC)); }
int linux_accept(int fd, int flags) { RETURN(accept4(fd, NULL, NULL, flags | SOCK_CLOEXEC)); }
int linux_shutdown(int fd, int how) { RETURN(shutdown(fd, how)); }
int linux_unix_socket(int type) { RETURN(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)); }

static int unix_address(struct sockaddr_un *address, const char *path) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
  strcpy(address->sun_path, path);
  return 0;
}
int linux_unix_connect(int fd, const char *path) {
  struct sockaddr_un address;
  int r = unix_address(&address, path);
  if (r < 0) return r;
  RETURN(connect(fd, (struct sockaddr *)&address, sizeof address));
}
int linux_unix_listen(int fd, const char *path, int backlog) {
  struct sockaddr_un address;
  int r = unix_address(&address, path);
  if (r < 0) return r;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return -errno;
  RETURN(listen(fd, backlog));
}

enum { most_descriptors = 8 };
ssize_t linux_send_with_descriptors(int fd, const void *bytes, size_t size, const int *descriptors, int count) {
  union { char bytes[CMSG_SPACE(sizeof(int) * most_descriptors)]; struct cmsghdr align; } control = {0};
  struct iovec vector = {(void *)bytes, size};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count < 0 || count > most_descriptors) return -EINVAL;
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
  }
  RETURN(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}
ssize_t linux_receive_with_descriptors(int fd, void *buffer, size_t size, int *descriptors, int *count) {
  union { char bytes[CMSG_SPACE(sizeof(int) * most_descriptors)]; struct cmsghdr align; } control = {0};
  struct iovec vector = {buffer, size};
  int room = *count < most_descriptors ? *count : most_descriptors;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (room > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)room);
  }
  *count = 0;
  ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int came = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < came; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + sizeof(int) * (size_t)i, sizeof descriptor);
      if (*count < room) descriptors[(*count)++] = descriptor;
      else close(descriptor);
    }
  }
  return received;
}
int64_t linux_peer_user(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
  return peer.uid;
}

int linux_eventfd(unsigned initial, int flags) { RETURN(eventfd(initial, flags)); }
int linux_epoll_create(void) { RETURN(epoll_create1(EPOLL_CLOEXEC)); }
int linux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  RETURN(epoll_ctl(epoll, operation, fd, &event));
}
int linux_epoll_wait(int epoll, struct epoll_event *events, int maximum, int timeout_milliseconds) {
  RETURN(epoll_wait(epoll, events, maximum, timeout_milliseconds));
}
uint64_t linux_epoll_token(const struct epoll_event *event) { return event->data.u64; }
int linux_poll(int fd, int events, int timeout_milliseconds) {
  struct pollfd entry = {.fd = fd, .events = (short)events};
  int r = poll(&entry, 1, timeout_milliseconds);
  return r < 0 ? -errno : (r == 0 ? 0 : entry.revents);
}

int linux_gettid(void) { return (int)syscall(SYS_gettid); }
int linux_tgkill(int process, int thread, int signal) {
  RETURN((int)syscall(SYS_tgkill, process, thread, signal));
}
int linux_pidfd_open(int process, unsigned flags) { RETURN((int)syscall(SYS_pidfd_open, process, flags)); }
int linux_pidfd_send_signal(int pidfd, int signal) {
  RETURN((int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}
int linux_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  RETURN(prctl(option, a, b, c, d));
}
int linux_set_thread_name(const char *name) { RETURN(prctl(PR_SET_NAME, name)); }
ssize_t linux_getrandom(void *buffer, size_t count) { RETURN(getrandom(buffer, count, 0)); }
int linux_ignore_sigpipe(void) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  RETURN(sigaction(SIGPIPE, &action, NULL));
}
uint64_t linux_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
