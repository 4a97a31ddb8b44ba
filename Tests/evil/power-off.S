// An orderly end without having run, or said, anything.
#include "evil.h"
  platform SWIFTLET_PLATFORM_POWER_OFF
  jmp .
