import CLinux
import LinuxSystem
public import SystemPackage

/// One VM. Give it its memory before its irqchip and vCPU: afterwards each region costs milliseconds (docs/kvm.md §2).
public struct VirtualMachine: ~Copyable, Sendable {
    let descriptor: OwnedDescriptor
    private let runPageBytes: Int

    init(owning descriptor: consuming OwnedDescriptor, runPageBytes: Int) {
        self.descriptor = descriptor
        self.runPageBytes = runPageBytes
    }

    /// Makes `bytes` of this process's memory guest-physical memory. (KVM_SET_USER_MEMORY_REGION, api.rst §4.35)
    ///
    /// - Parameters:
    ///   - slot: Names the region; each slot holds one.
    ///   - host: Address of memory in this process that stays mapped as long as the VM lives. Page-aligned, as are `guest`
    ///     and `bytes`.
    ///   - readOnly: Guest writes do not reach it (KVM_MEM_READONLY); they exit as MMIO.
    public func setMemory(
        slot: UInt32, guest: UInt64, bytes: UInt64, host: UInt, readOnly: Bool = false
    ) throws(KVMError) {
        var region = kvm_userspace_memory_region()
        region.slot = slot
        region.flags = readOnly ? UInt32(KVM_MEM_READONLY) : 0
        region.guest_phys_addr = guest
        region.memory_size = bytes
        region.userspace_addr = UInt64(host)
        try checked(kvm_set_user_memory_region(descriptor.borrowed.rawValue, &region), .setUserMemoryRegion)
    }

    /// Three pages for Intel CPUs that cannot run real mode natively. The guest never sees them.
    /// (KVM_SET_TSS_ADDR, api.rst §4.36)
    public func setTSSAddress(_ address: UInt32) throws(KVMError) {
        try checked(kvm_set_tss_address(descriptor.borrowed.rawValue, address), .setTSSAddress)
    }

    /// The same CPUs' identity-mapped page table. (KVM_SET_IDENTITY_MAP_ADDR, api.rst §4.45)
    public func setIdentityMapAddress(_ address: UInt64) throws(KVMError) {
        try checked(
            kvm_set_identity_map_address(descriptor.borrowed.rawValue, address), .setIdentityMapAddress)
    }

    /// IOAPIC and local APICs in the kernel, and a masked PIC; no PIT. (KVM_CREATE_IRQCHIP, api.rst §4.24)
    ///
    /// KVM routes each of the first 16 interrupts to the PIC as well, which begins unmasked, with vector base 0, and
    /// reaches the CPU through LINT0: a device on pin 5 would also raise vector 5, #BR, in whatever program runs.
    public func makeIRQChip() throws(KVMError) {
        try checked(kvm_create_irqchip(descriptor.borrowed.rawValue), .createIRQChip)
        try checked(kvm_mask_pic(descriptor.borrowed.rawValue), .setIRQChip)
    }

    /// Creates vCPU `index`. Every later call to it must come from the thread that calls this.
    /// (KVM_CREATE_VCPU, api.rst §4.7)
    public func makeVCPU(index: UInt32) throws(KVMError) -> VCPU {
        let result = try checked(kvm_create_vcpu(descriptor.borrowed.rawValue, index), .createVCPU)
        return try VCPU(
            owning: OwnedDescriptor(owning: FileDescriptor(rawValue: result)), runPageBytes: runPageBytes)
    }

    /// A 4-byte guest write of `value` to `address` signals `event` and does not exit. (KVM_IOEVENTFD, api.rst §4.59)
    public func signal(
        _ event: FileDescriptor, onWriteOf value: UInt32, to address: UInt64
    ) throws(KVMError) {
        var binding = kvm_ioeventfd()
        binding.addr = address
        binding.len = 4
        binding.datamatch = UInt64(value)
        binding.fd = event.rawValue
        binding.flags = 1 << UInt32(kvm_ioeventfd_flag_nr_datamatch)
        try checked(kvm_ioeventfd(descriptor.borrowed.rawValue, &binding), .ioeventfd)
    }

    /// A signal on `event` becomes an edge on interrupt line `gsi`. (KVM_IRQFD, api.rst §4.75)
    public func interrupt(_ gsi: UInt32, on event: FileDescriptor) throws(KVMError) {
        var binding = kvm_irqfd()
        binding.fd = UInt32(bitPattern: event.rawValue)
        binding.gsi = gsi
        try checked(kvm_irqfd(descriptor.borrowed.rawValue, &binding), .irqfd)
    }
}
