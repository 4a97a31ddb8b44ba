import CLinux

// A vCPU and its VM, whole: what of them is not in guest memory. Read by who saves a machine, set in one that goes on.
// Order and pitfalls: Documentation/virt/kvm/api.rst; what each ioctl's struct says is KVM's own business.

/// One struct of KVM's each; nobody here looks into it.
public struct MachinePart: Sendable, Equatable {
    public let kind: UInt32
    public var bytes: [UInt8]

    /// - Returns: nil for a kind that does not exist or bytes that are not as many as its struct has.
    public init?(kind: UInt32, bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count == Int(kvm_part_bytes(kind)) else { return nil }
        self.kind = kind
        self.bytes = bytes
    }

    /// Of a vCPU, in the order in which they are set: registers before the local APIC, whose place they know, and what is
    /// pending last.
    public static let ofProcessor: Range<UInt32> = kvm_part_mp_state.rawValue..<kvm_part_pic_master.rawValue
    public static let ofMachine: Range<UInt32> = kvm_part_pic_master.rawValue..<kvm_part_count.rawValue

    /// Bytes of the struct of a kind that exists.
    public static func byteCount(_ kind: UInt32) -> Int { Int(kvm_part_bytes(kind)) }

    static func read(_ kinds: Range<UInt32>, of descriptor: CInt) throws(KVMError) -> [MachinePart] {
        var parts: [MachinePart] = []
        for kind in kinds {
            let count = byteCount(kind)
            var result: CInt = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { aligned in
                    result = kvm_get_part(descriptor, kind, aligned.baseAddress)
                    for index in 0..<count { buffer.initializeElement(at: index, to: aligned[index]) }
                }
                initialized = count
            }
            try checked(result, .getPart)
            if let part = MachinePart(kind: kind, bytes: bytes) { parts.append(part) }
        }
        return parts
    }

    func set(_ descriptor: CInt) throws(KVMError) {
        let result = withUnsafeTemporaryAllocation(byteCount: bytes.count, alignment: 16) { aligned in
            aligned.copyBytes(from: bytes)
            return kvm_set_part(descriptor, kind, aligned.baseAddress)
        }
        try checked(result, .setPart)
    }
}

/// Model-specific registers that a Linux guest sets and relies on, and KVM keeps. Sources: Linux 6.12,
/// arch/x86/include/asm/msr-index.h and asm/kvm_para.h.
public enum SavedMSR {
    static let timeStampCounter: UInt32 = 0x10
    static let deadline: UInt32 = 0x6E0

    public static let all: [UInt32] =
        // Feature control, machine check, system calls of 32 bits, miscellaneous.
        [0x48, 0x122, 0x174, 0x175, 0x176, 0x17A, 0x1A0]
        // Memory types: variable ranges, fixed ranges, page attributes, default.
        + (0x200...0x20F) + [0x250, 0x258, 0x259] + (0x268...0x26F) + [0x277, 0x2FF]
        // Shadow stacks; supervisor state of XSAVES.
        + [0x6A0, 0x6A2, 0x6A4, 0x6A5, 0x6A6, 0x6A7, 0x6A8, 0xDA0]
        // STAR, LSTAR, CSTAR, SYSCALL_MASK; KERNEL_GS_BASE, TSC_AUX.
        + [0xC000_0081, 0xC000_0082, 0xC000_0083, 0xC000_0084, 0xC000_0102, 0xC000_0103]
        // AMD: HWCR, LS_CFG's successor for speculation.
        + [0xC001_0015, 0xC001_011F]
        // KVM's clocks and hints to its guests.
        + [0x11, 0x12] + (0x4B56_4D00...0x4B56_4D08)
        // Behind the local APIC, which forgets it when it is set.
        + [deadline]
}

/// What a vCPU has outside guest memory.
public struct SavedProcessor: Sendable, Equatable {
    public var parts: [MachinePart]
    public var msrs: [MSR]
    /// The guest's, at the moment of the reading; it goes on from there.
    public var timeStamp: UInt64
    /// Of the guest's time-stamp counter, in Hz.
    public var frequency: UInt64

    /// What the guest's counter is ahead of the host's, modulo 2^64, if it goes on now. The same for all of a VM's vCPUs.
    public var tscOffset: UInt64 { timeStamp &- kvm_host_tsc() }

    public struct MSR: Sendable, Equatable {
        public var index: UInt32
        public var value: UInt64

        public init(index: UInt32, value: UInt64) {
            self.index = index
            self.value = value
        }
    }

    public init(parts: [MachinePart], msrs: [MSR], timeStamp: UInt64, frequency: UInt64) {
        self.parts = parts
        self.msrs = msrs
        self.timeStamp = timeStamp
        self.frequency = frequency
    }
}

extension VCPU {
    /// All that `restore` needs. The vCPU must have completed its last exit (`finishExit`).
    public func save() throws(KVMError) -> SavedProcessor {
        let file = descriptor.borrowed.rawValue
        var msrs: [SavedProcessor.MSR] = []
        var rest = SavedMSR.all[...]
        // KVM stops at the first that this processor does not have.
        while !rest.isEmpty {
            let values = try read(msrs: rest)
            msrs += values
            rest = rest.dropFirst(values.count + 1)
        }
        let parts = try MachinePart.read(MachinePart.ofProcessor, of: file)
        let time = try read(msrs: [SavedMSR.timeStampCounter]).first?.value
        return SavedProcessor(
            parts: parts, msrs: msrs, timeStamp: time ?? 0, frequency: try tscFrequency())
    }

    private func read(msrs indices: ArraySlice<UInt32>) throws(KVMError) -> [SavedProcessor.MSR] {
        var entries = indices.map { kvm_msr_entry(index: $0, reserved: 0, data: 0) }
        let count = try checked(
            kvm_get_msrs(descriptor.borrowed.rawValue, &entries, UInt32(entries.count)), .getMSRs)
        return entries.prefix(Int(count)).map { .init(index: $0.index, value: $0.data) }
    }

    /// Makes a fresh vCPU of the same CPUID (`setCPUID` first) what the saved one was.
    /// - Parameter tscOffset: `saved`'s, of one moment.
    public func restore(_ saved: SavedProcessor, tscOffset: UInt64) throws(KVMError) {
        let file = descriptor.borrowed.rawValue
        for part in saved.parts where part.kind != kvm_part_vcpu_events.rawValue { try part.set(file) }
        try setMSRs(saved.msrs.filter { $0.index != SavedMSR.deadline }.map { ($0.index, $0.value) })
        try setTSCOffset(tscOffset)
        try setMSRs(saved.msrs.filter { $0.index == SavedMSR.deadline }.map { ($0.index, $0.value) })
        for part in saved.parts where part.kind == kvm_part_vcpu_events.rawValue { try part.set(file) }
    }

    /// Sets the time-stamp counter by what it is ahead of the host's (KVM_VCPU_TSC_OFFSET): KVM takes a value that is a
    /// second or less from zero for an attempt to set it to zero.
    public func setTSCOffset(_ offset: UInt64) throws(KVMError) {
        try checked(kvm_set_tsc_offset(descriptor.borrowed.rawValue, offset), .setTSCOffset)
    }
}

extension VirtualMachine {
    /// Its interrupt controllers and its clock.
    public func save() throws(KVMError) -> [MachinePart] {
        try MachinePart.read(MachinePart.ofMachine, of: descriptor.borrowed.rawValue)
    }

    /// The clock goes on where it was.
    public func restore(_ parts: [MachinePart]) throws(KVMError) {
        for part in parts { try part.set(descriptor.borrowed.rawValue) }
    }
}
