import JobWire
import LinuxSystem

/// The frames of the control stream: encoded into a buffer, and decoded from pieces as a socket gives them.
struct WireBenchmark {
    private static let pieceBytes = 64 << 10

    /// What a small job sends and reports.
    private static let messages: [HostMessage] = [
        .argument(Array("python3".utf8)), .argument(Array("solve.py".utf8)),
        .environment(Array("PATH=/usr/local/bin:/usr/bin:/bin".utf8)), .workingDirectory(Array("/job".utf8)),
        .file(mode: 0o644, size: 9, path: Array("/job/solve.py".utf8)), .start,
    ]

    struct Result {
        var encodeNanoseconds: Double
        var decodeNanoseconds: Double
    }

    /// Nanoseconds a message.
    static func messages(count: Int) throws -> Result {
        var stream: [UInt8] = []
        stream.reserveCapacity(count * 48)
        var begun = monotonicNanoseconds()
        for index in 0..<count { messages[index % messages.count].encode(to: &stream) }
        let encode = monotonicNanoseconds() - begun
        begun = monotonicNanoseconds()
        let (seen, _) = try decode(stream)
        let decoded = monotonicNanoseconds() - begun
        guard seen == count else { throw Wrong() }
        return .init(
            encodeNanoseconds: Double(encode) / Double(count), decodeNanoseconds: Double(decoded) / Double(count))
    }

    /// MB a second of file content in data frames of `frameBytes`.
    static func dataRate(bytes: Int, frameBytes: Int) throws -> Double {
        let payload = [UInt8](repeating: 0x5a, count: frameBytes)
        var stream: [UInt8] = []
        for _ in 0..<(bytes / frameBytes) {
            DataFrame.appendHeader(count: frameBytes, to: &stream)
            stream += payload
        }
        let begun = monotonicNanoseconds()
        let (_, data) = try decode(stream)
        let nanoseconds = monotonicNanoseconds() - begun
        guard data == bytes / frameBytes * frameBytes else { throw Wrong() }
        return Double(data) * 1000 / Double(nanoseconds)
    }

    private static func decode(_ stream: [UInt8]) throws -> (messages: Int, dataBytes: Int) {
        var decoder = FrameDecoder<HostMessage>()
        var (messages, data) = (0, 0)
        var start = 0
        while start < stream.count {
            let piece = Array(stream[start..<min(stream.count, start + pieceBytes)])
            var offset = 0
            while let event = try decoder.next(in: piece.span, from: &offset) {
                switch event {
                case .message: messages += 1
                case .data(let range): data += range.count
                }
            }
            start += piece.count
        }
        return (messages, data)
    }

    /// What was decoded is not what was encoded.
    struct Wrong: Error {}
}
