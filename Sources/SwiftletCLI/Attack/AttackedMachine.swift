import CLinux
import Glibc
import JobRunner
import LinuxSystem
import Synchronization
import SystemPackage

/// Starts one VMM and keeps its pidfd, so that its end can be seen when the job is long judged.
final class AttackedMachine: Sendable {
    private let launcher: Launcher
    private let started = Mutex<OwnedDescriptor?>(nil)
    private let group = Mutex<ControlGroup?>(nil)

    init() throws(LaunchError) {
        launcher = try Launcher(path: OwnFiles.machine, isVerbose: false, groups: .automatic)
    }

    func start(_ machine: MachineStart) throws(LaunchError) -> MachineProcess {
        let process = try launcher.start(machine)
        let group = process.group
        self.group.withLock { $0 = group }
        do throws(Errno) {
            var copy: OwnedDescriptor? = try process.pidfd.duplicate()
            started.withLock { $0 = copy.take() }
        } catch {
            process.kill()
            throw .system(doing: "keeping the machine's pidfd", errno: error)
        }
        return process
    }

    /// Waits for the end of a VMM that was told to go, reaps it and removes its cgroup.
    ///
    /// - Returns: false if it is still there after `nanoseconds`. True if none was started.
    func hasGone(within nanoseconds: UInt64) -> Bool {
        started.withLock { started in
            guard let process = started.take() else { return true }
            var entry = pollfd(fd: process.borrowed.rawValue, events: Int16(POLLIN), revents: 0)
            guard linux_poll_many(&entry, 1, nanoseconds) == 1 else { return false }
            var end = linux_process_end()
            // An error: it had ended before, and was reaped then.
            let hasEnded = linux_process_ended(process.borrowed.rawValue, 1, &end) != 0
            if hasEnded { group.withLock { $0.take()?.removeWaiting() } }
            return hasEnded
        }
    }
}
