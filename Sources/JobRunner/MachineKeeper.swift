import JobWire
import LinuxSystem
import Synchronization
import SystemPackage

/// The connection to the pool that started a machine we run a job on. The pool waits for the VMM's end and says how it
/// ended; and it kills the VMM when this connection goes, so a job never outlives its launcher.
final class MachineKeeper: Sendable {
    private struct State {
        var end: Observations.ProcessEnd?
        var memoryKill: Observations.MemoryKill?
        var isGone = false
    }

    private let connection: OwnedDescriptor
    private let state = Mutex(State())
    /// The memory limit of the VMM's cgroup, which is the pool's.
    let memoryEnforcement: MemoryEnforcement

    init(_ connection: consuming OwnedDescriptor, memory: MemoryEnforcement) {
        self.connection = connection
        memoryEnforcement = memory
    }

    var descriptor: FileDescriptor { connection.borrowed }
    var isGone: Bool { state.withLock { $0.isGone } }
    var memoryKill: Observations.MemoryKill? { state.withLock { $0.memoryKill } }

    /// How the VMM ended; nil: it has not. When the pool is gone, so is the VMM: the kernel kills it with its parent.
    func end() -> Observations.ProcessEnd? {
        state.withLock { state in
            if let end = state.end { return end }
            guard (try? descriptor.isReady(for: 1)) == true else { return nil }
            let message = try? PoolMessage.End(descriptor.receive(upTo: PoolMessage.maximumBytes).bytes)
            if let message {
                state.end = .init(signal: message.signal, code: message.code)
                state.memoryKill = message.memoryKill
            } else {
                state.end = .init(signal: 9, code: 0)
                state.isGone = true
            }
            return state.end
        }
    }
}
