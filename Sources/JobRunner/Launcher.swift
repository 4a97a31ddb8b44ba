import Glibc
import LinuxSystem
import Sandbox
import SystemPackage

/// Starts `swiftlet-vmm` in its jail.
public struct Launcher: ~Copyable, Sendable {
    private let executable: OwnedDescriptor
    private let isVerbose: Bool
    private let groups: ControlGroups?
    private let isConfined: Bool

    /// - Parameters:
    ///   - path: The executable. Opened here and executed by descriptor, because the jail's user may not be able to walk
    ///     there.
    ///   - isVerbose: Lets the VMM's own messages through to our standard error.
    ///   - groups: Whether and where each VMM gets a cgroup of its own.
    ///   - isConfined: False: **no jail at all**, to measure what it costs.
    public init(
        path: String, isVerbose: Bool, groups: ControlGroups.Choice, isConfined: Bool = true
    ) throws(LaunchError) {
        let found = try ControlGroups.find(groups)
        do throws(Errno) {
            executable = try OwnedDescriptor.open(path, flags: O_RDONLY)
        } catch {
            throw .machine(path: path, error)
        }
        self.isVerbose = isVerbose
        self.groups = found
        self.isConfined = isConfined
    }

    public func start(_ machine: MachineStart) throws(LaunchError) -> MachineProcess {
        var descriptors = machine.descriptors.map { DescriptorAssignment($0.source, as: $0.target) }
        if isVerbose { descriptors.append(DescriptorAssignment(.standardError, as: 2)) }
        let group = try makeGroup(machine)
        do throws(SpawnError) {
            return try spawn(machine, descriptors, group)
        } catch {
            // A cgroup that was made and cannot be entered: not ours to give rights to.
            group?.removeWaiting()
            guard group != nil, error.step == .controlGroup || error.step == .clone else {
                throw .jail("\(error)")
            }
            if groups?.isRequired == true { throw .jail("\(error)") }
        }
        do throws(SpawnError) {
            return try spawn(machine, descriptors, nil)
        } catch {
            throw .jail("\(error)")
        }
    }

    private func spawn(
        _ machine: MachineStart, _ descriptors: [DescriptorAssignment], _ group: ControlGroup?
    ) throws(SpawnError) -> MachineProcess {
        let arguments = ["swiftlet-vmm"] + machine.arguments + (isConfined ? [] : ["--unconfined"])
        let process = try spawnJailed(
            .descriptor(executable.borrowed), arguments: arguments, descriptors: descriptors,
            group: group?.entry, unconfined: !isConfined)
        return MachineProcess(pidfd: process.pidfd, processID: process.processID, group: group)
    }

    /// Nil: this host has none for us; the VMM's own resource limits hold all the same.
    private func makeGroup(_ machine: MachineStart) throws(LaunchError) -> ControlGroup? {
        guard let groups else { return nil }
        do throws(Errno) {
            return try groups.make(guestBytes: machine.memoryBytes)
        } catch {
            if groups.isRequired { throw .controlGroup(path: groups.path, error) }
            return nil
        }
    }

    /// Removes what killed launchers left. Can wait until a machine boots.
    public func tidyUp() { groups?.sweep() }
}
