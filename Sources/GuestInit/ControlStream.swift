import JobWire

/// The control stream with the host (docs/protocol.md §3): frames in, frames out. The host is trusted here; bytes that are
/// no frames are a fault of it, and end the machine with a message.
final class ControlStream {
    enum Event {
        case message(HostMessage)
        /// Bytes of a `data` frame; valid until the next call.
        case data(UnsafeRawBufferPointer)
    }

    private static let inputBytes = 64 << 10

    /// nil: closed.
    private var socket: Descriptor?
    /// For `Poll`.
    let number: Int
    private var decoder = FrameDecoder<HostMessage>()
    private let input: UnsafeMutableRawBufferPointer
    /// Bytes in `input`, and how many of them have been decoded.
    private var received = 0
    private var decoded = 0
    private var output: [UInt8] = []
    /// The host has said that no job follows.
    private var isLastJob = false

    init(_ socket: consuming Descriptor) {
        number = socket.number
        self.socket = consume socket
        input = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.inputBytes, alignment: 16)
    }

    deinit { input.deallocate() }

    // MARK: From the host

    /// The next event; waits for it.
    func next() -> Event {
        while true {
            if let event = decode() { return event }
            if !receive() { protocolError("the host closed the control stream") }
        }
    }

    /// The terminal's sizes that have been received already, with the job's last words.
    func takeReceived(_ onWindow: (HostMessage.WindowSize) -> Void) {
        while let event = decode() {
            if let size = takeAside(event) { onWindow(size) }
        }
    }

    /// Receives what is there, for the terminal's sizes.
    /// - Returns: false if there will be nothing any more.
    func take(_ onWindow: (HostMessage.WindowSize) -> Void) -> Bool {
        guard receive() else { return false }
        takeReceived(onWindow)
        return true
    }

    /// The job has ended, and there is one: waits until the host has said so, which it has at the job's start.
    func waitForPowerOff() {
        while !isLastJob { _ = takeAside(next()) }
    }

    /// What the host says behind `start`.
    private func takeAside(_ event: Event) -> HostMessage.WindowSize? {
        switch event {
        case .message(.windowSize(let size)): return size
        case .message(.powerOff): isLastJob = true
        case .message(.begin): protocolError("a second job")
        case .message: protocolError("a message out of order")
        case .data: protocolError("data that belongs to no file")
        }
        return nil
    }

    /// - Returns: false at the end.
    private func receive() -> Bool {
        (received, decoded) = (0, 0)
        received = (try? LinuxCall.read(number, Int(bitPattern: input.baseAddress), input.count)) ?? 0
        return received > 0
    }

    private func decode() -> Event? {
        if decoded == received { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: input[0..<received])
        // SAFETY: these bytes stay as they are until `receive`.
        let span = bytes.bindMemory(to: UInt8.self).span
        let event: FrameDecoder<HostMessage>.Event?
        do throws(WireError) {
            event = try decoder.next(in: span, from: &decoded)
        } catch {
            protocolError("a malformed frame from the host")
        }
        switch event {
        case .message(let message): return .message(message)
        case .data(let range): return .data(UnsafeRawBufferPointer(rebasing: bytes[range]))
        case nil: return nil
        }
    }

    // MARK: To the host

    /// Adds a message to what goes out with the next `flush`.
    func queue(_ message: GuestMessage) { message.encode(to: &output) }

    /// Sends what is queued; waits for the host to take it.
    func flush() {
        output.withUnsafeBufferPointer { write(UnsafeRawBufferPointer($0)) }
        output.removeAll(keepingCapacity: true)
    }

    /// Sends a data frame with `bytes`, 1 to 256 KiB.
    func send(data bytes: UnsafeRawBufferPointer) {
        DataFrame.appendHeader(count: bytes.count, to: &output)
        flush()
        write(bytes)
    }

    /// The end: returns when the host has seen all of it. Nothing may be sent or taken afterwards.
    func close() {
        flush()
        socket.take()?.closeAfterAnswer()
    }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            // Without a signal if the host is gone (MSG_NOSIGNAL).
            let sent = try? LinuxCall.sendto(
                number, Int(bitPattern: rest.baseAddress), rest.count, 0x4000)
            guard let sent else { panic("the host ended the control stream before the job") }
            done += sent
        }
    }
}
