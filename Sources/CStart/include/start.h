// What a program must know or do before the Swift runtime's own initialisers; see start.c.
#ifndef CSTART_H
#define CSTART_H

/// The process's arguments, as the C library handed them to the constructors. In a static executable with `@main` the
/// Swift runtime's `CommandLine.arguments` is empty (Swift 6.3.1).
int start_argument_count(void);
const char *start_argument(int index);
#endif
