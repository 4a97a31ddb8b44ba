// The same as page-tables, and at its end an entry with reserved bits: a page fault, for which this kernel has no handler.
#define RESERVED
#include "page-tables.c"
