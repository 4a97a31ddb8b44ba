import Images

@testable import Templates

/// The first page of a template's file, as it is, and with its checksum made right: which is what gets past it, and what
/// somebody who can write the store can do.
func fuzzTemplateHeader(_ input: [UInt8]) {
    parse(input)
    var bytes = input + [UInt8](repeating: 0, count: max(0, TemplateHeader.bytes - input.count))
    var hash = SHA256()
    hash.update(Array(bytes[..<(TemplateHeader.bytes - 32)]))
    bytes.replaceSubrange(
        (TemplateHeader.bytes - 32)..<TemplateHeader.bytes,
        with: TemplateHeader.digest(hexadecimal: hash.hexadecimalDigest()))
    parse(bytes)
}

private func parse(_ bytes: [UInt8]) {
    let header: TemplateHeader
    do throws(TemplateHeaderError) { header = try TemplateHeader(parsing: bytes) } catch { return }
    precondition(header.memoryBytes >= 16 << 20 && header.memoryBytes <= 256 << 30, "a machine that cannot be")
    precondition(header.dataBytes <= header.memoryBytes + header.stateBytes, "more saved than there was")
    precondition((1...64).contains(header.processors), "more processors than a machine has")
    precondition(ImageStore.isValid(name: header.image), "an image that leaves the store")
    precondition(header.workingDirectory.hasPrefix("/"), "a relative working directory")
    guard let encoded = try? header.encoded(), let again = try? TemplateHeader(parsing: encoded) else {
        preconditionFailure("\(header) is not read again")
    }
    precondition((try? again.encoded()) == encoded, "\(header) has changed")
}

/// A header as `template create` writes it.
func templateHeaderSeeds() -> [[UInt8]] {
    let header = TemplateHeader(
        kind: .program, memoryBytes: 256 << 20, imageBytes: 4096, created: 1,
        processor: ProcessorIdentity(words: (0..<16).map { UInt32($0) }), image: "python",
        workingDirectory: "/job", command: [Array("python3".utf8), Array("-c".utf8)])
    return (try? [header.encoded()]) ?? []
}
