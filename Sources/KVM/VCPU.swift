public import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// One virtual CPU and its `struct kvm_run`. Stays on the thread that made it, as the KVM documentation asks.
public struct VCPU: ~Copyable {
    let descriptor: OwnedDescriptor
    private let runPage: RunPage
    // SAFETY: points to the start of `runPage`, which lives as long as `self`, was checked in `init` to hold a
    // struct kvm_run, and is written by the kernel only during KVM_RUN, which this thread calls.
    private let shared: UnsafeMutablePointer<kvm_run>

    init(owning descriptor: consuming OwnedDescriptor, runPageBytes: Int) throws(KVMError) {
        guard runPageBytes >= MemoryLayout<kvm_run>.size else { throw .runPageTooSmall(bytes: runPageBytes) }
        let page: Mapping
        do throws(Errno) {
            page = try Mapping(
                file: descriptor.borrowed, count: runPageBytes, protection: PROT_READ | PROT_WRITE,
                flags: MAP_SHARED)
        } catch {
            throw .call(.mapRunPage, error)
        }
        shared = page.baseAddress.assumingMemoryBound(to: kvm_run.self)
        runPage = RunPage(page)
        self.descriptor = descriptor
    }

    /// Leaves the vCPU open for the rest of the process's life: closing a VM takes 12–15 ms (docs/kvm.md §2), and the
    /// kernel does it anyway.
    public consuming func leave() {
        _ = descriptor.release()
        // On purpose never released: the vCPU thread's filter has no munmap.
        _ = Unmanaged.passRetained(runPage)
    }

    /// Runs the guest until it needs this program. (KVM_RUN, api.rst §4.10)
    public func run() throws(KVMError) -> VCPUExit {
        let result = kvm_run_vcpu(descriptor.borrowed.rawValue)
        if result < 0 {
            let error = Errno(rawValue: -result)
            if error == .interrupted { return .interrupted }
            if error == .resourceTemporarilyUnavailable { return .again }
            throw .call(.run, error)
        }
        return decodeExit()
    }

    /// Completes what the guest did when `run` came back, without running it further: only then are its registers those
    /// behind the instruction. (api.rst, KVM_EXIT_MMIO; struct kvm_run, immediate_exit)
    public func finishExit() throws(KVMError) {
        shared.pointee.immediate_exit = 1
        defer { shared.pointee.immediate_exit = 0 }
        guard case .interrupted = try run() else { throw .call(.run, .invalidArgument) }
    }

    /// Answers the `mmioRead` that `run` returned last; the guest sees the lowest bytes of `value`.
    public func answerRead(_ value: UInt64) {
        let exit = kvm_run_mmio(shared)
        // SAFETY: `data` is the 8-byte array in struct kvm_run.
        UnsafeMutableRawPointer(exit.data).storeBytes(of: value.littleEndian, as: UInt64.self)
    }

    /// Answers the `portRead` that `run` returned last: each byte is `value`. A bus without devices has all ones.
    public func answerPortRead(_ value: UInt8) {
        portBytes().update(repeating: value)
    }

    /// What the `portWrite` that `run` returned last has written.
    public func writtenPortBytes() -> [UInt8] { Array(portBytes()) }

    private func portBytes() -> UnsafeMutableBufferPointer<UInt8> {
        let exit = kvm_run_port(shared)
        let count = Int(exit.length) * Int(exit.count)
        let offset = UnsafeMutableRawPointer(exit.data) - UnsafeMutableRawPointer(shared)
        precondition(
            offset >= 0 && count <= runPage.mapping.count - offset,
            "the kernel's port data is in its run page")
        // SAFETY: checked above to be inside `runPage`.
        return UnsafeMutableBufferPointer(
            start: UnsafeMutableRawPointer(exit.data).assumingMemoryBound(to: UInt8.self), count: count)
    }

