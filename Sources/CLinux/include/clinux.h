// System calls, ioctls and UAPI structs that Swift cannot reach: variadic functions, macros, flexible array members.
// Every function returns its result or -errno.
#ifndef CLINUX_H
#define CLINUX_H
#endif
