import Sandbox

/// What is put on the thread of each of the guest's processors before its first instruction.
struct VCPUJail: Sendable {
    let isUnconfined: Bool
    let installsFilters: Bool
    /// Of a machine that becomes a template with all that KVM has of it.
    let savesMachine: Bool

    func close() throws(MachineError) {
        if isUnconfined { return }
        try MachineError.jailing { () throws(JailError) in
            try Jail.lockThread()
            if installsFilters { try SyscallFilter(savesMachine ? .vcpuThatSaves : .vcpu).install() }
        }
    }
}
