// System calls, ioctls and UAPI structs that Swift cannot reach: variadic functions, macros, unexported
// calls, and everything whose errno must be read before any Swift code can run (a retain or release may
// clobber it). Every function returns its result or -errno.
#ifndef CLINUX_H
#define CLINUX_H
#include "linux_calls.h"
#include "file_calls.h"
#include "job_calls.h"
#include "group_calls.h"
#include "kvm_calls.h"
#include "jail_calls.h"
#include "virtio_layouts.h"
#endif
