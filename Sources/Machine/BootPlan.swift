import KVM

/// The guest and everything else that the vCPU needs before its first instruction.
struct BootPlan: Sendable {
    let guest: LoadedGuest
    let cpuid: CPUIDTable
    /// 48 bytes for the boot page.
    let random: [UInt8]
}
