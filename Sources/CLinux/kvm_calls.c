#include "kvm_calls.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

static int call(int descriptor, unsigned long request, const void *argument) {
  int result = ioctl(descriptor, request, argument);
  return result < 0 ? -errno : result;
}
static int call_value(int descriptor, unsigned long request, unsigned long argument) {
  int result = ioctl(descriptor, request, argument);
  return result < 0 ? -errno : result;
}

int kvm_get_api_version(int system) { return call_value(system, KVM_GET_API_VERSION, 0); }
int kvm_create_vm(int system) { return call_value(system, KVM_CREATE_VM, 0); }
int kvm_check_extension(int descriptor, uint32_t capability) {
  return call_value(descriptor, KVM_CHECK_EXTENSION, capability);
}
int kvm_get_vcpu_mmap_size(int system) { return call_value(system, KVM_GET_VCPU_MMAP_SIZE, 0); }

// struct kvm_cpuid2 and struct kvm_msrs with room for their entries: the kernel wants header and entries in one block.
// 256 CPUID entries are the kernel's own limit (KVM_MAX_CPUID_ENTRIES).
enum { cpuid_maximum = 256, msr_maximum = 128 };
struct cpuid_block { uint32_t count, padding; struct kvm_cpuid_entry2 entries[cpuid_maximum]; };
struct msr_block { uint32_t count, padding; struct kvm_msr_entry entries[msr_maximum]; };
_Static_assert(offsetof(struct cpuid_block, entries) == sizeof(struct kvm_cpuid2), "as struct kvm_cpuid2");
_Static_assert(offsetof(struct msr_block, entries) == sizeof(struct kvm_msrs), "as struct kvm_msrs");

int kvm_get_supported_cpuid(int system, struct kvm_cpuid_entry2 *entries, uint32_t capacity) {
  struct cpuid_block block;
  block.count = cpuid_maximum;
  block.padding = 0;
  int result = call(system, KVM_GET_SUPPORTED_CPUID, &block);
  if (result < 0) return result;
  if (block.count > capacity) return -E2BIG;
  memcpy(entries, block.entries, block.count * sizeof *entries);
  return (int)block.count;
}

int kvm_set_user_memory_region(int vm, const struct kvm_userspace_memory_region *region) {
  return call(vm, KVM_SET_USER_MEMORY_REGION, region);
}
int kvm_set_tss_address(int vm, uint32_t guest_physical) { return call_value(vm, KVM_SET_TSS_ADDR, guest_physical); }
int kvm_set_identity_map_address(int vm, uint64_t guest_physical) {
  return call(vm, KVM_SET_IDENTITY_MAP_ADDR, &guest_physical);
}
int kvm_create_irqchip(int vm) { return call_value(vm, KVM_CREATE_IRQCHIP, 0); }
int kvm_mask_pic(int vm) {
  static const uint32_t chips[] = {KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE};
  for (unsigned i = 0; i < 2; i++) {
    struct kvm_irqchip chip = {.chip_id = chips[i]};
    int result = call(vm, KVM_GET_IRQCHIP, &chip);
    if (result < 0) return result;
    chip.chip.pic.imr = 0xFF;
    result = call(vm, KVM_SET_IRQCHIP, &chip);
    if (result < 0) return result;
  }
  return 0;
}
int kvm_create_vcpu(int vm, uint32_t index) { return call_value(vm, KVM_CREATE_VCPU, index); }
int kvm_ioeventfd(int vm, const struct kvm_ioeventfd *binding) { return call(vm, KVM_IOEVENTFD, binding); }
int kvm_irqfd(int vm, const struct kvm_irqfd *binding) { return call(vm, KVM_IRQFD, binding); }

