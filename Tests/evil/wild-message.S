// A panic whose message is outside RAM and longer than anything.
#include "evil.h"
  mov $-16, %rax
  mov $-1, %ecx
  message
  platform SWIFTLET_PLATFORM_LOG
  mov $SWIFTLET_HOLE_START - 8, %eax
  mov $1024, %ecx
  message
  platform SWIFTLET_PLATFORM_LOG
  mov $-1, %rax
  mov $1024, %ecx
  message
  platform SWIFTLET_PLATFORM_PANIC
  jmp .
