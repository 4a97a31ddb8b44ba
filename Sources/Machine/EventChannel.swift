import CLinux
import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// The way out for events: one message each on the `--events` socket (docs/protocol.md §2). Any thread may send; the
/// socket keeps messages whole.
struct EventChannel: Sendable {
    let socket: FileDescriptor?
    /// The guest's log and the end are told on standard error too.
    let hasDebugLog: Bool

    /// A launcher that is gone cannot be told anything, so errors are not reported; the kernel kills this process when
    /// the launcher dies.
    func send(_ event: MachineEvent) {
        if hasDebugLog { describe(event) }
        guard let socket else { return }
        let bytes = event.encoded()
        _ = bytes.withUnsafeBytes {
            linux_send(socket.rawValue, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
        }
    }

    /// Sends text of any length as `log` events of the size one event may have.
    func send(log text: [UInt8]) {
        var rest = text[...]
        while !rest.isEmpty {
            send(.log(Array(rest.prefix(MachineEvent.maximumText))))
            rest = rest.dropFirst(MachineEvent.maximumText)
        }
    }

    private func describe(_ event: MachineEvent) {
        switch event {
        case .log(let text): write(text)
        case .ended(let cause, let message):
            write(Array("swiftlet-vmm: ended: \(cause)".utf8))
            write((message.isEmpty ? [] : Array(": ".utf8)) + message + [0x0A])
        case .phase(let phase, let nanoseconds):
            write(Array("swiftlet-vmm: \(phase) at \(nanoseconds / 1000) us\n".utf8))
        case .counters(let counters):
            let list = counters.map { counter in
                let name = MachineEvent.CounterID(rawValue: counter.id).map { "\($0)" } ?? "\(counter.id)"
                return "\(name) \(counter.value)"
            }
            write(Array("swiftlet-vmm: \(list.joined(separator: ", "))\n".utf8))
        case .streamClosed(let port, let passed, let dropped, let errno):
            let bytes = "\(passed) bytes passed, \(dropped) dropped, errno \(errno)"
            write(Array("swiftlet-vmm: stream \(port) closed, \(bytes)\n".utf8))
        case .limitReached(let port):
            write(Array("swiftlet-vmm: stream \(port) reached its limit\n".utf8))
        }
    }

    private func write(_ text: [UInt8]) {
        _ = try? FileDescriptor.standardError.write(all: text)
    }
}
