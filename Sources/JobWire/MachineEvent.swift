/// What `swiftlet-vmm` tells `swiftlet`, one message of a SOCK_SEQPACKET socket each (docs/protocol.md §2).
public enum MachineEvent: Equatable, Sendable {
    case phase(Phase, monotonicNanoseconds: UInt64)
    case streamClosed(port: UInt32, passed: UInt64, dropped: UInt64, errno: Int32)
    case ended(cause: EndCause, message: [UInt8])
    case counters([Counter])
    case log([UInt8])
    /// The stream's `limit=` is used up and a byte beyond it was dropped. Sent at once, and once a stream.
    case limitReached(port: UInt32)

    public enum Phase: UInt32, Sendable {
        case mainEntered = 1
        case jailed = 2
        case machineCreated = 3
        case guestEntered = 4
    }

    public enum EndCause: UInt32, Sendable {
        case poweredOff = 1
        case guestPanic = 2
        case tripleFault = 3
        case kvmInternalError = 4
        case vmmError = 5
        case deviceUnusable = 6
        /// The guest asked to be saved; all of it is in the file that `--save` named.
        case checkpointed = 7
    }

    public enum CounterID: UInt32, Sendable, CaseIterable {
        case exits = 1
        case mmioExits = 2
        case portExits = 3
        case haltExits = 4
        case interruptedRuns = 5
        case queueNotifications = 6
        case interruptsRaised = 7
        case maximumResidentKiB = 8
    }

    /// An identifier this side does not know is kept, so that a newer VMM's counters do no harm.
    public struct Counter: Equatable, Sendable {
        public var id: UInt32
        public var value: UInt64

        public init(_ id: CounterID, _ value: UInt64) {
            self.init(id: id.rawValue, value: value)
        }

        public init(id: UInt32, value: UInt64) {
            self.id = id
            self.value = value
        }
    }

    /// Longest event, in bytes; the receiver's buffer. A log of 64 KiB goes out in pieces.
    public static let maximumSize = 16 * 1024
    /// Longest text of a `log` or `ended` event, in bytes; `encoded()` cuts what is longer.
    public static let maximumText = 8 * 1024
    /// Most counters in one event.
    public static let maximumCounters = 64
}

private enum Tag {
    static let phase: UInt32 = 1
    static let streamClosed: UInt32 = 2
    static let ended: UInt32 = 3
    static let counters: UInt32 = 4
    static let log: UInt32 = 5
    static let limitReached: UInt32 = 6
}

extension MachineEvent {
    /// Parses one message. `type` in the error is the event's type.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = PayloadReader(type: 0, bytes)
        let tag = try reader.integer(UInt32.self)
        let type = UInt16(truncatingIfNeeded: tag)
        switch tag {
        case Tag.phase:
            guard let phase = Phase(rawValue: try reader.integer(UInt32.self)) else {
                throw .badValue(type: type)
            }
            self = .phase(phase, monotonicNanoseconds: try reader.integer(UInt64.self))
        case Tag.streamClosed:
            self = .streamClosed(
                port: try reader.integer(UInt32.self), passed: try reader.integer(UInt64.self),
                dropped: try reader.integer(UInt64.self), errno: try reader.integer(Int32.self))
        case Tag.ended:
            guard let cause = EndCause(rawValue: try reader.integer(UInt32.self)) else {
                throw .badValue(type: type)
            }
            self = .ended(cause: cause, message: reader.rest())
        case Tag.counters:
            let count = (bytes.count - 4) / 12
            guard count <= Self.maximumCounters else { throw .badValue(type: type) }
            var counters: [Counter] = []
            for _ in 0..<count {
                counters.append(
                    Counter(id: try reader.integer(UInt32.self), value: try reader.integer(UInt64.self)))
            }
            self = .counters(counters)
        case Tag.log:
            self = .log(reader.rest())
        case Tag.limitReached:
            self = .limitReached(port: try reader.integer(UInt32.self))
        default:
            throw .unknownType(type)
        }
        try reader.end()
    }

    /// The bytes of one message.
    public func encoded() -> [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .phase(let phase, let nanoseconds):
            out.append(Tag.phase)
            out.append(phase.rawValue)
            out.append(nanoseconds)
        case .streamClosed(let port, let passed, let dropped, let errno):
            out.append(Tag.streamClosed)
            out.append(port)
            out.append(passed)
            out.append(dropped)
            out.append(errno)
        case .ended(let cause, let message):
            out.append(Tag.ended)
            out.append(cause.rawValue)
            out += message.prefix(Self.maximumText)
        case .counters(let counters):
            out.append(Tag.counters)
            for counter in counters.prefix(Self.maximumCounters) {
                out.append(counter.id)
                out.append(counter.value)
            }
        case .log(let bytes):
            out.append(Tag.log)
            out += bytes.prefix(Self.maximumText)
        case .limitReached(let port):
            out.append(Tag.limitReached)
            out.append(port)
        }
        return out
    }
}
