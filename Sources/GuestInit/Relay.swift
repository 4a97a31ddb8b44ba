/// The streams of a job. In one place only, so that a stream which is over is closed at once: its end is what the other
/// side waits for.
struct Relays: ~Copyable {
    var all: [Relay]
}

/// Carries the bytes of one stream from one descriptor to another, as fast as the slower side: it holds one piece, and
/// reads no more before that is gone.
final class Relay {
    enum Stream: Int { case input = 0, output = 1, error = 2 }

    private static let pieceBytes = 64 << 10

    let stream: Stream
    private let source: Descriptor
    private let target: Descriptor
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
    /// What is in `piece` and not yet in the target.
    private var held = 0..<0

    init(_ stream: Stream, from source: consuming Descriptor, to target: consuming Descriptor) throws(Errno) {
        self.stream = stream
        try source.setNonblocking()
        try target.setNonblocking()
        self.source = source
        self.target = target
    }

    deinit { piece.deallocate() }

    /// What it waits for.
    var wanted: (descriptor: Int, events: Int16) {
        held.isEmpty ? (source.number, Poll.readable) : (target.number, Poll.writable)
    }

    /// Carries what can be carried without waiting.
    /// - Parameter written: is increased by the bytes that are in the target now.
    /// - Returns: false when it is over: the source has ended, or the target takes no more.
    func advance(_ written: inout UInt64) -> Bool {
        do throws(Errno) {
            if held.isEmpty {
                held = 0..<(try source.read(into: piece))
                if held.isEmpty { return false }
            }
            let count = try target.write(UnsafeRawBufferPointer(rebasing: piece[held]))
            written += UInt64(count)
            held = (held.lowerBound + count)..<held.upperBound
            return true
        } catch {
            return error == .wouldBlock
        }
    }
}
