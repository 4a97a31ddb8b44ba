/// What the store remembers about a named image: one small text file of `key value` lines.
public struct ImageRecord: Equatable, Sendable {
    /// SHA-256 of the image file, lower-case hexadecimal.
    public var digest: String
    /// Size of the image file.
    public var bytes: UInt64
    /// Where it came from, for people: `recipe PATH`, `import PATH`.
    public var source: String
    /// Fingerprint of the recipe and its inputs (`Recipe.fingerprint`); empty for imports.
    public var recipe: String
    /// Seconds since 1970.
    public var created: Int64

    public init(digest: String, bytes: UInt64, source: String, recipe: String, created: Int64) {
        self.digest = digest
        self.bytes = bytes
        self.source = source
        self.recipe = recipe
        self.created = created
    }

    /// Longest record file, in bytes.
    static let maximumSize = 16 * 1024

    var text: String {
        """
        digest sha256:\(digest)
        bytes \(bytes)
        recipe \(recipe)
        created \(created)
        source \(source.map { $0.isNewline ? " " : String($0) }.joined())

        """
    }

    /// Nil if the text is not a record.
    init?(text: String) {
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            fields[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
        }
        guard let digest = fields["digest"], digest.hasPrefix("sha256:"), digest.utf8.count == 7 + 64,
            digest.dropFirst(7).allSatisfy({ "0123456789abcdef".contains($0) }),
            let bytes = fields["bytes"].flatMap({ UInt64($0) })
        else { return nil }
        self.digest = String(digest.dropFirst(7))
        self.bytes = bytes
        source = fields["source"] ?? ""
        recipe = fields["recipe"] ?? ""
        created = fields["created"].flatMap { Int64($0) } ?? 0
    }
}
