// What a program can learn of the kernel's region by the calls that tell of memory: nothing. Prints `hidden`, or what it found.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(condition) do { if (!(condition)) { printf("%s: errno %d\n", #condition, errno); return 1; } } while (0)

int main(void) {
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) CHECK(strtoull(line, 0, 16) < 0x7F8000000000);
  static const uint64_t places[] = {0x7F8000000000, 0x7F8001000000, 0x7F8400000000, 0x7F9000000000, 0x7FFFFFFFE000, 0x7F7FFFFFF000};
  int null = open("/dev/zero", O_RDWR);
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    void *place = (void *)places[i];
    unsigned char vector[2];
    errno = 0; CHECK(mmap(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED && errno == ENOMEM);
    void *hinted = mmap(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hinted != MAP_FAILED && (uint64_t)hinted < 0x7F8000000000);
    errno = 0; CHECK(mincore(place, 4096, vector) == -1 && errno == ENOMEM);
    errno = 0; CHECK(mprotect(place, 4096, PROT_READ) == -1 && errno == ENOMEM);
    errno = 0; CHECK(madvise(place, 4096, MADV_WILLNEED) == -1 && (errno == ENOMEM || errno == EINVAL));
    errno = 0; CHECK(read(null, place, 8) == -1 && errno == EFAULT);
    errno = 0; CHECK(getcwd(place, 100) == NULL && errno == EFAULT);
    errno = 0; CHECK(open(place, O_RDONLY) == -1 && errno == EFAULT);
    errno = 0; CHECK(stat("/", place) == -1 && errno == EFAULT);
    int fds[2]; CHECK(pipe(fds) == 0);
    errno = 0; CHECK(write(fds[1], place, 8) == -1 && errno == EFAULT);
    struct iovec own = {line, 8}, other = {place, 8};
    errno = 0; CHECK(process_vm_readv(getpid(), &own, 1, &other, 1, 0) == -1 && errno == EFAULT);
    close(fds[0]), close(fds[1]);
    // A range that runs into it.
    errno = 0; CHECK(munmap((void *)(places[i] & ~4095ULL), (size_t)-8192) == -1 && errno == EINVAL);
  }
  puts("hidden");
  return 0;
}
