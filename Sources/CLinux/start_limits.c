// Whoever starts us decides what memory we may have. Below what the Swift runtime needs for its first objects it dies of a
// null pointer, before any of our code: so the limits are looked at first. C because only a constructor with a priority runs
// so early, and nothing here may allocate.
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

// Measured: 2.9 MB of data and 24 KiB of stack start the runtime; ten times that does the work around a job.
enum { least_data = 24 << 20, least_address_space = 64 << 20, least_stack = 256 << 10 };

static void refuse(const char *text, unsigned length) {
  if (write(2, text, length) < 0) { /* Nobody is there to be told. */ }
  _exit(125);
}

#define REFUSE(text) refuse("swiftlet: " text "\n", sizeof("swiftlet: " text "\n") - 1)

static int is_below(int resource, uint64_t least) {
  struct rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur < least;
}

__attribute__((constructor(101))) static void check_limits(void) {
  if (is_below(RLIMIT_DATA, least_data)) REFUSE("the limit of data (ulimit -d) is too low to work with: 24 MiB are needed");
  if (is_below(RLIMIT_AS, least_address_space))
    REFUSE("the limit of address space (ulimit -v) is too low to work with: 64 MiB are needed");
  if (is_below(RLIMIT_STACK, least_stack)) REFUSE("the limit of the stack (ulimit -s) is too low to work with: 256 KiB are needed");
}
