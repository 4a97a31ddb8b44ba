import Synchronization

/// The transmitting half of COM1, a 16550 at ports 0x3F8 to 0x3FF, without interrupts and without input: where a Linux
/// says what it has to say before its console has a driver, and after a panic. Source: National Semiconductor PC16550D, §8.
final class SerialPort: Sendable {
    static let ports: ClosedRange<UInt16> = 0x3F8...0x3FF

    private enum Register {
        static let data: UInt16 = 0  // the divisor's low byte where DLAB is set
        static let lineControl: UInt16 = 3
        static let lineStatus: UInt16 = 5
    }

    /// LCR bit 7, divisor latch access.
    private static let divisorLatch: UInt8 = 1 << 7
    /// LSR: the transmitter is empty, always.
    private static let transmitterEmpty: UInt8 = 1 << 5 | 1 << 6
    /// A line is passed on when it ends, or when it is as long.
    private static let longestLine = 256

    private struct State {
        var line: [UInt8] = []
        var lineControl: UInt8 = 0
    }

    private let state = Mutex(State())
    private let mailbox: VCPUMailbox
    private let limit: Int
    private let sent = Atomic<Int>(0)

    /// - Parameter limit: Bytes passed on in all; what follows is taken and dropped.
    init(mailbox: VCPUMailbox, limit: Int) {
        self.mailbox = mailbox
        self.limit = limit
    }

    /// One byte: only the line status tells anything.
    func read(_ port: UInt16) -> UInt8 {
        switch port - Self.ports.lowerBound {
        case Register.lineStatus: Self.transmitterEmpty
        case Register.lineControl: state.withLock { $0.lineControl }
        default: 0
        }
    }

    func write(_ port: UInt16, _ value: UInt8) {
        let line: [UInt8]? = state.withLock { state in
            switch port - Self.ports.lowerBound {
            case Register.lineControl: state.lineControl = value
            case Register.data where state.lineControl & Self.divisorLatch == 0:
                state.line.append(value)
                guard value == 0x0A || state.line.count >= Self.longestLine else { return nil }
                defer { state.line = [] }
                return state.line
            default: break
            }
            return nil
        }
        if let line { post(line) }
    }

    /// What no end of a line has come for.
    func flush() {
        let rest = state.withLock { state in
            defer { state.line = [] }
            return state.line
        }
        if !rest.isEmpty { post(rest) }
    }

    private func post(_ text: [UInt8]) {
        let before = sent.wrappingAdd(text.count, ordering: .relaxed).oldValue
        let kept = text.prefix(max(0, limit - before))
        if !kept.isEmpty { mailbox.post(.log(Array(kept))) }
    }
}
