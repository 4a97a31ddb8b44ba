// What the C functions of libc.c are built on; each program of the guest brings its own heap.
#ifndef GUEST_LIBRARY_H
#define GUEST_LIBRARY_H
#include <stddef.h>

/// Memory for Swift's objects, aligned to `alignment`, or a null pointer.
void *heap_allocate(size_t bytes, size_t alignment);
void heap_free(void *block);
#endif
