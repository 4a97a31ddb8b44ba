// The KVM ioctls, one function each, in the order of the kernel's Documentation/virt/kvm/api.rst. C because `ioctl` is
// variadic, its request numbers are function-like macros, and kvm_cpuid2 and kvm_msrs end in flexible arrays.
// Every function returns its result (0 or more) or -errno.
#ifndef KVM_CALLS_H
#define KVM_CALLS_H
#include <linux/fs.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Executes CPUID; `result` gets EAX, EBX, ECX, EDX.
static inline void kvm_host_cpuid(uint32_t function, uint32_t index, uint32_t result[4]) {
  __asm__ volatile("cpuid" : "=a"(result[0]), "=b"(result[1]), "=c"(result[2]), "=d"(result[3])
                   : "a"(function), "c"(index));
}

// Request numbers that a system-call filter compares with: all that this header has functions for, and a block device's size.
enum kvm_request {
  kvm_request_run = (int)KVM_RUN,
  kvm_request_get_regs = (int)KVM_GET_REGS,
  kvm_request_get_sregs = (int)KVM_GET_SREGS,
  kvm_request_get_api_version = (int)KVM_GET_API_VERSION,
  kvm_request_create_vm = (int)KVM_CREATE_VM,
  kvm_request_check_extension = (int)KVM_CHECK_EXTENSION,
  kvm_request_get_vcpu_mmap_size = (int)KVM_GET_VCPU_MMAP_SIZE,
  kvm_request_get_supported_cpuid = (int)KVM_GET_SUPPORTED_CPUID,
  kvm_request_set_user_memory_region = (int)KVM_SET_USER_MEMORY_REGION,
  kvm_request_set_tss_addr = (int)KVM_SET_TSS_ADDR,
  kvm_request_set_identity_map_addr = (int)KVM_SET_IDENTITY_MAP_ADDR,
  kvm_request_create_irqchip = (int)KVM_CREATE_IRQCHIP,
  kvm_request_get_irqchip = (int)KVM_GET_IRQCHIP,
  kvm_request_set_irqchip = (int)KVM_SET_IRQCHIP,
  kvm_request_create_vcpu = (int)KVM_CREATE_VCPU,
  kvm_request_ioeventfd = (int)KVM_IOEVENTFD,
  kvm_request_irqfd = (int)KVM_IRQFD,
  kvm_request_set_regs = (int)KVM_SET_REGS,
  kvm_request_set_sregs = (int)KVM_SET_SREGS,
  kvm_request_set_xcrs = (int)KVM_SET_XCRS,
  kvm_request_set_msrs = (int)KVM_SET_MSRS,
  kvm_request_set_cpuid2 = (int)KVM_SET_CPUID2,
  kvm_request_get_tsc_khz = (int)KVM_GET_TSC_KHZ,
  kvm_request_get_msrs = (int)KVM_GET_MSRS,
  kvm_request_set_device_attr = (int)KVM_SET_DEVICE_ATTR,
  kvm_request_get_mp_state = (int)KVM_GET_MP_STATE,
  kvm_request_set_mp_state = (int)KVM_SET_MP_STATE,
  kvm_request_get_xsave = (int)KVM_GET_XSAVE,
  kvm_request_set_xsave = (int)KVM_SET_XSAVE,
  kvm_request_get_xcrs = (int)KVM_GET_XCRS,
  kvm_request_get_debugregs = (int)KVM_GET_DEBUGREGS,
  kvm_request_set_debugregs = (int)KVM_SET_DEBUGREGS,
  kvm_request_get_lapic = (int)KVM_GET_LAPIC,
  kvm_request_set_lapic = (int)KVM_SET_LAPIC,
  kvm_request_get_vcpu_events = (int)KVM_GET_VCPU_EVENTS,
  kvm_request_set_vcpu_events = (int)KVM_SET_VCPU_EVENTS,
  kvm_request_get_clock = (int)KVM_GET_CLOCK,
  kvm_request_set_clock = (int)KVM_SET_CLOCK,
  kvm_request_disk_size = (int)BLKGETSIZE64,
};

// --- /dev/kvm ---
int kvm_get_api_version(int system);
int kvm_create_vm(int system);
int kvm_check_extension(int descriptor, uint32_t capability);
int kvm_get_vcpu_mmap_size(int system);
/// Fills `entries`; returns how many. -E2BIG: `capacity` is too small.
int kvm_get_supported_cpuid(int system, struct kvm_cpuid_entry2 *entries, uint32_t capacity);

