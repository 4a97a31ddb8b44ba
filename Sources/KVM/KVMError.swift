public import SystemPackage

/// The ioctl an error comes from, by the name the KVM API documentation gives it.
public enum KVMCall: String, Sendable {
    case getAPIVersion = "KVM_GET_API_VERSION"
    case createVM = "KVM_CREATE_VM"
    case getVCPUMapSize = "KVM_GET_VCPU_MMAP_SIZE"
    case getSupportedCPUID = "KVM_GET_SUPPORTED_CPUID"
    case setUserMemoryRegion = "KVM_SET_USER_MEMORY_REGION"
    case setTSSAddress = "KVM_SET_TSS_ADDR"
    case setIdentityMapAddress = "KVM_SET_IDENTITY_MAP_ADDR"
    case createIRQChip = "KVM_CREATE_IRQCHIP"
    case setIRQChip = "KVM_SET_IRQCHIP"
    case createVCPU = "KVM_CREATE_VCPU"
    case ioeventfd = "KVM_IOEVENTFD"
    case irqfd = "KVM_IRQFD"
    case run = "KVM_RUN"
    case getRegisters = "KVM_GET_REGS"
    case setRegisters = "KVM_SET_REGS"
    case getSpecialRegisters = "KVM_GET_SREGS"
    case setSpecialRegisters = "KVM_SET_SREGS"
    case setExtendedControlRegisters = "KVM_SET_XCRS"
    case setMSRs = "KVM_SET_MSRS"
    case setCPUID = "KVM_SET_CPUID2"
    case getTSCFrequency = "KVM_GET_TSC_KHZ"
    case getMSRs = "KVM_GET_MSRS"
    case setTSCOffset = "KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_OFFSET"
    case getPart = "reading a part of the machine's state"
    case setPart = "setting a part of the machine's state"
    case mapRunPage = "mmap of struct kvm_run"
}

/// KVM refused something. All of these are the host's fault, none is the guest's.
public enum KVMError: Error, Equatable, CustomStringConvertible {
    case call(KVMCall, Errno)
    /// KVM_GET_API_VERSION answered something else than 12, which every kernel since 2.6.22 answers.
    case apiVersion(CInt)
    /// KVM_SET_MSRS stopped at this one.
    case msrRefused(index: UInt32)
    /// The kernel's struct kvm_run is smaller than the one this program was compiled with.
    case runPageTooSmall(bytes: Int)

    public var description: String {
        switch self {
        case .call(let call, let error): "\(call.rawValue): \(error)"
        case .apiVersion(let version): "KVM API version \(version), 12 is needed"
        case .msrRefused(let index): "KVM_SET_MSRS: MSR 0x\(String(index, radix: 16)) was refused"
        case .runPageTooSmall(let bytes): "struct kvm_run has only \(bytes) bytes"
        }
    }
}

/// Turns a shim's result (0 or more, or -errno) into a value or an error that names the ioctl.
@discardableResult
@inline(__always)
func checked(_ result: CInt, _ call: KVMCall) throws(KVMError) -> CInt {
    if result < 0 { throw .call(call, Errno(rawValue: -result)) }
    return result
}
