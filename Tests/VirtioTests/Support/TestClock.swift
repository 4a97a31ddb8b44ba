import Synchronization

/// A clock that only its test moves.
final class TestClock: Sendable {
    private let nanoseconds = Mutex<UInt64>(1)
    var now: UInt64 { nanoseconds.withLock { $0 } }
    func advance(milliseconds: UInt64) { nanoseconds.withLock { $0 += milliseconds * 1_000_000 } }
}
