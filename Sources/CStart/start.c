// C because only a constructor with a priority runs before the Swift runtime's initialisers.
#include "start.h"
#include <stdlib.h>

static int count;
static char **arguments;

int start_argument_count(void) { return count; }
const char *start_argument(int index) { return arguments[index]; }

// The runtime looks for its crash reporter by path: eight system calls that find nothing in a jail, and where the process
// may not search the root directory it gives up ("Unable to obtain Swift runtime path"). A crash report of a confined process
// could reach nobody anyway: it may execute nothing. Whoever debugs may set the variable himself.
//
// glibc calls constructors with main's arguments.
__attribute__((constructor(101))) static void start(int argument_count, char **argument_values) {
  count = argument_count;
  arguments = argument_values;
  setenv("SWIFT_BACKTRACE", "enable=no,swift-backtrace=/nonexistent", 0);
}
