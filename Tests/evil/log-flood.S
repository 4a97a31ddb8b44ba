// Logs without end.
#include "evil.h"
  say "the same line over and over again; the host must not keep them all"
again:
  platform SWIFTLET_PLATFORM_LOG
  jmp again
