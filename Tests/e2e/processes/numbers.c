// Numbers that a kernel which only adds and subtracts gets wrong: prints the same under Linux as in the guest. Run by processes.sh in
// both places.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define SAY(what, call) do { errno = 0; long r = (long)(call); printf("%s: %ld %s\n", what, r, r < 0 ? strerrorname_np(errno) : ""); } while (0)

int main(void) {
  struct itimerval forever = {{0, 0}, {INT64_MAX, 0}};
  SAY("setitimer", setitimer(ITIMER_REAL, &forever, 0));
  SAY("alarm", alarm(0) > 0);

  int set = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf up = {0, 32767, SEM_UNDO}, down = {0, -32767, 0};
  SAY("up", semop(set, &up, 1));
  SAY("down", semop(set, &down, 1));
  SAY("up again", semop(set, &up, 1));
  SAY("value", semctl(set, 0, GETVAL));
  semctl(set, 0, IPC_RMID);

  long page = 4096, pages = 64;
  int segment = shmget(IPC_PRIVATE, pages * page, 0600);
  char *low = shmat(segment, (void *)0x10000, 0);
  SAY("shmat", low == (char *)0x10000 ? 0 : -1);
  SAY("mremap", mremap(low + (pages - 1) * page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, low + 2 * page) == low + 2 * page);
  SAY("shmdt", shmdt(low));
  shmctl(segment, IPC_RMID, 0);

  int queue = msgget(IPC_PRIVATE, 0600);
  struct { long type; char text[8]; } message = {1, "text"};
  SAY("msgsnd", msgsnd(queue, &message, 5, 0));
  SAY("msgrcv to nowhere", msgrcv(queue, (void *)8, 8, 0, 0));
  SAY("msgrcv", msgrcv(queue, &message, 8, 0, IPC_NOWAIT));
  msgctl(queue, IPC_RMID, 0);

  int directory = open("/", O_RDONLY | O_DIRECTORY), file = open("/etc/passwd", O_RDONLY), null = open("/dev/null", O_WRONLY);
  char entries[4096];
  SAY("a directory's end", lseek(directory, INT64_MAX, SEEK_SET) == INT64_MAX);
  SAY("getdents", syscall(SYS_getdents64, directory, entries, sizeof entries));
  off_t offset = -1;
  SAY("sendfile before the beginning", sendfile(null, file, &offset, 1));
  return 0;
}
