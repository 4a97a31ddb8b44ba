// A kernel that gives up at once and says so.
#include "evil.h"
  say "panic on purpose"
  platform SWIFTLET_PLATFORM_PANIC
  hlt
