// The C functions Embedded Swift's compiler emits calls to. C with builtins off, or they would call themselves; and
// `free` and `posix_memalign` may not be defined in Swift.
#ifdef SWIFTLET_GUEST
#include "guest_library.h"

int posix_memalign(void **block, size_t alignment, size_t bytes) { *block = heap_allocate(bytes, alignment); return *block ? 0 : 12; }
void free(void *block) { if (block) heap_free(block); }

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  void *result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) :: "memory");
  return result;
}
void *memset(void *to, int value, size_t count) {
  void *result = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
  return result;
}
void *memmove(void *to, const void *from, size_t count) {
  if (to <= from || (const char *)from + count <= (char *)to) return memcpy(to, from, count);
  void *end = (char *)to + count - 1;
  const void *last = (const char *)from + count - 1;
  __asm__ volatile("std; rep movsb; cld" : "+D"(end), "+S"(last), "+c"(count) :: "memory");
  return to;
}
int memcmp(const void *a, const void *b, size_t count) {
  const unsigned char *x = a, *y = b;
  for (; count; count--, x++, y++) if (*x != *y) return *x < *y ? -1 : 1;
  return 0;
}
#endif
