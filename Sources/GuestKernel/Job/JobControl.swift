import JobWire

/// The control stream with the host (docs/protocol.md §3): frames in, frames out. The host is trusted here; bytes that are no
/// frames are a fault of it, and end the VM with a message.
final class JobControl {
    enum Event {
        case message(HostMessage)
        /// Bytes of a `data` frame; valid until the next call.
        case data(UnsafeRawBufferPointer)
    }

    private let device: VsockDevice
    private let connection: VsockConnection
    private var decoder = FrameDecoder<HostMessage>()
    /// Bytes at the front of what was received that have been decoded already.
    private var decoded = 0
    private var output: [UInt8] = []
    /// The host has said that no job follows.
    private var isLastJob = false

    init(_ device: VsockDevice, _ connection: VsockConnection) {
        self.device = device
        self.connection = connection
    }

    /// The connection is a new one: nothing of what came before counts.
    func restart() {
        decoder = FrameDecoder<HostMessage>()
        decoded = 0
        isLastJob = false
        output.removeAll(keepingCapacity: true)
    }

    // MARK: From the host

    /// The next event; waits for it.
    /// - Throws: `.restart` never, in the job's thread, which gets no signals.
    func next() throws(Errno) -> Event {
        while true {
            let front = connection.received.front
            if decoded == front.count {
                device.discard(connection, decoded)
                decoded = 0
                device.finishReceiving(connection)
                if connection.received.count == 0 { try waitForBytes() }
                continue
            }
            if let event = decode(front) { return event }
        }
    }

    /// The terminal's next size; nil when `process` has ended first, or the host says no more.
    func nextWindow(until process: Process) throws(Errno) -> HostMessage.WindowSize? {
        while process.ending == nil {
            let front = connection.received.front
            if decoded < front.count {
                if let event = decode(front), let size = takeAside(event) { return size }
                continue
            }
            device.discard(connection, decoded)
            decoded = 0
            device.finishReceiving(connection)
            if connection.received.count > 0 || device.poll() { continue }
            if connection.isAtEnd { return nil }
            guard device.requestInterrupts(transmitToo: false) else { continue }
            _ = try WaitQueue.waitAny([process.ended, connection.changed])
        }
        return nil
    }

    /// The job has ended, and there is one: waits until the host has said so, which it has at the job's start.
    func waitForPowerOff() throws(Errno) {
        while !isLastJob { _ = takeAside(try next()) }
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

    private func waitForBytes() throws(Errno) {
        while connection.received.count == 0 {
            if connection.isAtEnd { protocolError("the host closed the control stream") }
            try device.waitForChange(connection)
        }
    }

    private func decode(_ front: UnsafeRawBufferPointer) -> Event? {
        // SAFETY: the front stretch stays where it is until it is discarded, in `next`.
        let bytes = front.bindMemory(to: UInt8.self)
        let span = bytes.span
        let event: FrameDecoder<HostMessage>.Event?
        do throws(WireError) {
            event = try decoder.next(in: span, from: &decoded)
        } catch {
            protocolError("a malformed frame from the host")
        }
        switch event {
        case .message(let message): return .message(message)
        case .data(let range): return .data(UnsafeRawBufferPointer(rebasing: front[range]))
        case nil: return nil
        }
    }

    // MARK: To the host

    /// Adds a message to what goes out with the next `flush`.
    func queue(_ message: GuestMessage) { message.encode(to: &output) }

    /// Sends what is queued. Waits for credit.
    /// - Throws: `.brokenPipe` if the host is gone.
    func flush() throws(Errno) {
        while connection.state == .connecting { try device.waitForChange(connection) }
        var failure: Errno?
        output.withUnsafeBytes { bytes in
            do throws(Errno) { try write(bytes) } catch { failure = error }
        }
        output.removeAll(keepingCapacity: true)
        if let failure { throw failure }
    }

    /// Sends a data frame with `bytes`, 1 to 256 KiB.
    func send(data bytes: UnsafeRawBufferPointer) throws(Errno) {
        DataFrame.appendHeader(count: bytes.count, to: &output)
        try flush()
        try write(bytes)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var buffer = IOBuffer(kernel: bytes)
        while buffer.remaining > 0 {
            _ = try device.send(connection, &buffer, nonblocking: false)
        }
    }

    /// Nothing follows; the host's answer is not waited for.
    func shutDown() { device.shutDown(connection, [.send, .receive]) }
}

/// The host broke the protocol: reported as a panic, because nothing more can be agreed with it.
func protocolError(_ what: StaticString) -> Never {
    var text = PanicText()
    text.add("protocol error: ")
    text.add(what)
    Platform.panic(text)
}