int kvm_run_vcpu(int vcpu) { return call_value(vcpu, KVM_RUN, 0); }
int kvm_get_regs(int vcpu, struct kvm_regs *registers) { return call(vcpu, KVM_GET_REGS, registers); }
int kvm_set_regs(int vcpu, const struct kvm_regs *registers) { return call(vcpu, KVM_SET_REGS, registers); }
int kvm_get_sregs(int vcpu, struct kvm_sregs *registers) { return call(vcpu, KVM_GET_SREGS, registers); }
int kvm_set_sregs(int vcpu, const struct kvm_sregs *registers) { return call(vcpu, KVM_SET_SREGS, registers); }
int kvm_set_xcr0(int vcpu, uint64_t value) {
  struct kvm_xcrs registers;
  memset(&registers, 0, sizeof registers);
  registers.nr_xcrs = 1;
  registers.xcrs[0].value = value;
  return call(vcpu, KVM_SET_XCRS, &registers);
}
int kvm_set_msrs(int vcpu, const struct kvm_msr_entry *entries, uint32_t count) {
  struct msr_block block;
  if (count > msr_maximum) return -E2BIG;
  block.count = count;
  block.padding = 0;
  memcpy(block.entries, entries, count * sizeof *entries);
  return call(vcpu, KVM_SET_MSRS, &block);
}
int kvm_get_msrs(int vcpu, struct kvm_msr_entry *entries, uint32_t count) {
  struct msr_block block;
  if (count > msr_maximum) return -E2BIG;
  block.count = count;
  block.padding = 0;
  memcpy(block.entries, entries, count * sizeof *entries);
  int result = call(vcpu, KVM_GET_MSRS, &block);
  if (result > 0) memcpy(entries, block.entries, (unsigned)result * sizeof *entries);
  return result;
}
int kvm_set_cpuid(int vcpu, const struct kvm_cpuid_entry2 *entries, uint32_t count) {
  struct cpuid_block block;
  if (count > cpuid_maximum) return -E2BIG;
  block.count = count;
  block.padding = 0;
  memcpy(block.entries, entries, count * sizeof *entries);
  return call(vcpu, KVM_SET_CPUID2, &block);
}
int kvm_get_tsc_khz(int vcpu) { return call_value(vcpu, KVM_GET_TSC_KHZ, 0); }
int kvm_set_tsc_offset(int vcpu, uint64_t offset) {
  struct kvm_device_attr attribute = {
      .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uint64_t)(uintptr_t)&offset};
  return call(vcpu, KVM_SET_DEVICE_ATTR, &attribute);
}

static const struct { unsigned long get, set; uint32_t bytes; } parts[kvm_part_count] = {
    [kvm_part_mp_state] = {KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state)},
    [kvm_part_regs] = {KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs)},
    [kvm_part_sregs] = {KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs)},
    [kvm_part_xsave] = {KVM_GET_XSAVE, KVM_SET_XSAVE, sizeof(struct kvm_xsave)},
    [kvm_part_xcrs] = {KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs)},
    [kvm_part_debugregs] = {KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, sizeof(struct kvm_debugregs)},
    [kvm_part_lapic] = {KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state)},
    [kvm_part_vcpu_events] = {KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, sizeof(struct kvm_vcpu_events)},
    [kvm_part_pic_master] = {KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip)},
    [kvm_part_pic_slave] = {KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip)},
    [kvm_part_ioapic] = {KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip)},
    [kvm_part_clock] = {KVM_GET_CLOCK, KVM_SET_CLOCK, sizeof(struct kvm_clock_data)},
};

/// What the caller of a request has to fill in, whoever wrote the rest.
static void address_part(uint32_t part, void *bytes) {
  if (part == kvm_part_clock)
    // The guest's clock goes on where it was: by default KVM would add the time that has gone by since (KVM_CLOCK_REALTIME).
    ((struct kvm_clock_data *)bytes)->flags = 0;
  else if (part >= kvm_part_pic_master && part <= kvm_part_ioapic)
    ((struct kvm_irqchip *)bytes)->chip_id = KVM_IRQCHIP_PIC_MASTER + (part - kvm_part_pic_master);
}
uint32_t kvm_part_bytes(uint32_t part) { return part < kvm_part_count ? parts[part].bytes : 0; }
int kvm_get_part(int descriptor, uint32_t part, void *bytes) {
  if (part >= kvm_part_count) return -EINVAL;
  memset(bytes, 0, parts[part].bytes);
  address_part(part, bytes);
  return call(descriptor, parts[part].get, bytes);
}
int kvm_set_part(int descriptor, uint32_t part, void *bytes) {
  if (part >= kvm_part_count) return -EINVAL;
  address_part(part, bytes);
  return call(descriptor, parts[part].set, bytes);
}
