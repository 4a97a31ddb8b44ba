/// Output processing: what c_oflag asks for between a program's write and the screen.
extension Terminal {
    /// Whether a program's bytes may go out now.
    var hasOutputRoom: Bool { !isStopped && output.count < Self.outputMaximum }

    /// A byte that a program wrote, or that is echoed.
    func show(_ byte: UInt8) {
        let flags = settings.output
        guard flags.contains(.process) else { return output.append(byte) }
        switch byte {
        case 0x0A:
            if flags.contains(.newlineReturns) { column = 0 }
            if flags.contains(.newlineToBoth) {
                output.append(0x0D)
                column = 0
            }
            output.append(byte)
        case 0x0D:
            if flags.contains(.noReturnAtStart) && column == 0 { return }
            column = 0
            output.append(flags.contains(.returnToNewline) ? 0x0A : byte)
        case 0x09:
            let spaces = 8 - column & 7
            column &+= spaces
            if flags.isSuperset(of: .expandTabs) {
                for _ in 0..<spaces { output.append(0x20) }
            } else {
                output.append(byte)
            }
        case 0x08:
            if column > 0 { column -= 1 }
            output.append(byte)
        default:
            let isLower = byte >= 0x61 && byte <= 0x7A
            output.append(flags.contains(.toUpperCase) && isLower ? byte - 0x20 : byte)
            if !isControl(byte) && !isContinuation(byte) { column &+= 1 }
        }
    }

    func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    /// A byte of a UTF-8 character that is not its first, where the terminal has such characters.
    func isContinuation(_ byte: UInt8) -> Bool { settings.input.contains(.utf8) && byte & 0xC0 == 0x80 }

    // MARK: Echo

    /// Shows what was typed; control characters as `^X`.
    func echo(_ byte: UInt8) {
        guard output.count < Self.echoMaximum else { return }
        if settings.local.contains(.echoControl), isControl(byte), byte != 0x09, byte != 0x0A {
            show(0x5E)
            show(byte ^ 0x40)
        } else {
            show(byte)
        }
    }

    /// Shows a byte as it is: the editing's own backspaces and newlines.
    func echoRaw(_ byte: UInt8) {
        if output.count < Self.echoMaximum { show(byte) }
    }

    // MARK: Writing

    /// write(2) on the programs' side.
    func write(_ buffer: inout IOBuffer, nonblocking: Bool) throws(Errno) -> Int {
        if isHungUp { throw .ioError }
        if settings.local.contains(.stopsBackgroundOutput) { try requireForeground(Signal.terminalWrite) }
        try writeLock.acquire()
        defer { writeLock.release() }
        return try buffer.drain(inPieces: 512) { () throws(Errno) in
            while !hasOutputRoom && !isHungUp {
                if nonblocking { throw .wouldBlock }
                try changed.wait()
            }
            if isHungUp { throw .ioError }
        } into: { bytes in
            // Each may become eight, and goes out whole even if the queue is a little longer for it.
            for byte in bytes { show(byte) }
            masterChanged.wakeAll()
        }
    }
}

extension IOBuffer {
    /// Takes all bytes of a write, each piece when there is room for it.
    /// - Parameter waitForRoom: throws when the write ends here; what was taken before counts.
    mutating func drain(
        inPieces pieceBytes: Int, waitForRoom: () throws(Errno) -> Void,
        into body: (ArraySlice<UInt8>) -> Void
    ) throws(Errno) -> Int {
        var done = 0
        while remaining > 0 {
            do throws(Errno) {
                try waitForRoom()
                let bytes = try takePiece(pieceBytes)
                body(bytes)
                done += bytes.count
            } catch {
                if done > 0 { return done }
                throw error
            }
        }
        return done
    }

    /// The next bytes; fewer than asked where the program's memory ends.
    private mutating func takePiece(_ maximum: Int) throws(Errno) -> ArraySlice<UInt8> {
        var piece = [UInt8](repeating: 0, count: min(remaining, maximum))
        var moved = 0
        var failure: Errno?
        piece.withUnsafeMutableBytes { bytes in
            do throws(Errno) { moved = try take(into: bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        return piece[0..<moved]
    }
}
