// General system calls. See clinux.h for the convention: result, or -errno.
#ifndef CLINUX_LINUX_CALLS_H
#define CLINUX_LINUX_CALLS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

// Memory. linux_mmap returns the address (positive in user space) or -errno.
intptr_t linux_mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset);
int linux_munmap(void *address, size_t length);
int linux_madvise(void *address, size_t length, int advice);
int linux_mprotect(void *address, size_t length, int protection);
/// Close-on-exec always; `flags` adds to that.
int linux_memfd_create(const char *name, unsigned flags);

// Descriptors.
int linux_close(int fd);
int linux_dup_cloexec(int fd, int minimum);
int linux_dup2(int fd, int target);
int linux_get_status_flags(int fd);
int linux_set_status_flags(int fd, int flags);
int linux_get_descriptor_flags(int fd);
int linux_set_descriptor_flags(int fd, int flags);
int linux_close_range(unsigned first, unsigned last, unsigned flags);
int linux_open(const char *path, int flags, unsigned mode);
int linux_openat(int directory, const char *path, int flags, unsigned mode);
int linux_open_scratch(const char *directory);
int linux_ftruncate(int fd, int64_t length);
int linux_fdatasync(int fd);
int linux_fchdir(int fd);
int linux_ioctl(int fd, unsigned long request, unsigned long argument);
int linux_ioctl_pointer(int fd, unsigned long request, void *argument);

/// What fstat says that a caller needs to choose how to do input and output.
// `changed`: st_ctime in nanoseconds, which no program can set.
struct linux_file_status { uint32_t mode; uint64_t size, device, inode; int64_t changed; };
int linux_fstat(int fd, struct linux_file_status *status);
/// Size in bytes of a block device (BLKGETSIZE64), or -errno.
int64_t linux_block_device_size(int fd);

// Input and output. Offsets and results in bytes.
ssize_t linux_read(int fd, void *buffer, size_t count);
ssize_t linux_write(int fd, const void *buffer, size_t count);
ssize_t linux_pread(int fd, void *buffer, size_t count, int64_t offset);
ssize_t linux_pwrite(int fd, const void *buffer, size_t count, int64_t offset);
ssize_t linux_readv(int fd, const struct iovec *vectors, int count);
ssize_t linux_writev(int fd, const struct iovec *vectors, int count);
ssize_t linux_preadv(int fd, const struct iovec *vectors, int count, int64_t offset);
ssize_t linux_pwritev(int fd, const struct iovec *vectors, int count, int64_t offset);
/// readv and writev that answer EAGAIN instead of waiting whatever O_NONBLOCK says (RWF_NOWAIT at the current
/// position); EOPNOTSUPP where the file or the kernel cannot do that.
ssize_t linux_readv_nowait(int fd, const struct iovec *vectors, int count);
ssize_t linux_writev_nowait(int fd, const struct iovec *vectors, int count);
/// recvmsg and sendmsg with MSG_DONTWAIT, without ancillary data; sendmsg with MSG_NOSIGNAL.
ssize_t linux_recvv_nowait(int fd, const struct iovec *vectors, int count);
ssize_t linux_sendv_nowait(int fd, const struct iovec *vectors, int count);
ssize_t linux_recv(int fd, void *buffer, size_t count, int flags);
ssize_t linux_send(int fd, const void *buffer, size_t count, int flags);

// Sockets.
int linux_socketpair(int type, int fds[2]);
int linux_pipe(int fds[2], int flags);
int linux_accept(int fd, int flags);
int linux_shutdown(int fd, int how);
int linux_unix_socket(int type);
/// connect and bind+listen to an AF_UNIX path of at most 107 bytes; ENAMETOOLONG otherwise.
int linux_unix_connect(int fd, const char *path);
int linux_unix_listen(int fd, const char *path, int backlog);
/// One message with `count` descriptors beside it (SCM_RIGHTS), at most 8. C because of the CMSG_ macros. With MSG_DONTWAIT:
/// a peer that does not read what it is told is the peer's loss.
ssize_t linux_send_with_descriptors(int fd, const void *bytes, size_t size, const int *descriptors, int count);
/// One message and the descriptors beside it, close-on-exec; `*count`: room for so many, at most 8, and how many came.
ssize_t linux_receive_with_descriptors(int fd, void *buffer, size_t size, int *descriptors, int *count);
/// The user id of the process that connected (SO_PEERCRED); or -errno.
int64_t linux_peer_user(int fd);

// Events.
int linux_eventfd(unsigned initial, int flags);
int linux_epoll_create(void);
int linux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t token);
int linux_epoll_wait(int epoll, struct epoll_event *events, int maximum, int timeout_milliseconds);
uint64_t linux_epoll_token(const struct epoll_event *event);
/// poll on one descriptor: the returned events (0: none within the timeout).
int linux_poll(int fd, int events, int timeout_milliseconds);

// Processes and threads.
int linux_gettid(void);
int linux_tgkill(int process, int thread, int signal);
int linux_pidfd_open(int process, unsigned flags);
int linux_pidfd_send_signal(int pidfd, int signal);
int linux_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
/// Names the calling thread (at most 15 bytes).
int linux_set_thread_name(const char *name);
ssize_t linux_getrandom(void *buffer, size_t count);
/// Ignores SIGPIPE in this process, so that a write to a closed pipe is EPIPE and nothing else.
int linux_ignore_sigpipe(void);
/// CLOCK_MONOTONIC in nanoseconds.
uint64_t linux_monotonic_nanoseconds(void);
#endif
