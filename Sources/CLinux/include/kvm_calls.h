// The KVM ioctls.
#ifndef CLINUX_KVM_CALLS_H
#define CLINUX_KVM_CALLS_H
#endif
