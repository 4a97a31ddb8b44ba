import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// Ends and reaps the VMMs of a process that runs many jobs, and removes their cgroups. A VM takes some 15 ms to close and
/// its job's result does not wait for that; but without this each would stay as a zombie.
public final class Reaper: Sendable {
    private final class Child: Sendable {
        let pidfd: OwnedDescriptor
        let group: ControlGroup?
        init(_ pidfd: consuming OwnedDescriptor, _ group: ControlGroup?) {
            self.pidfd = pidfd
            self.group = group
        }

        /// Whether it and its cgroup are gone; waits for the process's end if asked to.
        func isGone(waiting: Bool) -> Bool {
            var end = linux_process_end()
            guard linux_process_ended(pidfd.borrowed.rawValue, waiting ? 1 : 0, &end) != 0 else {
                return false
            }
            return group?.remove() ?? true
        }
    }

    private let children = Mutex<[Child]>([])

    public init() {}

    /// Takes over a VMM whose job is judged. Those that have gone meanwhile are reaped on the way.
    func adopt(_ pidfd: consuming OwnedDescriptor, _ group: ControlGroup?) {
        _ = linux_pidfd_send_signal(pidfd.borrowed.rawValue, SIGKILL)
        let child = Child(pidfd, group)
        children.withLock { children in
            children.removeAll { $0.isGone(waiting: false) }
            children.append(child)
        }
    }

    /// Reaps those that have gone meanwhile. - Returns: Whether some are left.
    func collect() -> Bool {
        children.withLock { children in
            children.removeAll { $0.isGone(waiting: false) }
            return !children.isEmpty
        }
    }

    /// Waits until none is left.
    public func finish() {
        let children = children.withLock { children in
            defer { children = [] }
            return children
        }
        for child in children where !child.isGone(waiting: true) { child.group?.removeWaiting() }
    }
}
