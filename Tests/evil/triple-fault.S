// An exception with an empty IDT: double fault, triple fault, shutdown.
#include "evil.h"
  ud2
