// What Benchmarks/counts.py counts: `counts OPERATION N` does one operation N times, with the system calls themselves. C because
// it runs as a guest program, static and without a runtime of its own.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[4096];
static int word, zero;

static void getpid_(void) { syscall(SYS_getpid); }
static void read_(void) { if (read(zero, page, 1) != 1) abort(); }
static void write_(void) { if (write(1, page, sizeof page) != sizeof page) abort(); }
static void open_close(void) { close(open("/etc/passwd", O_RDONLY)); }
static void futex_wake(void) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0); }
static void mmap_touch(void) {
  char *memory = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  for (int i = 0; i < 1 << 20; i += 4096) memory[i] = 1;
  munmap(memory, 1 << 20);
}
static void fork_wait(void) {
  if (fork() == 0) _exit(0);
  wait(0);
}
// The same of a process that has filled 64 MiB.
static void fork_filled(void) {
  static char *memory;
  if (!memory) {
    memory = mmap(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    for (int i = 0; i < 64 << 20; i += 4096) memory[i] = 1;
  }
  fork_wait();
}
static void exec_true(void) {
  if (fork() == 0) { execl("/bin/true", "true", (char *)0); _exit(1); }
  wait(0);
}

static const struct { const char *name; void (*run)(void); } operations[] = {
  {"getpid", getpid_}, {"read", read_}, {"write", write_}, {"open_close", open_close}, {"mmap_touch", mmap_touch},
  {"fork_wait", fork_wait}, {"fork_filled", fork_filled}, {"futex_wake", futex_wake}, {"exec_true", exec_true},
};

int main(int count, char **arguments) {
  if (count != 3) return 2;
  zero = open("/dev/zero", O_RDONLY);
  for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (strcmp(operations[i].name, arguments[1])) continue;
    operations[i].run();    // the first time touches what the others find there
    for (int n = atoi(arguments[2]); n > 0; n--) operations[i].run();
    return 0;
  }
  return 2;
}
