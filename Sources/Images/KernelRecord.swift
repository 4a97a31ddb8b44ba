/// What the store remembers about a guest kernel: one small text file of `key value` lines.
public struct KernelRecord: Equatable, Sendable {
    public struct File: Equatable, Sendable {
        /// SHA-256 in lower-case hexadecimal.
        public var digest: String
        public var bytes: UInt64
    }

    /// A vmlinux or a bzImage.
    public var kernel: File
    /// What it needs besides our own init: a stock kernel's modules. A cpio archive.
    public var initramfs: File?
    /// Where it came from, for people: `recipe PATH`.
    public var source: String
    /// Fingerprint of the recipe and its inputs (`Recipe.fingerprint`).
    public var recipe: String
    /// Seconds since 1970.
    public var created: Int64

    public var bytes: UInt64 { kernel.bytes + (initramfs?.bytes ?? 0) }

    init(kernel: File, initramfs: File?, source: String, recipe: String, created: Int64) {
        self.kernel = kernel
        self.initramfs = initramfs
        self.source = source
        self.recipe = recipe
        self.created = created
    }

    var text: String {
        """
        kernel \(kernel.text)
        \(initramfs.map { "initramfs \($0.text)\n" } ?? "")recipe \(recipe)
        created \(created)
        source \(source.map { $0.isNewline ? " " : String($0) }.joined())

        """
    }

    /// Nil if the text is not a record.
    init?(text: String) {
        var fields: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            fields[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        guard let kernel = fields["kernel"].flatMap(File.init(text:)) else { return nil }
        self.kernel = kernel
        initramfs = fields["initramfs"].flatMap(File.init(text:))
        guard (initramfs == nil) == (fields["initramfs"] == nil) else { return nil }
        source = fields["source"].map(String.init) ?? ""
        recipe = fields["recipe"].map(String.init) ?? ""
        created = fields["created"].flatMap { Int64($0) } ?? 0
    }
}

extension KernelRecord.File {
    var text: String { "sha256:\(digest) \(bytes)" }

    init?(text: Substring) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[0].hasPrefix("sha256:"), let bytes = UInt64(parts[1]) else { return nil }
        let digest = parts[0].dropFirst(7)
        guard digest.utf8.count == 64, digest.allSatisfy({ "0123456789abcdef".contains($0) }) else {
            return nil
        }
        self.init(digest: String(digest), bytes: bytes)
    }
}
