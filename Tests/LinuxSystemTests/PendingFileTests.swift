import Glibc
import LinuxSystem
import SystemPackage
import Testing

@Suite struct PendingFileTests {
    /// An empty folder of this test's.
    private let directory = Array("/tmp/swiftlet-test-pending-\(UInt64.random(in: 0...UInt64.max))".utf8)

    private var target: [UInt8] { directory + Array("/result".utf8) }

    private func pending() throws(Errno) -> PendingFile {
        try PendingFile(path: target, temporaryPath: directory + Array("/.temporary".utf8), mode: 0o600)
    }

    private func names() throws(Errno) -> [String] {
        try listDirectory(directory).map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    private func contents() throws -> [UInt8] {
        let file = try OwnedDescriptor.open(path: target, flags: O_RDONLY)
        return try file.borrowed.readAll(atMost: 100)
    }

    private func remove() throws {
        for name in try listDirectory(directory) { try unlinkFile(directory + Array("/".utf8) + name) }
        try removeEmptyDirectory(directory)
    }

    @Test("a file has no name at all until it is published, so that a killed process leaves nothing")
    func nameless() throws {
        try makeDirectoryAndParents(directory)
        var file = try pending()
        try file.write([1, 2])
        #expect(try names() == [])
        try file.publish()
        #expect(try names() == ["result"])
        #expect(try contents() == [1, 2])
        try remove()
    }

    @Test("a published file takes the place of the one before, and of nothing else")
    func replaces() throws {
        try makeDirectoryAndParents(directory)
        for byte: UInt8 in [1, 2] {
            var file = try pending()
            try file.write([byte])
            try file.publish()
        }
        #expect(try names() == ["result"])
        #expect(try contents() == [2])
        try remove()
    }

    @Test("a file that was set aside has given its descriptor back, and is published or gone")
    func setAside() throws {
        try makeDirectoryAndParents(directory)
        var file = try pending()
        try file.write([3])
        try file.setAside()
        #expect(try names() == [".temporary"])
        try file.publish()
        #expect(try names() == ["result"])
        #expect(try contents() == [3])
        do {
            var other = try pending()
            try other.setAside()
        }
        #expect(try names() == ["result"])
        try remove()
    }
}
