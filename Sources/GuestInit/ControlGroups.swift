/// The control group (cgroups(7), version 2) of the job, for its limit of processes and to stop it while it is saved. A
/// kernel without it runs jobs all the same; a limit that cannot be held is refused.
struct ControlGroups: ~Copyable {
    private static let group: Path = "/cgroup/job"

    /// The group's files; nil where the kernel has no such controller. Opened before the job, which may mount over paths.
    private let processes: Descriptor?
    private let limit: Descriptor?
    private let events: Descriptor?
    private let freezer: Descriptor?
    private let state: Descriptor?
    private let time: Descriptor?

    /// No groups at all, as on the host.
    init() {
        processes = nil
        limit = nil
        events = nil
        freezer = nil
        state = nil
        time = nil
    }

    /// Mounts the groups at /cgroup, before the root is entered.
    init(mounting: Void) {
        _ = try? Mount.makeDirectory("/cgroup")
        _ = try? Mount.add("cgroup2", on: "/cgroup", from: "cgroup2")
        if let control = try? Descriptor.open("/cgroup/cgroup.subtree_control", OpenFlags.writeOnly) {
            _ = try? control.writeAll(Text.bytes("+pids"))
        }
        _ = try? Mount.makeDirectory(Self.group)
        processes = try? Descriptor.open("/cgroup/job/cgroup.procs", OpenFlags.readWrite)
        limit = try? Descriptor.open("/cgroup/job/pids.max", OpenFlags.writeOnly)
        events = try? Descriptor.open("/cgroup/job/pids.events", OpenFlags.readOnly)
        freezer = try? Descriptor.open("/cgroup/job/cgroup.freeze", OpenFlags.writeOnly)
        state = try? Descriptor.open("/cgroup/job/cgroup.events", OpenFlags.readOnly)
        time = try? Descriptor.open("/cgroup/job/cpu.stat", OpenFlags.readOnly)
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

    // MARK: To save the job

    /// Stops every thread of the job between two of its instructions; returns when all of them stand.
    borrowing func freeze() {
        switch freezer {
        case .none: cannotFreeze()
        case .some(let file):
            must("init: freeze the job") { () throws(Errno) in try file.writeAll(Text.bytes("1")) }
            while !isFrozen { _ = try? Poll.wait(for: [], milliseconds: 1) }
        }
    }

    /// The job goes on.
    borrowing func thaw() {
        switch freezer {
        case .none: break
        case .some(let file):
            must("init: thaw the job") { () throws(Errno) in try file.writeAll(Text.bytes("0")) }
        }
    }

    private func cannotFreeze() {
        // On the host, where nothing is saved, there is no group either.
        #if SWIFTLET_GUEST
            panic("init: no template: the kernel lacks control groups")
        #endif
    }

    private var isFrozen: Bool {
        switch state {
        case .none: true
        case .some(let file): Text.number(named: "frozen", in: (try? file.contents()) ?? []) == 1
        }
    }

    /// The job's processes.
    /// - Parameter command: the one that is known where there are no groups.
    borrowing func processes(_ command: Int) -> [Int] {
        switch processes {
        case .none: return [command]
        case .some(let file):
            let lines = ((try? file.contents()) ?? []).split(separator: UInt8(ascii: "\n"))
            return lines.compactMap { Text.number($0).map { Int($0) } }
        }
    }

    /// Nanoseconds of processor time that the job has used, in programs and in the kernel; nil if nobody counts.
    borrowing func processorTime() -> (user: UInt64, system: UInt64)? {
        switch time {
        case .none: return nil
        case .some(let file):
            let text = (try? file.contents()) ?? []
            guard let user = Text.number(named: "user_usec", in: text),
                let system = Text.number(named: "system_usec", in: text)
            else { return nil }
            return (user * 1000, system * 1000)
        }
    }
}