    private func decodeExit() -> VCPUExit {
        let reason = shared.pointee.exit_reason
        switch Int32(bitPattern: reason) {
        case KVM_EXIT_MMIO:
            let exit = kvm_run_mmio(shared)
            let length = min(Int(exit.length), 8)
            if !exit.is_write { return .mmioRead(address: exit.address, length: length) }
            // SAFETY: `data` is the 8-byte array in struct kvm_run.
            let raw = UnsafeRawPointer(exit.data).loadUnaligned(as: UInt64.self)
            let mask = length == 8 ? UInt64.max : (1 << UInt64(length * 8)) - 1
            return .mmioWrite(address: exit.address, length: length, value: UInt64(littleEndian: raw) & mask)
        case KVM_EXIT_IO:
            let exit = kvm_run_port(shared)
            return exit.is_write
                ? .portWrite(port: exit.port, length: Int(exit.length), count: Int(exit.count))
                : .portRead(port: exit.port, length: Int(exit.length), count: Int(exit.count))
        case KVM_EXIT_HLT: return .halted
        case KVM_EXIT_SHUTDOWN: return .shutdown
        case KVM_EXIT_INTERNAL_ERROR: return decodeInternalError()
        case KVM_EXIT_FAIL_ENTRY: return .failedEntry(reason: kvm_run_fail_entry_reason(shared))
        case KVM_EXIT_SYSTEM_EVENT: return .systemEvent(type: kvm_run_system_event(shared))
        case KVM_EXIT_INTR: return .interrupted
        default: return .unknown(reason: reason)
        }
    }

    private func decodeInternalError() -> VCPUExit {
        let bytes = [UInt8](unsafeUninitializedCapacity: 15) { buffer, count in
            count = Int(kvm_run_emulation_bytes(shared, buffer.baseAddress))
        }
        return .internalError(suberror: kvm_run_internal_suberror(shared), instruction: bytes)
    }
}

// State of the vCPU, one method per ioctl.
extension VCPU {
    /// KVM_GET_REGS, api.rst §4.11.
    public func registers() throws(KVMError) -> kvm_regs {
        var registers = kvm_regs()
        try checked(kvm_get_regs(descriptor.borrowed.rawValue, &registers), .getRegisters)
        return registers
    }

    /// KVM_SET_REGS, api.rst §4.12.
    public func setRegisters(_ registers: kvm_regs) throws(KVMError) {
        try withUnsafePointer(to: registers) { (pointer) throws(KVMError) in
            _ = try checked(kvm_set_regs(descriptor.borrowed.rawValue, pointer), .setRegisters)
        }
    }

    /// KVM_GET_SREGS, api.rst §4.13.
    public func specialRegisters() throws(KVMError) -> kvm_sregs {
        var registers = kvm_sregs()
        try checked(kvm_get_sregs(descriptor.borrowed.rawValue, &registers), .getSpecialRegisters)
        return registers
    }

    /// Needs the CPUID set before: KVM checks CR4 and EFER against it. (KVM_SET_SREGS, api.rst §4.14)
    public func setSpecialRegisters(_ registers: kvm_sregs) throws(KVMError) {
        try withUnsafePointer(to: registers) { (pointer) throws(KVMError) in
            _ = try checked(kvm_set_sregs(descriptor.borrowed.rawValue, pointer), .setSpecialRegisters)
        }
    }

    /// Needs CR4.OSXSAVE and the CPUID set before. (KVM_SET_XCRS, api.rst §4.44)
    public func setXCR0(_ value: UInt64) throws(KVMError) {
        try checked(kvm_set_xcr0(descriptor.borrowed.rawValue, value), .setExtendedControlRegisters)
    }

    /// Sets all of `values` or throws, naming the first that KVM refused. (KVM_SET_MSRS, api.rst §4.19)
    public func setMSRs(_ values: [(index: UInt32, value: UInt64)]) throws(KVMError) {
        let entries = values.map { kvm_msr_entry(index: $0.index, reserved: 0, data: $0.value) }
        let set = try checked(
            kvm_set_msrs(descriptor.borrowed.rawValue, entries, UInt32(entries.count)), .setMSRs)
        if Int(set) < entries.count { throw .msrRefused(index: entries[Int(set)].index) }
    }

    /// KVM_SET_CPUID2, api.rst §4.21.
    public func setCPUID(_ table: CPUIDTable) throws(KVMError) {
        let entries = table.entries
        try checked(
            kvm_set_cpuid(descriptor.borrowed.rawValue, entries, UInt32(entries.count)), .setCPUID)
    }

    /// The guest's TSC frequency in Hz. (KVM_GET_TSC_KHZ, api.rst §4.56)
    public func tscFrequency() throws(KVMError) -> UInt64 {
        UInt64(try checked(kvm_get_tsc_khz(descriptor.borrowed.rawValue), .getTSCFrequency)) * 1000
    }
}

/// The mapping behind `VCPU.shared`, in a box that can be left.
private final class RunPage: Sendable {
    let mapping: Mapping

    init(_ mapping: consuming Mapping) { self.mapping = mapping }
}
