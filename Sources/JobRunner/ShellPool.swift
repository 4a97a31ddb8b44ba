import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// Keeps machines prepared: started, jailed, their guest's kernel booted up to its hello, without a job. Each has one job,
/// or none.
///
/// One thread starts them all and lives as long as the pool, because the kernel kills a VMM with the thread that started it.
public final class ShellPool: MachineSource {
    /// A shape whose files stay open here.
    private final class KeptShape: Sendable {
        let shape: MachineShape
        let identity: MachineShape.Identity
        /// What `shape` names.
        private let files: [SharedFile]

        init(_ shape: MachineShape) throws(Errno) {
            identity = try shape.identity()
            var own = shape
            var files: [SharedFile] = []
            func keep(_ file: FileDescriptor) throws(Errno) -> FileDescriptor {
                let kept = try SharedFile(file)
                files.append(kept)
                return kept.descriptor
            }
            own.kernel = try keep(shape.kernel)
            own.image = try keep(shape.image)
            own.initramfs = []
            for file in shape.initramfs { own.initramfs.append(try keep(file)) }
            if let file = shape.template.restored { own.template = .restoring(file: try keep(file)) }
            self.shape = own
            self.files = files
        }
    }

    /// A second descriptor of a file, as long as this lives.
    private final class SharedFile: Sendable {
        private let file: OwnedDescriptor
        var descriptor: FileDescriptor { file.borrowed }

        init(_ file: FileDescriptor) throws(Errno) {
            self.file = try OwnedDescriptor(checking: linux_dup_cloexec(file.rawValue, 3))
        }
    }

    private struct State {
        /// Oldest first.
        var shells: [Shell] = []
        /// What machines are prepared for; nil: nothing was wanted yet.
        var target: KeptShape?
        /// How often each shape was wanted of late.
        var wishes: [MachineShape.Identity: Int] = [:]
        var isClosing = false
        /// Machines in a row that did not come up.
        var failures = 0
    }

    private let runner: JobRunner
    private let reaper: Reaper
    private let size: Int
    private let isFixed: Bool
    private let state = Mutex(State())
    private let changed: Mailbox<Void>
    private let closed: Mailbox<Void>

    /// Wishes are halved when there are so many: what was wanted long ago counts for little.
    private static let mostWishes = 64
    /// After so many machines that did not come up, it waits a second before it tries the next.
    private static let mostFailures = 3

    /// - Parameters:
    ///   - size: How many machines are kept ready.
    ///   - shape: The only one there is; nil: the one that was wanted most of late.
    ///   - runner: Starts them.
    ///   - reaper: Gets those that die without a job.
    public init(
        size: Int, shape: MachineShape? = nil, runner: JobRunner, reaper: Reaper
    ) throws(Errno) {
        self.runner = runner
        self.reaper = reaper
        self.size = size
        isFixed = shape != nil
        changed = try Mailbox()
        closed = try Mailbox(blocking: true)
        if let shape {
            let kept = try KeptShape(shape)
            state.withLock { $0.target = kept }
        }
        try Thread(name: "shells", stackSize: 512 << 10) { [self] in
            keep()
            closed.post(())
        }.detach()
    }

    /// Ends all that nobody has taken, and the thread. To be called once, when no machine of the pool runs a job any more.
    public func close() {
        state.withLock { $0.isClosing = true }
        changed.post(())
        while closed.take().isEmpty {}
    }

    public func take(_ shape: MachineShape) -> PreparedMachine? {
        guard let identity = try? shape.identity() else { return nil }
        if !isFixed { note(shape, identity) }
        return take(identity)
    }

    /// The oldest one that is ready; else the oldest that still boots, which is ahead of one that is to be started.
    func take(_ identity: MachineShape.Identity) -> PreparedMachine? {
        let shell = state.withLock { state -> Shell? in
            func first(_ condition: (Shell) -> Bool) -> Int? {
                state.shells.firstIndex { $0.identity == identity && condition($0) && $0.isAlive }
            }
            let index = first { $0.isReady } ?? first { _ in true }
            return index.map { state.shells.remove(at: $0) }
        }
        changed.post(())
        return shell?.take()
    }

    /// Whether its machines are of this shape.
    func prepares(_ identity: MachineShape.Identity) -> Bool {
        state.withLock { $0.target?.identity == identity }
    }

