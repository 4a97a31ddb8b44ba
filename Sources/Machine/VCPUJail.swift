import Sandbox

/// What is put on the thread of each of the guest's processors before its first instruction.
struct VCPUJail: Sendable {
    let isUnconfined: Bool
    let installsFilters: Bool

    func close() throws(MachineError) {
        if isUnconfined { return }
        try MachineError.jailing { () throws(JailError) in
            try Jail.lockThread()
            if installsFilters { try SyscallFilter(.vcpu).install() }
        }
    }
}
