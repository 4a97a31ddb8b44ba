import Glibc
import LinuxSystem
import Sandbox
import SystemPackage

/// Starts `swiftlet-vmm` in its jail.
public struct Launcher: ~Copyable, Sendable {
    private let executable: OwnedDescriptor
    private let isVerbose: Bool
    private let isConfined: Bool

    /// - Parameters:
    ///   - path: The executable. Opened here and executed by descriptor, because the jail's user may not be able to walk
    ///     there.
    ///   - isVerbose: Lets the VMM's own messages through to our standard error.
    ///   - isConfined: False: **no jail at all**, to measure what it costs.
    public init(path: String, isVerbose: Bool, isConfined: Bool = true) throws(LaunchError) {
        do throws(Errno) {
            executable = try OwnedDescriptor.open(path, flags: O_RDONLY)
        } catch {
            throw .machine(path: path, error)
        }
        self.isVerbose = isVerbose
        self.isConfined = isConfined
    }

    public func start(_ machine: MachineStart) throws(LaunchError) -> MachineProcess {
        var descriptors = machine.descriptors.map { DescriptorAssignment($0.source, as: $0.target) }
        if isVerbose { descriptors.append(DescriptorAssignment(.standardError, as: 2)) }
        let arguments = ["swiftlet-vmm"] + machine.arguments + (isConfined ? [] : ["--unconfined"])
        do throws(SpawnError) {
            let process = try spawnJailed(
                .descriptor(executable.borrowed), arguments: arguments, descriptors: descriptors,
                unconfined: !isConfined)
            return MachineProcess(pidfd: process.pidfd, processID: process.processID)
        } catch {
            throw .jail("\(error)")
        }
    }
}
