// The same as block-wild, where there is no scratch disk.
#define IMAGE_ONLY
#include "block-wild.c"
