import CLinux
import Glibc
import JobWire
import LinuxSystem
import Synchronization
import SystemPackage

/// Why there is no pool to be used, or none can be made. Each reads as one line.
public enum PoolError: Error, Equatable, CustomStringConvertible {
    case noDirectory
    case noPool(path: String, Errno)
    case otherUser(path: String)
    case isServed(path: String)
    case notSocket(path: String)
    case system(path: String, Errno)

    public var description: String {
        switch self {
        case .noDirectory:
            "XDG_RUNTIME_DIR is not set, so the pool's socket has no place of its own: give its path, "
                + "--pool=PATH here and swiftlet pool --socket PATH there"
        case .noPool(let path, let errno):
            "\(path): \(errno); start a pool with swiftlet pool, or leave out --pool"
        case .otherUser(let path):
            "\(path): the pool there is another user's; start your own with swiftlet pool"
        case .isServed(let path):
            "\(path): another pool serves there; end it, or give --socket another path"
        case .notSocket(let path):
            "\(path): is there and is no socket; give --socket a path of its own"
        case .system(let path, let errno): "\(path): \(errno)"
        }
    }
}

/// Gets prepared machines from a `swiftlet pool`.
public final class PoolClient: MachineSource {
    private struct State {
        var isMisfit = false
        var isFull = false
        var tries = 0
    }

    private let path: String
    private let state = Mutex(State())
    /// The first one, made at once: whether there is a pool is to be known before the job.
    private let first: Mutex<OwnedDescriptor?>

    /// A machine that dies between the pool and us is a wonder; after so many the job starts its own.
    private static let mostTries = 4
    /// A pool answers at once, from memory. One that was stopped must not hold the job.
    private static let answerMilliseconds: CInt = 1000

    public init(path: String) throws(PoolError) {
        self.path = path
        first = Mutex(try Self.connect(path))
    }

    /// The pool's machines do not fit the job.
    public var isMisfit: Bool { state.withLock { $0.isMisfit } }
    /// The pool has as many clients as it may have.
    public var isFull: Bool { state.withLock { $0.isFull } }

    private static func connect(_ path: String) throws(PoolError) -> OwnedDescriptor {
        do throws(Errno) {
            return try open(path)
        } catch {
            // It would get nothing of ours, but it would be what runs the job.
            throw error == .notPermitted ? .otherUser(path: path) : .noPool(path: path, error)
        }
    }

    private static func open(_ path: String) throws(Errno) -> OwnedDescriptor {
        let socket = try OwnedDescriptor(checking: linux_unix_socket(CInt(SOCK_SEQPACKET.rawValue)))
        let number = socket.borrowed.rawValue
        try checked(path.withCString { linux_unix_connect(number, $0) })
        guard try socket.borrowed.peerUser == geteuid() else { throw .notPermitted }
        return socket
    }

    public func take(_ shape: MachineShape) -> PreparedMachine? {
        let tries = state.withLock { state in
            state.tries += 1
            return state.tries
        }
        guard tries <= Self.mostTries else { return nil }
        let waiting = first.withLock { $0.take() }
        if let waiting {
            switch take(shape, over: waiting) {
            case .machine(let machine): return machine
            case .none: return nil
            // The pool ends connections that have been idle for long: this one was, if looking through files took long.
            case .gone: break
            }
        }
        guard let connection = try? Self.connect(path) else { return nil }
        switch take(shape, over: connection) {
        case .machine(let machine): return machine
        case .none: return nil
        case .gone: return nil
        }
    }

    private enum Answer: ~Copyable {
        case machine(PreparedMachine)
        case none
        /// Nobody is there any more.
        case gone
    }

    private func take(_ shape: MachineShape, over connection: consuming OwnedDescriptor) -> Answer {
        guard let identity = try? shape.identity() else { return .none }
        // What cannot be sent any more may have been answered before.
        try? connection.borrowed.send(PoolMessage.Request(identity: identity).bytes)
        guard linux_poll(connection.borrowed.rawValue, CInt(POLLIN), Self.answerMilliseconds) > 0 else {
            return .none
        }
        let bytes: [UInt8]
        let numbers: [FileDescriptor]
        do throws(Errno) {
            (bytes, numbers) = try connection.borrowed.receive(
                upTo: PoolMessage.maximumBytes, descriptors: PoolMessage.Reply.descriptorCount)
        } catch {
            return .gone
        }
        if bytes.isEmpty { return .gone }
        if let machine = machine(PoolMessage.Reply(bytes), numbers, connection) { return .machine(machine) }
        return .none
    }

    private func machine(
        _ reply: PoolMessage.Reply?, _ numbers: [FileDescriptor], _ connection: consuming OwnedDescriptor
    ) -> PreparedMachine? {
        guard case .machine(let machine) = reply, numbers.count == PoolMessage.Reply.descriptorCount else {
            for number in numbers { _ = linux_close(number.rawValue) }
            if reply == .otherShape { state.withLock { $0.isMisfit = true } }
            if reply == .full { state.withLock { $0.isFull = true } }
            return nil
        }
        let channels = JobChannels(
            control: OwnedDescriptor(owning: numbers[0]), events: OwnedDescriptor(owning: numbers[1]),
            nonce: GuestMessage.Nonce(low: machine.nonceLow, high: machine.nonceHigh),
            pipes: .init(
                input: OwnedDescriptor(owning: numbers[2]), output: OwnedDescriptor(owning: numbers[3]),
                error: OwnedDescriptor(owning: numbers[4])))
        let process = MachineProcess(
            pidfd: OwnedDescriptor(owning: numbers[5]), processID: machine.processID,
            keeper: MachineKeeper(connection, memory: machine.memory))
        return PreparedMachine(
            channels: channels, process: process, launched: machine.launched, isWarm: true)
    }
}
