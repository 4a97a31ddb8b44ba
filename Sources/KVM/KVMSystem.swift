import CLinux
public import LinuxSystem
import SystemPackage

/// `/dev/kvm`: what belongs to no VM.
public struct KVMSystem: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// Takes an open `/dev/kvm` and checks that it is one.
    ///
    /// - Throws: `KVMError.call(.getAPIVersion, .inappropriateIOControl)` for any other file.
    public init(owning descriptor: consuming OwnedDescriptor) throws(KVMError) {
        let version = try checked(kvm_get_api_version(descriptor.borrowed.rawValue), .getAPIVersion)
        guard version == KVM_API_VERSION else { throw .apiVersion(version) }
        self.descriptor = descriptor
    }

    /// Creates a VM with no memory and no vCPU. (KVM_CREATE_VM, api.rst §4.2)
    public func makeVM() throws(KVMError) -> VirtualMachine {
        // A signal may interrupt the creation of KVM's worker thread; the call is then to be repeated.
        while true {
            let result = kvm_create_vm(descriptor.borrowed.rawValue)
            if result == -Errno.interrupted.rawValue { continue }
            let vm = OwnedDescriptor(owning: FileDescriptor(rawValue: try checked(result, .createVM)))
            let size = try checked(kvm_get_vcpu_mmap_size(descriptor.borrowed.rawValue), .getVCPUMapSize)
            return VirtualMachine(owning: vm, runPageBytes: Int(size))
        }
    }

    /// The CPUID leaves that this KVM on this CPU can offer. Costs 0.4 ms where CPUID itself is intercepted.
    /// (KVM_GET_SUPPORTED_CPUID, api.rst §4.46)
    public func supportedCPUID() throws(KVMError) -> CPUIDTable {
        let capacity = Int(CPUIDTable.maximumEntries)
        var failure: KVMError?
        let entries = [kvm_cpuid_entry2](unsafeUninitializedCapacity: capacity) { buffer, count in
            do throws(KVMError) {
                let filled = kvm_get_supported_cpuid(
                    descriptor.borrowed.rawValue, buffer.baseAddress, UInt32(capacity))
                count = Int(try checked(filled, .getSupportedCPUID))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return CPUIDTable(entries: entries)
    }
}
