// What must happen before the Swift runtime's own initialisers. C because only a constructor with a priority runs so early.
#include "start.h"
#include <stdlib.h>

// The runtime looks for its crash reporter by path: eight system calls that find nothing in a jail, and where the process
// may not search the root directory it gives up ("Unable to obtain Swift runtime path"). A crash report of a confined process
// could reach nobody anyway: it may execute nothing. Whoever debugs may set the variable himself.
__attribute__((constructor(101))) static void turn_off_crash_reporter(void) {
  setenv("SWIFT_BACKTRACE", "enable=no,swift-backtrace=/nonexistent", 0);
}
