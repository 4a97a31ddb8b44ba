import Images

/// Why bytes are no header. Nothing else of the file has been looked at.
public enum TemplateHeaderError: Error, Equatable {
    case short(Int)
    case notOurs
    case otherFormat(UInt32)
    case badChecksum
    /// The field does not hold what it can hold.
    case badValue(StaticStringName)
    /// A text that the header has no room for.
    case tooLong(StaticStringName, bytes: Int, limit: Int)

    /// Of a field, for a message.
    public struct StaticStringName: Equatable, Sendable, ExpressibleByStringLiteral {
        public let text: String
        public init(stringLiteral text: String) { self.text = text }
    }
}

extension TemplateHeader {
    private static let checksumStart = bytes - 32
    private static let textStart = 304
    private static let maximumText = 1500
    /// Of an image's name, a working directory and a kernel, in bytes. With a command cut to `maximumText` all four fit.
    public static let maximumName = 64
    public static let maximumPath = 1024

    /// Whether its texts have room in a header. The user writes them, as long as he likes.
    ///
    /// - Throws: `.tooLong`.
    public static func check(
        image: String, workingDirectory: String, kernel: String
    ) throws(TemplateHeaderError) {
        func check(
            _ text: String, _ field: TemplateHeaderError.StaticStringName, _ limit: Int
        ) throws(TemplateHeaderError) {
            let bytes = text.utf8.count
            if bytes > limit { throw .tooLong(field, bytes: bytes, limit: limit) }
        }
        try check(image, "image's name", maximumName)
        try check(workingDirectory, "working directory", maximumPath)
        try check(kernel, "kernel", maximumPath)
    }

    /// The header's 4096 bytes.
    ///
    /// - Throws: `.tooLong`.
    public func encoded() throws(TemplateHeaderError) -> [UInt8] {
        try Self.check(image: image, workingDirectory: workingDirectory, kernel: kernel)
        var out = Self.magic
        func append<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number.littleEndian) { out += $0 }
        }
        append(Self.formatVersion)
        append(UInt32(Self.bytes))
        append(memoryBytes)
        append(Self.memoryOffset)
        append(imageBytes)
        append(kind.rawValue)
        append(virtualization.rawValue)
        append(created)
        append(dataBytes)
        for digest in [kernelDigest, imageDigest, machineDigest, memoryDigest] { out += digest }
        for word in processor.words { append(word) }
        append(stateBytes)
        append(processors)
        out += [UInt8](repeating: 0, count: Self.textStart - out.count)
        let texts = [
            Array(image.utf8), Array(workingDirectory.utf8), Self.joined(command), Array(kernel.utf8),
        ]
        for text in texts {
            append(UInt16(truncatingIfNeeded: text.count))
            out += text
        }
        out += [UInt8](repeating: 0, count: Self.checksumStart - out.count)
        var hash = SHA256()
        hash.update(out)
        out += Self.digest(hexadecimal: hash.hexadecimalDigest())
        return out
    }

    /// - Parameter bytes: The beginning of a file; what follows the header is not looked at.
    public init(parsing bytes: [UInt8]) throws(TemplateHeaderError) {
        guard bytes.count >= Self.bytes else { throw .short(bytes.count) }
        var reader = Reader(Array(bytes[..<Self.bytes]))
        guard reader.take(8) == Self.magic else { throw .notOurs }
        let version: UInt32 = reader.number()
        guard version == Self.formatVersion else { throw .otherFormat(version) }
        var hash = SHA256()
        hash.update(Array(bytes[..<Self.checksumStart]))
        guard
            Self.digest(hexadecimal: hash.hexadecimalDigest())
                == Array(bytes[Self.checksumStart..<Self.bytes])
        else { throw .badChecksum }
        guard reader.number() == UInt32(Self.bytes) else { throw .badValue("header size") }
        memoryBytes = reader.number()
        guard Self.memoryRange.contains(memoryBytes), memoryBytes % Self.memoryGranule == 0 else {
            throw .badValue("memory size")
        }
        guard reader.number() == Self.memoryOffset else { throw .badValue("memory offset") }
        imageBytes = reader.number()
        guard let kind = Kind(rawValue: reader.number()) else { throw .badValue("kind") }
        self.kind = kind
        guard let virtualization = Virtualization(rawValue: reader.number()) else { throw .badValue("KVM") }
        self.virtualization = virtualization
        created = reader.number()
        dataBytes = reader.number()
        kernelDigest = reader.take(32)
        imageDigest = reader.take(32)
        machineDigest = reader.take(32)
        memoryDigest = reader.take(32)
        processor = ProcessorIdentity(words: (0..<ProcessorIdentity.wordCount).map { _ in reader.number() })
        stateBytes = reader.number()
        guard stateBytes == 0 || stateBytes == Self.linuxStateBytes else { throw .badValue("state size") }
        processors = reader.number()
        guard Self.processorRange.contains(processors) else { throw .badValue("processors") }
        guard dataBytes <= memoryBytes + stateBytes, dataBytes % 4096 == 0 else { throw .badValue("data size") }
        guard reader.take(Self.textStart - reader.offset).allSatisfy({ $0 == 0 }) else {
            throw .badValue("reserved bytes")
        }
        image = try Self.text(&reader, "image")
        workingDirectory = try Self.text(&reader, "working directory")
        guard ImageStore.isValid(name: image) else { throw .badValue("image") }
        guard workingDirectory.hasPrefix("/") else { throw .badValue("working directory") }
        guard let words = reader.counted(until: Self.checksumStart) else { throw .badValue("command") }
        command = Self.separated(words)
        kernel = try Self.text(&reader, "kernel")
        guard !kernel.isEmpty else { throw .badValue("kernel") }
        try Self.check(image: image, workingDirectory: workingDirectory, kernel: kernel)
        guard reader.take(Self.checksumStart - reader.offset).allSatisfy({ $0 == 0 }) else {
            throw .badValue("reserved bytes")
        }
    }

    private static func text(
        _ reader: inout Reader, _ field: TemplateHeaderError.StaticStringName
    ) throws(TemplateHeaderError) -> String {
        guard let bytes = reader.counted(until: checksumStart), !bytes.contains(0),
            let text = String(validating: bytes, as: UTF8.self)
        else { throw .badValue(field) }
        return text
    }

    /// Whether the texts fit; a command that does not is cut, it is there for people.
    private static func joined(_ words: [[UInt8]]) -> [UInt8] {
        var text: [UInt8] = []
        for word in words {
            text += word.prefix(maximumText)
            text.append(0)
        }
        return Array(text.prefix(maximumText))
    }

    private static func separated(_ text: [UInt8]) -> [[UInt8]] {
        var words = text.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        if words.last?.isEmpty == true { words.removeLast() }
        return words
    }

    /// 64 digits to 32 bytes; what is none becomes zero, and no digest is that.
    static func digest(hexadecimal text: String) -> [UInt8] {
        let digits = text.utf8.map { UInt8(Character(UnicodeScalar($0)).hexDigitValue ?? 0) }
        guard digits.count == 64 else { return [UInt8](repeating: 0, count: 32) }
        return (0..<32).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }
}

/// Takes fields off the front of one header; never beyond its end, which the caller has checked once.
private struct Reader {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func take(_ count: Int) -> [UInt8] {
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }

    mutating func number<Number: FixedWidthInteger>() -> Number {
        take(MemoryLayout<Number>.size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A text and its length; nil if it would go beyond `end`.
    mutating func counted(until end: Int) -> [UInt8]? {
        guard offset + 2 <= end else { return nil }
        let count = Int(number() as UInt16)
        return offset + count <= end ? take(count) : nil
    }
}
