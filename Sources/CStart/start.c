// What must happen before the Swift runtime's own initialisers. C because only a constructor with a priority runs so early.
#include "start.h"
#include <stdlib.h>

// The runtime looks for its crash reporter by path: eight system calls that find nothing in a jail, and where the process
// may not search the root directory it gives up ("Unable to obtain Swift runtime path"). A crash report of a confined process
// could reach nobody anyway: it may execute nothing. Whoever debugs may set the variable himself.
static int argument_count;
static char **arguments;

__attribute__((constructor(101))) static void before_swift(int count, char **values) {
  argument_count = count;
  arguments = values;
  setenv("SWIFT_BACKTRACE", "enable=no,swift-backtrace=/nonexistent", 0);
}

int start_argument_count(void) { return argument_count; }
const char *start_argument(int index) { return arguments[index]; }