    /// How many wait for a job.
    public var readyCount: Int { state.withLock { state in state.shells.count { $0.isReady } } }

    private func note(_ shape: MachineShape, _ identity: MachineShape.Identity) {
        state.withLock { state in
            if state.wishes.values.reduce(0, +) >= Self.mostWishes {
                state.wishes = state.wishes.mapValues { $0 / 2 }.filter { $0.value > 0 }
            }
            let count = (state.wishes[identity] ?? 0) + 1
            state.wishes[identity] = count
            let best = state.target.flatMap { state.wishes[$0.identity] } ?? 0
            guard count > best, state.target?.identity != identity else { return }
            state.target = (try? KeptShape(shape)) ?? state.target
        }
    }
}

// MARK: - The thread that prepares

extension ShellPool {
    private enum Step {
        case close
        case make(MachineShape, MachineShape.Identity)
        case wait(milliseconds: UInt64?)
    }

    private func keep() {
        while true {
            switch nextStep() {
            case .close:
                let rest = state.withLock { state in
                    defer { state.shells = [] }
                    return state.shells
                }
                return rest.forEach(discard)
            case .make(let shape, let identity): make(shape, identity)
            case .wait(let milliseconds): wait(milliseconds)
            }
            dropDead()
        }
    }

    private func nextStep() -> Step {
        state.withLock { state in
            if state.isClosing { return .close }
            guard let target = state.target else { return .wait(milliseconds: nil) }
            let count = state.shells.count { $0.identity == target.identity }
            if count >= size { return .wait(milliseconds: nil) }
            if state.failures >= Self.mostFailures {
                state.failures = 0
                return .wait(milliseconds: 1000)
            }
            return .make(target.shape, target.identity)
        }
    }

    private func make(_ shape: MachineShape, _ identity: MachineShape.Identity) {
        do throws(LaunchError) {
            let machine = try runner.prepare(shape)
            let shell: Shell
            do throws(Errno) { shell = try Shell(machine, identity) } catch {
                throw .system(doing: "preparing a machine", errno: error)
            }
            let old = state.withLock { state -> Shell? in
                state.shells.append(shell)
                // Of other shapes no more than of this one.
                guard state.shells.count > 2 * size else { return nil }
                return state.shells.firstIndex { $0.identity != identity }.map { state.shells.remove(at: $0) }
            }
            if let old { discard(old) }
        } catch {
            // Its job will start its own, and say why that cannot be done.
            state.withLock { $0.failures += 1 }
        }
    }

    /// Until somebody takes one, or one dies, or one that boots has come up or should have.
    private func wait(_ milliseconds: UInt64?) {
        let shells = state.withLock { $0.shells }
        var descriptors = [pollfd(fd: changed.descriptor.rawValue, events: Int16(POLLIN), revents: 0)]
        descriptors += shells.map { pollfd(fd: $0.processNumber, events: Int16(POLLIN), revents: 0) }
        // One that says nothing is found dead when its time is up.
        let now = monotonicNanoseconds()
        let ends = shells.filter { !$0.isReady }.map { $0.launched &+ Observations.bootLimitNanoseconds }
        var timeout = milliseconds.map { $0 * 1_000_000 } ?? UInt64.max
        if let end = ends.min() { timeout = min(timeout, end > now ? end - now : 0) }
        _ = linux_poll_many(&descriptors, UInt32(descriptors.count), timeout)
        _ = changed.take()
    }

    /// Removes those that have died and those that have not come up in time.
    private func dropDead() {
        let now = monotonicNanoseconds()
        let dead = state.withLock { state -> [Shell] in
            let dead = state.shells.filter { shell in
                !shell.isAlive
                    || (!shell.isReady && now >= shell.launched &+ Observations.bootLimitNanoseconds)
            }
            if dead.contains(where: { !$0.isReady }) { state.failures += 1 }
            if state.shells.contains(where: { $0.isReady && $0.isAlive }) { state.failures = 0 }
            state.shells.removeAll { shell in dead.contains { $0 === shell } }
            return dead
        }
        dead.forEach(discard)
    }

    private func discard(_ shell: Shell) {
        guard let own = try? shell.pidfd.duplicate() else { return }
        reaper.adopt(own, shell.group)
    }
}
