// What a process may have of memory, and what a mapping refuses: prints the same under Linux as in the guest. Run by
// processes.sh in both places. Each part is a process of its own, so that its limits bind nothing else.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(what, call) do { errno = 0; long r = (long)(call); printf("%s: %s\n", what, r == -1 ? strerrorname_np(errno) : "done"); } while (0)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
enum { NONE = PROT_NONE, READ = PROT_READ, BOTH = PROT_READ | PROT_WRITE, PAGE = 4096, MIB = 1 << 20 };

static void limit(int what, rlim_t most) { setrlimit(what, &(struct rlimit){most, most}); }
static void show(const char *name) {
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status)) if (!strncmp(line, name, strlen(name))) fputs(line, stdout);
  fclose(status);
}

static void data(void) {
  char *reserved = mmap(0, 2 * MIB, NONE, ANONYMOUS, -1, 0);
  limit(RLIMIT_DATA, MIB);
  SAY("data: private, writable", mmap(0, 2 * MIB, BOTH, ANONYMOUS, -1, 0));
  SAY("data: private, read only", mmap(0, 2 * MIB, READ, ANONYMOUS, -1, 0));
  SAY("data: shared", mmap(0, 2 * MIB, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  SAY("data: mprotect of little", mprotect(reserved, 16 * PAGE, BOTH));
  SAY("data: mprotect of much", mprotect(reserved, 2 * MIB, BOTH));
  SAY("data: sbrk", sbrk(2 * MIB));
  SAY("data: a little more", mmap(0, 16 * PAGE, BOTH, ANONYMOUS, -1, 0));
}

static void all(void) {
  limit(RLIMIT_AS, 64 * MIB);
  SAY("all: too much", mmap(0, 65 * MIB, NONE, ANONYMOUS, -1, 0));
  char *block = mmap(0, 40 * MIB, NONE, ANONYMOUS, -1, 0);
  SAY("all: in the place of as much", mmap(block, 40 * MIB, READ, ANONYMOUS | MAP_FIXED, -1, 0));
  SAY("all: again as much", mmap(0, 40 * MIB, NONE, ANONYMOUS, -1, 0));
  SAY("all: mremap", mremap(block, 40 * MIB, 80 * MIB, MREMAP_MAYMOVE));
  SAY("all: sbrk", sbrk(40 * MIB));
  SAY("all: unmapped", munmap(block, 40 * MIB));
  SAY("all: then", mmap(0, 40 * MIB, NONE, ANONYMOUS, -1, 0));
}

static void locks(void) {
  char *block = mmap(0, MIB, BOTH, ANONYMOUS, -1, 0);
  limit(RLIMIT_MEMLOCK, 16 * PAGE);
  if (setresuid(1000, 1000, 1000)) {}
  SAY("locks: as much as there may be", mlock(block, 16 * PAGE));
  SAY("locks: the same again", mlock(block, 16 * PAGE));
  show("VmLck");
  SAY("locks: one more", mlock(block + 16 * PAGE, PAGE));
  SAY("locks: mmap", mmap(0, PAGE, BOTH, ANONYMOUS | MAP_LOCKED, -1, 0));
  SAY("locks: mremap", mremap(block, 16 * PAGE, 2 * MIB, MREMAP_MAYMOVE));
  SAY("locks: all", mlockall(MCL_CURRENT));
  SAY("locks: no flag", mlockall(0));
  SAY("locks: on fault alone", mlockall(MCL_ONFAULT));
  SAY("locks: unknown flag", mlock2(block, PAGE, 2));
  SAY("locks: DONTNEED", madvise(block, PAGE, MADV_DONTNEED));
  SAY("locks: FREE", madvise(block, PAGE, MADV_FREE));
  SAY("locks: DONTNEED_LOCKED", madvise(block, PAGE, 24));
  SAY("locks: msync", msync(block, PAGE, MS_INVALIDATE));
  SAY("locks: msync of what is not", msync(block + 32 * PAGE, PAGE, MS_INVALIDATE));
  SAY("locks: msync both ways", msync(block, PAGE, MS_SYNC | MS_ASYNC));
  fflush(stdout);
  if (fork() == 0) { show("VmLck"); fflush(stdout); _exit(0); }
  wait(0);
  SAY("locks: given back", munlock(block, 8 * PAGE));
  show("VmLck");
  SAY("locks: DONTNEED then", madvise(block, PAGE, MADV_DONTNEED));
  SAY("locks: all given back", munlockall());
  show("VmLck");
  limit(RLIMIT_MEMLOCK, 0);
  SAY("locks: nobody", mlock(block, PAGE));
}

static volatile int signals;
static void count(int number) { (void)number; signals++; }
static void sizes(void) {
  int file = memfd_create("file", 0), large = memfd_create("large", 0);
  SAY("sizes: large", ftruncate(large, 4 * PAGE));
  signal(SIGXFSZ, count);
  limit(RLIMIT_FSIZE, PAGE);
  SAY("sizes: ftruncate", ftruncate(file, 2 * PAGE));
  SAY("sizes: fallocate", fallocate(file, 0, 0, 2 * PAGE));
  SAY("sizes: fallocate within", fallocate(file, 0, 0, PAGE));
  printf("sizes: write across the limit: %zd\n", pwrite(file, "0123456789", 10, PAGE - 6));
  SAY("sizes: write at the limit", pwrite(file, "0", 1, PAGE));
  SAY("sizes: a large file made less", ftruncate(large, 3 * PAGE));
  SAY("sizes: and within it", fallocate(large, 0, 0, 3 * PAGE));
  printf("sizes: signals: %d\n", signals);
}

static void files(void) {
  int file = open("/proc/self/exe", O_RDONLY), memory = memfd_create("m", MFD_ALLOW_SEALING), future = memfd_create("f", MFD_ALLOW_SEALING);
  SAY("files: mprotect of a shared one", mprotect(mmap(0, PAGE, READ, MAP_SHARED, file, 0), PAGE, BOTH));
  SAY("files: mprotect of a private one", mprotect(mmap(0, PAGE, READ, MAP_PRIVATE, file, 0), PAGE, BOTH));
  SAY("files: FREE of a file's", madvise(mmap(0, PAGE, READ, MAP_PRIVATE, file, 0), PAGE, MADV_FREE));
  if (ftruncate(memory, PAGE) || ftruncate(future, PAGE)) return;
  char *shared = mmap(0, PAGE, READ, MAP_SHARED, memory, 0);
  SAY("files: sealed while shared", fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
  munmap(shared, PAGE);
  SAY("files: private", mmap(0, PAGE, BOTH, MAP_PRIVATE, memory, 0));
  SAY("files: sealed", fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
  SAY("files: shared then", mmap(0, PAGE, BOTH, MAP_SHARED, memory, 0));
  SAY("files: private then", mmap(0, PAGE, BOTH, MAP_PRIVATE, memory, 0));
  SAY("files: sealed for what comes", fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
  SAY("files: shared", mmap(0, PAGE, BOTH, MAP_SHARED, future, 0));
  SAY("files: to be read", shared = mmap(0, PAGE, READ, MAP_SHARED, future, 0));
  SAY("files: and written", mprotect(shared, PAGE, BOTH));
  SAY("files: MAP_SYNC", mmap(0, PAGE, READ, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0));
  SAY("files: a flag without a name", mmap(0, PAGE, READ, MAP_SHARED_VALIDATE | 0x200000, file, 0));
  SAY("files: validated", mmap(0, PAGE, READ, MAP_SHARED_VALIDATE, file, 0));
  SAY("files: huge", mmap(0, PAGE, READ, MAP_SHARED | MAP_HUGETLB, file, 0));
}

static void flags(void) {
  SAY("flags: validated, of no file", mmap(0, PAGE, BOTH, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
  SAY("flags: no type", mmap(0, PAGE, BOTH, MAP_ANONYMOUS, -1, 0));
  SAY("flags: huge, of a size there is not", mmap(0, 2 * MIB, BOTH, ANONYMOUS | MAP_HUGETLB | 13 << 26, -1, 0));
  SAY("flags: huge", mmap(0, 1 << 30, BOTH, ANONYMOUS | MAP_HUGETLB, -1, 0));
  char *low = mmap(0, PAGE, BOTH, ANONYMOUS | MAP_32BIT, -1, 0);
  char *hinted = mmap((void *)0x700000000000, PAGE, BOTH, ANONYMOUS | MAP_32BIT, -1, 0);
  printf("flags: low: %d %d\n", low < (char *)0x80000000, hinted < (char *)0x80000000);
  SAY("flags: too much for low addresses", mmap(0, 1L << 31, NONE, ANONYMOUS | MAP_32BIT, -1, 0));
}

int main(void) {
  void (*parts[])(void) = {data, all, locks, sizes, files, flags};
  for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
    int status;
    if (fork() == 0) { parts[i](); fflush(stdout); _exit(0); }
    wait(&status);
    if (status) printf("part %u: %x\n", i, status);
    fflush(stdout);
  }
  return 0;
}
