/// The control group (cgroups(7), version 2) of the job, for its limit of processes. A kernel without it runs jobs all the
/// same; a limit that cannot be held is refused.
struct ControlGroups: ~Copyable {
    private static let group: Path = "/cgroup/job"

    /// The group's files; nil where the kernel has no such controller. Opened before the job, which may mount over paths.
    private let processes: Descriptor?
    private let limit: Descriptor?
    private let events: Descriptor?

    /// No groups at all, as on the host.
    init() {
        processes = nil
        limit = nil
        events = nil
    }

    /// Mounts the groups at /cgroup, before the root is entered.
    init(mounting: Void) {
        _ = try? Mount.makeDirectory("/cgroup")
        _ = try? Mount.add("cgroup2", on: "/cgroup", from: "cgroup2")
        if let control = try? Descriptor.open("/cgroup/cgroup.subtree_control", OpenFlags.writeOnly) {
            _ = try? control.writeAll(Text.bytes("+pids"))
        }
        _ = try? Mount.makeDirectory(Self.group)
        processes = try? Descriptor.open("/cgroup/job/cgroup.procs", OpenFlags.writeOnly)
        limit = try? Descriptor.open("/cgroup/job/pids.max", OpenFlags.writeOnly)
        events = try? Descriptor.open("/cgroup/job/pids.events", OpenFlags.readOnly)
    }

    /// Shows the job its own group, in which it can change nothing.
    borrowing func show(at place: Path) {
        _ = try? Mount.add("", on: place, from: Self.group, Mount.bind)
        _ = try? Mount.add("", on: place, from: "", Mount.bind | Mount.remount | Mount.readOnly)
    }

    /// Holds the job to `maximum` processes and threads.
    borrowing func setLimit(_ maximum: UInt32) throws(Errno) {
        switch limit {
        case .none: panic("init: no limit of processes: the kernel lacks the pids controller")
        case .some(let file): try file.writeAll(Text.decimal(UInt64(maximum)))
        }
    }

    /// Puts the process that calls this into the group, and makes that all the groups it sees.
    borrowing func join() throws(Errno) {
        switch processes {
        case .none: break
        case .some(let file):
            try file.writeAll([UInt8(ascii: "0")])
            try LinuxCall.unshare(0x0200_0000)     // CLONE_NEWCGROUP
        }
    }

    /// How often a process or thread was refused.
    borrowing func refused() -> UInt64 {
        switch events {
        case .none: 0
        case .some(let file): Text.number(named: "max", in: (try? file.contents()) ?? []) ?? 0
        }
    }
}
