import Glibc
import LinuxSystem
import Sandbox
import SystemPackage

/// Starts `swiftlet-vmm` in its jail.
public struct Launcher: ~Copyable, Sendable {
    private let executable: OwnedDescriptor
    private let isVerbose: Bool

    /// - Parameters:
    ///   - path: The executable. Opened here and executed by descriptor, because the jail's user may not be able to walk
    ///     there.
    ///   - isVerbose: Lets the VMM's own messages through to our standard error.
    public init(path: String, isVerbose: Bool) throws(LaunchError) {
        do throws(Errno) {
            executable = try OwnedDescriptor.open(path, flags: O_RDONLY)
        } catch {
            throw .machine(path: path, error)
        }
        self.isVerbose = isVerbose
    }

    public func start(_ machine: MachineStart) throws(LaunchError) -> MachineProcess {
        var descriptors = machine.descriptors.map { DescriptorAssignment($0.source, as: $0.target) }
        if isVerbose { descriptors.append(DescriptorAssignment(.standardError, as: 2)) }
        do throws(SpawnError) {
            let process = try spawnJailed(
                .descriptor(executable.borrowed), arguments: ["swiftlet-vmm"] + machine.arguments,
                descriptors: descriptors)
            return MachineProcess(pidfd: process.pidfd, processID: process.processID)
        } catch {
            throw .jail("\(error)")
        }
    }
}