// --- one VM ---
int kvm_set_user_memory_region(int vm, const struct kvm_userspace_memory_region *region);
int kvm_set_tss_address(int vm, uint32_t guest_physical);
int kvm_set_identity_map_address(int vm, uint64_t guest_physical);
int kvm_create_irqchip(int vm);
/// Sets every mask bit of both PICs (KVM_GET_IRQCHIP, KVM_SET_IRQCHIP). In C because struct kvm_irqchip is a union.
int kvm_mask_pic(int vm);
int kvm_create_vcpu(int vm, uint32_t index);
int kvm_ioeventfd(int vm, const struct kvm_ioeventfd *binding);
int kvm_irqfd(int vm, const struct kvm_irqfd *binding);

// --- one vCPU ---
int kvm_run_vcpu(int vcpu);
int kvm_get_regs(int vcpu, struct kvm_regs *registers);
int kvm_set_regs(int vcpu, const struct kvm_regs *registers);
int kvm_get_sregs(int vcpu, struct kvm_sregs *registers);
int kvm_set_sregs(int vcpu, const struct kvm_sregs *registers);
int kvm_set_xcr0(int vcpu, uint64_t value);
/// Returns how many of `entries` were set, from the first: KVM stops at the first one it refuses.
int kvm_set_msrs(int vcpu, const struct kvm_msr_entry *entries, uint32_t count);
int kvm_set_cpuid(int vcpu, const struct kvm_cpuid_entry2 *entries, uint32_t count);
/// Fills in the values; returns how many, from the first: KVM stops at the first one it does not have.
int kvm_get_msrs(int vcpu, struct kvm_msr_entry *entries, uint32_t count);
int kvm_get_tsc_khz(int vcpu);
/// Of the guest's time-stamp counter: what it is ahead of the host's (KVM_VCPU_TSC_OFFSET).
int kvm_set_tsc_offset(int vcpu, uint64_t offset);

// --- what is saved and restored whole, each one struct that nobody here looks into ---
enum kvm_part {
  // of a vCPU, in the order in which they are restored
  kvm_part_mp_state, kvm_part_regs, kvm_part_sregs, kvm_part_xsave, kvm_part_xcrs, kvm_part_debugregs, kvm_part_lapic,
  kvm_part_vcpu_events,
  // of a VM
  kvm_part_pic_master, kvm_part_pic_slave, kvm_part_ioapic, kvm_part_clock,
  kvm_part_count
};
/// Bytes of the struct; 0: there is no such part.
uint32_t kvm_part_bytes(uint32_t part);
/// `bytes` is `kvm_part_bytes` long and aligned to 16.
int kvm_get_part(int descriptor, uint32_t part, void *bytes);
int kvm_set_part(int descriptor, uint32_t part, void *bytes);

/// The host's time-stamp counter.
static inline uint64_t kvm_host_tsc(void) { return __builtin_ia32_rdtsc(); }

// --- struct kvm_run, shared with the kernel ---
// Swift imports unions without named members badly; these name the one that `exit_reason` makes valid.
struct kvm_mmio_exit { uint64_t address; uint8_t *data; uint32_t length; bool is_write; };
static inline struct kvm_mmio_exit kvm_run_mmio(struct kvm_run *run) {
  return (struct kvm_mmio_exit){run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write};
}
/// The data of a port exit begins at `data` and is `length * count` bytes long; `data_offset` comes from the kernel.
struct kvm_port_exit { uint16_t port; uint8_t *data; uint32_t length, count; bool is_write; };
static inline struct kvm_port_exit kvm_run_port(struct kvm_run *run) {
  return (struct kvm_port_exit){run->io.port, (uint8_t *)run + run->io.data_offset, run->io.size, run->io.count,
                                run->io.direction == KVM_EXIT_IO_OUT};
}
static inline uint32_t kvm_run_internal_suberror(const struct kvm_run *run) { return run->internal.suberror; }
/// The instruction the emulator gave up on: how many of `bytes` (15) are filled. 0 if the kernel did not say.
static inline uint32_t kvm_run_emulation_bytes(const struct kvm_run *run, uint8_t *bytes) {
  if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION || run->emulation_failure.ndata < 3) return 0;
  if (!(run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) return 0;
  uint32_t count = run->emulation_failure.insn_size;
  if (count > 15) count = 15;
  for (uint32_t i = 0; i < count; i++) bytes[i] = run->emulation_failure.insn_bytes[i];
  return count;
}
static inline uint64_t kvm_run_fail_entry_reason(const struct kvm_run *run) {
  return run->fail_entry.hardware_entry_failure_reason;
}
static inline uint32_t kvm_run_system_event(const struct kvm_run *run) { return run->system_event.type; }
#endif
