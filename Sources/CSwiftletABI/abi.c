#include "swiftlet_abi.h"

_Static_assert(sizeof(struct swiftlet_boot_page) <= 4096, "the boot page is one page");
