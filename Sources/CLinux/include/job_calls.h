// System calls of the launcher's event loop. See clinux.h for the convention.
#ifndef CLINUX_JOB_CALLS_H
#define CLINUX_JOB_CALLS_H
#include <poll.h>
#include <stdint.h>

/// ppoll with a relative timeout in nanoseconds (UINT64_MAX: none). Returns the number of ready descriptors.
int linux_poll_many(struct pollfd *descriptors, unsigned count, uint64_t timeout_nanoseconds);

/// Blocks SIGINT, SIGTERM and SIGHUP for the calling thread and returns a non-blocking signalfd for them. A signal that
/// is ignored (as under nohup) stays so and is not reported. `with_terminal`: SIGWINCH and SIGCONT too.
int linux_stop_signals(int with_terminal);
/// The number of the next signal, or -EAGAIN.
int linux_next_signal(int fd);
/// Unblocks the three signals with their default action: the next one ends the process.
void linux_release_stop_signals(void);

/// How the process of a pidfd ended.
struct linux_process_end { int32_t signal, code; };
/// 1 and *end if it has ended (it is reaped then), 0 if it runs. Waits for the end if `waits`.
int linux_process_ended(int pidfd, int waits, struct linux_process_end *end);
/// The same without waiting, and it is not reaped: its process id stays its own.
int linux_process_ended_unreaped(int pidfd, struct linux_process_end *end);
/// 1 if this process has a child, running or not yet reaped, else 0.
int linux_has_children(void);
/// The most memory that any child which was reaped had resident, in KiB.
uint64_t linux_children_peak_kib(void);
/// Bytes of physical memory.
uint64_t linux_physical_memory(void);
#endif
