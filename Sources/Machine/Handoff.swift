import LinuxSystem
import Synchronization
import SystemPackage

/// A value that one thread makes and another waits for, once.
final class Handoff<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let arrived: EventFD

    init() throws(Errno) { arrived = try EventFD(blocking: true) }

    func give(_ new: Value) {
        value.withLock { $0 = new }
        arrived.signal()
    }

    func take() -> Value {
        while true {
            if let value = value.withLock({ $0 }) { return value }
            _ = arrived.wait()
        }
    }
}
