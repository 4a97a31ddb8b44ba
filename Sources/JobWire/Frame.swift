/// The vsock ports of a job (docs/protocol.md §1). All are on the host's side, CID 2.
public enum JobPort {
    public static let control: UInt32 = 1024
    public static let standardInput: UInt32 = 1025
    public static let standardOutput: UInt32 = 1026
    public static let standardError: UInt32 = 1027
}

/// The limits both sides hold each other to (docs/protocol.md §3).
public enum WireLimit {
    /// Longest payload of one frame, in bytes. Bounds what a decoder ever buffers.
    public static let payload = 256 * 1024
    /// Bytes before each payload: `u32 length | u16 type | u16 job`.
    public static let header = 8
    /// Longest path, in bytes: Linux's PATH_MAX without its NUL.
    public static let path = 4095
    /// Longest path of a file of /proc or /sys that a kernel reports as missing, in bytes.
    public static let missingFile = 255
    /// The protocol version in `begin` and `hello`.
    public static let version: UInt32 = 1
}

/// Whose a frame is. A machine can have several commands, each with a number of its own; version 1 gives it one, then turns
/// it off.
public struct JobID: Equatable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// No job's, but the machine's own: what it is, and when it is over.
    public static let machine = JobID(rawValue: 0)
    /// The one job that version 1 has.
    public static let only = JobID(rawValue: 1)
}

/// What is wrong with bytes that claim to be frames. Always the sender's fault.
public enum WireError: Error, Equatable, Sendable {
    /// The header's length is outside what a frame of this type can have.
    case badLength(type: UInt16, length: UInt32)
    /// The frame is of a job that this end does not have, or of none although it must be of one, or the other way round.
    case wrongJob(type: UInt16, JobID)
    /// No frame of this type travels in this direction.
    case unknownType(UInt16)
    /// A field has a value the protocol does not allow: a NUL in an argument, a relative path, an unknown kind.
    case badValue(type: UInt16)
}

/// One direction's messages, as the decoder sees them. `data` frames are not messages: they are handed on in pieces.
public protocol JobMessage {
    /// How long a payload of `type` may be, in bytes; nil if no such frame travels in this direction.
    static func payloadLengths(ofType type: UInt16) -> ClosedRange<Int>?
    /// Whether frames of `type` are the machine's and not a job's.
    static func isOfMachine(type: UInt16) -> Bool
    /// Parses a payload whose length is in `payloadLengths(ofType:)`.
    init(type: UInt16, payload: [UInt8]) throws(WireError)
}

/// The `data` frame, the same in both directions.
public enum DataFrame {
    public static let type: UInt16 = 7

    /// Appends the header of a data frame; exactly `count` bytes (1 … `WireLimit.payload`) must follow it.
    public static func appendHeader(count: Int, of job: JobID = .only, to out: inout [UInt8]) {
        precondition(count > 0 && count <= WireLimit.payload, "a data frame carries 1 byte to 256 KiB")
        appendFrameHeader(type: type, of: job, length: count, to: &out)
    }
}

/// Appends `u32 length | u16 type | u16 job`.
func appendFrameHeader(type: UInt16, of job: JobID, length: Int, to out: inout [UInt8]) {
    out.append(UInt32(truncatingIfNeeded: length))
    out.append(type)
    out.append(job.rawValue)
}

/// Appends one frame whose payload `body` writes.
///
/// Paths, arguments and messages are checked before they get here. What is over `WireLimit.payload` all the same becomes a
/// frame that every decoder refuses: whoever wrote the words that are too long is to lose their own job, not the process.
func appendFrame(
    type: UInt16, of job: JobID, to out: inout [UInt8], _ body: (inout [UInt8]) -> Void
) {
    let start = out.count
    appendFrameHeader(type: type, of: job, length: 0, to: &out)
    body(&out)
    let length = out.count - start - WireLimit.header
    for index in 0..<4 {
        out[start + index] = UInt8(truncatingIfNeeded: length >> (8 * index))
    }
}
