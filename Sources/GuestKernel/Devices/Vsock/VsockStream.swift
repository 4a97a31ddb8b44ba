/// A vsock connection as a program's file: descriptors 0, 1 and 2 of a job. To the program it is a pipe's end: fstat says
/// so, it cannot seek, it is no terminal; writing after the host has gone is EPIPE.
final class VsockStream: File {
    let device: VsockDevice
    let connection: VsockConnection

    /// - Parameter flags: O_RDONLY or O_WRONLY, which is also what is shut down with the last descriptor.
    init(_ device: VsockDevice, _ connection: VsockConnection, flags: UInt32) {
        self.device = device
        self.connection = connection
        super.init(flags: flags)
    }

    deinit { device.shutDown(connection, [.send, .receive]) }

    /// Bytes the program has written.
    var bytesWritten: UInt64 { connection.totalSent }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        if buffer.remaining == 0 { return 0 }
        while true {
            // Before copying: room in the queues makes the host work meanwhile.
            _ = device.poll()
            let count = try device.receiveSome(connection, &buffer)
            if count > 0 { return count }
            if connection.received.count == 0 && connection.isAtEnd {
                if connection.wasReset { throw .connectionReset }
                return 0
            }
            if isNonblocking { throw .wouldBlock }
            try device.waitForChange(connection)
        }
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        if buffer.remaining == 0 { return 0 }
        do throws(Errno) {
            return try device.send(connection, &buffer, nonblocking: isNonblocking)
        } catch {
            if error == .brokenPipe { sendSignal(13, to: Scheduler.current) }      // SIGPIPE
            throw error
        }
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        let bytesReadable: UInt32 = 0x541B      // FIONREAD
        guard request == bytesReadable else { throw .notTerminal }
        _ = device.poll()
        try Scheduler.current.process.space.store(Int32(clamping: connection.received.count), at: argument)
        return 0
    }

    override func status() throws(Errno) -> FileStatus {
        var status = FileStatus()
        status.type = .fifo
        status.permissions = 0o600
        status.inode = UInt64(connection.localPort)
        return status
    }

    override func describe() -> [UInt8] {
        var text = Text("pipe:[")
        text.add(UInt64(connection.localPort))
        text.add("]")
        return text.bytes
    }

    override func readiness() -> PollEvents {
        _ = device.poll()
        var events: PollEvents = []
        if isReadable {
            if connection.received.count > 0 || connection.isAtEnd { events.insert(.readable) }
            if connection.isAtEnd { events.insert(.hangUp) }
        }
        if isWritable {
            if !connection.isWritable {
                events.formUnion([.writable, .error])
            } else if connection.state == .established && connection.credit > 0 && device.isSendingPossible {
                events.insert(.writable)
            }
        }
        // Who asks is about to wait, if this is not what it wants; what came meanwhile wakes nobody, so look once more.
        if events.isEmpty, !device.requestInterrupts(transmitToo: isWritable) { return readiness() }
        return events
    }

    override var readinessChanged: WaitQueue? { connection.changed }
}
