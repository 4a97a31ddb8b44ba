/// The streams of a job. In one place only, so that a stream which is over is closed at once: its end is what the other
/// side waits for.
struct Relays: ~Copyable {
    var all: [Relay]
}

/// Carries the bytes of one stream from one descriptor to another, as fast as the slower side: it holds one piece, and
/// reads no more before that is gone.
final class Relay {
    enum Stream: Int { case input = 0, output = 1, error = 2, arguments = 3 }

    private static let pieceBytes = 64 << 10

    let stream: Stream
    /// nil: there is nothing but the piece.
    private let source: Descriptor?
    /// nil: taken away while the machine is saved.
    private var target: Descriptor?
    private let sourceNumber: Int
    private var targetNumber: Int
    private let piece: UnsafeMutableRawBufferPointer
    /// What is in `piece` and not yet in the target.
    private var held = 0..<0

    init(_ stream: Stream, from source: consuming Descriptor, to target: consuming Descriptor) throws(Errno) {
        self.stream = stream
        try source.setNonblocking()
        try target.setNonblocking()
        (sourceNumber, targetNumber) = (source.number, target.number)
        self.source = consume source
        self.target = consume target
        piece = .allocate(byteCount: Self.pieceBytes, alignment: 16)
    }

    /// Of `bytes`, one or more, and nothing else.
    init(_ stream: Stream, bytes: [UInt8], to target: consuming Descriptor) throws(Errno) {
        self.stream = stream
        try target.setNonblocking()
        (sourceNumber, targetNumber) = (-1, target.number)
        source = nil
        self.target = consume target
        piece = .allocate(byteCount: bytes.count, alignment: 16)
        piece.copyBytes(from: bytes)
        held = 0..<bytes.count
    }

    deinit { piece.deallocate() }

    /// What it waits for.
    var wanted: (descriptor: Int, events: Int16) {
        held.isEmpty ? (sourceNumber, Poll.readable) : (targetNumber, Poll.writable)
    }

    /// Whether bytes were taken from the source that are not in the target.
    var isHolding: Bool { !held.isEmpty }

    /// Takes the target away, and gives the relay another one in a restored machine.
    func takeTarget() -> Descriptor? { target.take() }

    func connect(to target: consuming Descriptor) throws(Errno) {
        try target.setNonblocking()
        targetNumber = target.number
        self.target = consume target
    }

    /// Carries what can be carried without waiting.
    /// - Parameter written: is increased by the bytes that are in the target now.
    /// - Returns: false when it is over: the source has ended, or the target takes no more.
    func advance(_ written: inout UInt64) -> Bool {
        do throws(Errno) {
            if held.isEmpty {
                held = 0..<(try source?.read(into: piece) ?? 0)
                if held.isEmpty { return false }
            }
            let count = try target?.write(UnsafeRawBufferPointer(rebasing: piece[held])) ?? 0
            written += UInt64(count)
            held = (held.lowerBound + count)..<held.upperBound
            return source != nil || !held.isEmpty
        } catch {
            return error == .wouldBlock
        }
    }
}
