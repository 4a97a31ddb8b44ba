// What happens before the Swift runtime's own initialisers, and the arguments as they are handed to it then.
#ifndef CSTART_H
#define CSTART_H
/// The program's arguments, its name first. CommandLine.arguments finds them through /proc/self/maps, which costs 50 µs.
int start_argument_count(void);
const char *start_argument(int index);
#endif
