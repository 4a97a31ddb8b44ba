import Glibc
import LinuxSystem
import SystemPackage

/// The lines of a batch, one at a time, from a file or a pipe that may not have the next one yet.
struct LineReader {
    enum Next: Equatable {
        case line(number: UInt64, [UInt8])
        /// Longer than `maximumBytes`; it was skipped.
        case tooLong(number: UInt64)
        /// Nothing now: poll the descriptor.
        case notYet
        case end
    }

    /// A job's line may carry its standard input; more than this belongs into a file.
    static let maximumBytes = 16 << 20

    let descriptor: FileDescriptor
    private var buffer: [UInt8] = []
    /// The part of `buffer` before this has been given out.
    private var start = 0
    /// No newline stands in `buffer` between `start` and here.
    private var searched = 0
    private var number: UInt64 = 0
    private var isAtEnd = false
    private var isSkipping = false

    init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    /// Lines of white space only are counted and left out. The last line needs no newline.
    mutating func next() throws(Errno) -> Next {
        while true {
            if let newline = buffer[searched...].firstIndex(of: 0x0a) {
                if let next = give(upTo: newline, thenFrom: newline + 1) { return next }
                continue
            }
            searched = buffer.count
            if isAtEnd {
                guard start < buffer.count || isSkipping else { return .end }
                if let next = give(upTo: buffer.count, thenFrom: buffer.count) { return next }
                continue
            }
            if buffer.count - start > Self.maximumBytes {
                isSkipping = true
                start = buffer.count
            }
            guard try descriptor.isReady(for: CInt(POLLIN)) else { return .notYet }
            buffer.removeFirst(start)
            (start, searched) = (0, buffer.count)
            let piece = try descriptor.read(upTo: 64 * 1024)
            if piece.isEmpty { isAtEnd = true }
            buffer += piece
        }
    }

    /// The line that ends here; nil if there is nothing in it.
    private mutating func give(upTo end: Int, thenFrom next: Int) -> Next? {
        let line = buffer[start..<end]
        number += 1
        (start, searched) = (next, next)
        if isSkipping {
            isSkipping = false
            return .tooLong(number: number)
        }
        let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
        return isBlank ? nil : .line(number: number, Array(line))
    }
}
