// Memory runs out for one that has less than another, while many others compute: the other one ends, and who asked goes on.
// Run by processes.sh in a job of 128 MiB.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSY 12

static void touch(long megabytes) {
  char *memory = mmap(0, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) _exit(1);
  for (long i = 0; i < megabytes << 20; i += 4096) memory[i] = 1;
}

int main(void) {
  int ready[2];
  char byte = 0;
  if (pipe(ready)) return 1;
  pid_t largest = fork();
  if (largest == 0) {
    touch(80);
    if (write(ready[1], &byte, 1) != 1) _exit(1);
    while (1) {}
  }
  if (read(ready[0], &byte, 1) != 1) return 1;
  pid_t busy[BUSY];
  for (int i = 0; i < BUSY; i++) {
    busy[i] = fork();
    if (busy[i] == 0) while (1) {}
  }
  pid_t other = fork();
  if (other == 0) {
    touch(70);
    _exit(0);
  }
  int status;
  waitpid(other, &status, 0);
  printf("who asked: %s\n", WIFEXITED(status) ? "goes on" : strsignal(WTERMSIG(status)));
  kill(largest, SIGTERM);
  waitpid(largest, &status, 0);
  printf("the largest: %s\n", WIFEXITED(status) ? "goes on" : strsignal(WTERMSIG(status)));
  for (int i = 0; i < BUSY; i++) {
    kill(busy[i], SIGKILL);
    waitpid(busy[i], 0, 0);
  }
  return 0;
}
