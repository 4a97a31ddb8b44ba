import CLinux
import Glibc
import JobWire
import LinuxSystem
import Sandbox
import SystemPackage

/// One VM in this process, from its descriptors to its end. Two threads: the caller's becomes the device loop, a second
/// one is the vCPU's and also creates the VM, because that takes longest.
///
///     main:  layout, devices │ kernel, CPUID │ jail │ filter │ device loop ……………………… drain, `ended`, exit
///     vCPU:  KVM_CREATE_VM, memory │ ioeventfds, vCPU │ registers │ boot page │ filter │ KVM_RUN …
public enum Machine {
    /// Builds the machine, runs it and ends the process: status 0 if the guest powered off, 1 otherwise.
    ///
    /// - Parameters:
    ///   - mainEntered: CLOCK_MONOTONIC nanoseconds at the start of `main`.
    ///   - probe: For tests of the confinement. `swiftlet-vmm` has none.
    public static func run(
        _ configuration: MachineConfiguration, mainEntered: UInt64, probe: MachineProbe? = nil
    ) -> Never {
        let events = EventChannel(socket: configuration.events, hasDebugLog: configuration.hasDebugLog)
        do throws(MachineError) {
            try prepareProcess(configuration, installsFilters: probe?.installsFilters ?? true)
            let machine = try RunningMachine(
                MachinePlan(configuration), events: events, mainEntered: mainEntered, probe: probe)
            try machine.run()
        } catch {
            events.send(.ended(cause: .vmmError, message: Array(error.description.utf8)))
        }
        _exit(1)
    }

    /// What must come before the process has a second thread.
    private static func prepareProcess(
        _ configuration: MachineConfiguration, installsFilters: Bool
    ) throws(MachineError) {
        // One heap for both threads: they allocate little, and a second heap costs 100 µs to make.
        jail_use_one_heap()
        try MachineError.naming("ignoring SIGPIPE") { () throws(Errno) in try ignoreBrokenPipeSignal() }
        if configuration.isUnconfined {
            let warning = "swiftlet-vmm: UNCONFINED: the guest's machine runs without its jail\n"
            try? FileDescriptor.standardError.write(all: Array(warning.utf8))
            return
        }
        try MachineError.jailing { () throws(JailError) in
            if !Jail.isSpawned { try Jail.makeOwnNamespaces() }
            try Jail.renouncePrivileges()
            if installsFilters {
                try SyscallFilter(.setUp(before: configuration.policyOfAnyGuest.rules)).install()
            }
        }
    }
}
