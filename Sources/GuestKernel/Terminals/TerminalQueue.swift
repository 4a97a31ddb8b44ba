/// Bytes on the way, first in, first out.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }
    var first: UInt8? { isEmpty ? nil : bytes[start] }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    /// The next bytes, at most `maximum`, which are gone then.
    mutating func take(_ maximum: Int) -> [UInt8] {
        let end = start + min(maximum, count)
        let result = Array(bytes[start..<end])
        start = end
        compact()
        return result
    }

    mutating func removeFirst() {
        start += 1
        compact()
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        start = 0
    }

    private mutating func compact() {
        if start == bytes.count {
            removeAll()
        } else if start > 1024 && start * 2 > bytes.count {
            bytes.removeFirst(start)
            start = 0
        }
    }
}

/// What was typed and not yet read: complete lines first, then the one that is still being edited.
struct TypedInput {
    /// As Linux's N_TTY_BUF_SIZE: what is typed beyond it is lost.
    static let capacity = 4096

    /// A byte in the low half; `delimiter` where a line ends with it, `endOfFile` where one ends without a byte.
    private var cells: [UInt16] = []
    private var start = 0
    /// Where the line being edited begins: behind the last complete one.
    private var lineStart = 0

    private static let delimiter: UInt16 = 0x100
    private static let endOfFile: UInt16 = 0x200

    var count: Int { cells.count - start }
    var hasLine: Bool { lineStart > start }
    /// Room for one more byte of a line, which keeps a place for its end.
    var hasRoomInLine: Bool { count < Self.capacity - 1 }
    var editedCount: Int { cells.count - lineStart }
    /// Bytes in complete lines, for FIONREAD.
    var lineByteCount: Int {
        var sum = 0
        for cell in cells[start..<lineStart] where cell & Self.endOfFile == 0 { sum += 1 }
        return sum
    }

    mutating func append(_ byte: UInt8) { cells.append(UInt16(byte)) }

    /// Ends the line being edited, with its last byte or, `byte` being nil, without one (end of file).
    mutating func endLine(with byte: UInt8?) {
        cells.append(byte.map { UInt16($0) | Self.delimiter } ?? Self.endOfFile)
        lineStart = cells.count
    }

    /// Byte `i` of the line being edited.
    func edited(_ i: Int) -> UInt8 { UInt8(truncatingIfNeeded: cells[lineStart + i]) }

    mutating func removeLastEdited() { cells.removeLast() }

    mutating func removeAll() {
        cells.removeAll(keepingCapacity: true)
        start = 0
        lineStart = 0
    }

    /// The next bytes of the first line, at most `maximum`; `isWhole`: its end was among them.
    mutating func takeLine(_ maximum: Int) -> (bytes: [UInt8], isWhole: Bool) {
        var bytes: [UInt8] = []
        while start < lineStart {
            let cell = cells[start]
            // An end of file right behind a full buffer goes with it: it would be read as a second one.
            if cell & Self.endOfFile != 0 {
                start += 1
                compact()
                return (bytes, true)
            }
            if bytes.count == maximum { break }
            start += 1
            bytes.append(UInt8(truncatingIfNeeded: cell))
            if cell & Self.delimiter != 0 {
                compact()
                return (bytes, true)
            }
        }
        compact()
        return (bytes, false)
    }

    /// The next bytes whatever they are, for a terminal without lines.
    mutating func takeRaw(_ maximum: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while start < cells.count, bytes.count < maximum {
            if cells[start] & Self.endOfFile == 0 { bytes.append(UInt8(truncatingIfNeeded: cells[start])) }
            start += 1
        }
        lineStart = max(lineStart, start)
        compact()
        return bytes
    }

    /// The terminal gets lines, or has none any more: what is there is one line, or bytes like all others.
    mutating func change(toLines: Bool) {
        var rest: [UInt16] = []
        for cell in cells[start...] where cell & Self.endOfFile == 0 { rest.append(cell & 0xFF) }
        if toLines, let last = rest.popLast() { rest.append(last | Self.delimiter) }
        cells = rest
        start = 0
        lineStart = toLines ? cells.count : 0
    }

    private mutating func compact() {
        guard start == cells.count || start > 1024 else { return }
        cells.removeFirst(start)
        lineStart -= start
        start = 0
    }
}
