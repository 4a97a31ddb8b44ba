/// A terminal as programs open it.
final class TerminalFile: File {
    let terminal: Terminal
    private let node: Inode

    /// - Parameter node: what was opened: /dev/pts/N or /dev/tty.
    init(_ terminal: Terminal, _ node: Inode, flags: UInt32) {
        self.terminal = terminal
        self.node = node
        super.init(flags: flags & ~OpenFlags.opening)
        terminal.addOpen()
    }

    deinit { terminal.dropOpen() }

    override var inode: Inode? { node }
    override var asTerminal: Terminal? { terminal }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        try terminal.read(&buffer, nonblocking: isNonblocking)
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        try terminal.write(&buffer, nonblocking: isNonblocking)
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        try TerminalControl(terminal, isMaster: false, self).serve(request, argument)
    }

    override func readiness() -> PollEvents {
        if terminal.isHungUp { return [.readable, .writable, .error, .hangUp] }
        var events: PollEvents = []
        if isReadable, terminal.isInputReady { events.insert(.readable) }
        if isWritable, terminal.hasOutputRoom { events.insert(.writable) }
        return events
    }

    override var readinessChanged: WaitQueue? { terminal.changed }
}

/// The other end of a pseudo-terminal, from opening /dev/ptmx: it types and shows.
final class TerminalMaster: File {
    let terminal: Terminal
    private let node: Inode?

    /// - Parameter node: /dev/ptmx; nil: the kernel's own.
    init(_ terminal: Terminal, _ node: Inode?, flags: UInt32) {
        self.terminal = terminal
        self.node = node
        super.init(flags: flags & ~OpenFlags.opening)
    }

    deinit { terminal.closeMaster() }

    override var inode: Inode? { node }
    override func describe() -> [UInt8] { Text.bytes("/dev/ptmx") }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if buffer.remaining == 0 { return 0 }
        while true {
            if terminal.isPacketMode, terminal.packetStatus != 0 {
                let status = terminal.packetStatus
                terminal.packetStatus = 0
                return try buffer.put(status)
            }
            if !terminal.output.isEmpty && !terminal.isStopped { return try take(&buffer) }
            if terminal.isAbandoned { throw .ioError }
            if isNonblocking { throw .wouldBlock }
            try terminal.masterChanged.wait()
        }
    }

    private func take(_ buffer: inout IOBuffer) throws(Errno) -> Int {
        let prefix = terminal.isPacketMode ? 1 : 0
        if prefix == 1 { _ = try buffer.put(UInt8(0)) }
        let bytes = terminal.output.take(min(buffer.remaining, 4096))
        terminal.changed.wakeAll()
        if bytes.isEmpty { return prefix }
        return prefix + (try Terminal.copy(bytes, to: &buffer))
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        try buffer.drain(inPieces: 1024) { () throws(Errno) in
            while terminal.typed.count >= Terminal.typedMaximum {
                if isNonblocking { throw .wouldBlock }
                try terminal.masterChanged.wait()
            }
            if terminal.isAbandoned { throw .ioError }
        } into: { bytes in
            for byte in bytes { terminal.typed.append(byte) }
            terminal.takeTyped()
        }
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        try TerminalControl(terminal, isMaster: true, self).serve(request, argument)
    }

    override func readiness() -> PollEvents {
        var events: PollEvents = []
        if !terminal.output.isEmpty && !terminal.isStopped { events.insert(.readable) }
        if terminal.isPacketMode && terminal.packetStatus != 0 { events.formUnion([.readable, .priority]) }
        if terminal.isAbandoned { events.insert(.hangUp) }
        if terminal.typed.count < Terminal.typedMaximum { events.insert(.writable) }
        return events
    }

    override var readinessChanged: WaitQueue? { terminal.masterChanged }
}
