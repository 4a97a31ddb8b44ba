import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import Images

/// A store in a directory of its own, removed at the end.
final class TemporaryStore {
    let store: ImageStore

    init() throws {
        let path = "/tmp/swiftlet-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        store = ImageStore(root: path)
        try store.makeDirectories()
    }

    deinit {
        let command = Command(
            arguments: ["/bin/rm", "-rf", "--", store.root], environment: [], output: 2, log: 2)
        _ = try? command.run()
    }

    /// A file in the store's work directory.
    func file(_ bytes: [UInt8]) throws -> String {
        let path = store.workDirectory + "/image-\(UInt32.random(in: 0...UInt32.max))"
        let file = try OwnedDescriptor.open(path: path.bytes, flags: O_WRONLY | O_CREAT, mode: 0o644)
        try file.borrowed.write(all: bytes)
        return path
    }
}

/// The smallest file that passes for an image: `blocks` blocks of zeros with an EROFS superblock.
func erofs(blocks: UInt32, magic: UInt32 = 0xe0f5_e1e2, blockSizeBits: UInt8 = 12, fill: UInt8 = 0) -> [UInt8]
{
    var bytes = [UInt8](repeating: fill, count: Int(blocks) * 4096)
    for index in 0..<128 { bytes[1024 + index] = 0 }
    for index in 0..<4 {
        bytes[1024 + index] = UInt8(truncatingIfNeeded: magic >> (8 * UInt32(index)))
        bytes[1024 + 36 + index] = UInt8(truncatingIfNeeded: blocks >> (8 * UInt32(index)))
    }
    bytes[1024 + 12] = blockSizeBits
    return bytes
}

@Suite struct ImageStoreTests {
    let temporary: TemporaryStore
    var store: ImageStore { temporary.store }

    init() throws { temporary = try TemporaryStore() }

    @Test("an image that was added opens under its name with its digest")
    func addAndOpen() throws {
        let record = try store.add(
            file: temporary.file(erofs(blocks: 2)), name: "a", source: "test", recipe: "")
        let image = try store.open("a")
        #expect(image.digest == record.digest)
        #expect(image.bytes == 8192)
        #expect(throws: Never.self) { try store.verify("a") }
    }

    @Test("a name is moved to new content by adding again, and the old file goes")
    func replaced() throws {
        let old = try store.add(file: temporary.file(erofs(blocks: 2)), name: "a", source: "", recipe: "")
        _ = try store.add(file: temporary.file(erofs(blocks: 3)), name: "a", source: "", recipe: "")
        #expect(try store.open("a").bytes == 3 * 4096)
        #expect(access(store.blobPath(digest: old.digest), F_OK) != 0)
    }

    @Test("two names of the same content share a file, and removing one keeps the other's")
    func shared() throws {
        _ = try store.add(file: temporary.file(erofs(blocks: 2)), name: "a", source: "", recipe: "")
        _ = try store.add(file: temporary.file(erofs(blocks: 2)), name: "b", source: "", recipe: "")
        try store.remove("a")
        #expect(try store.names() == ["b"])
        #expect(try store.open("b").bytes == 8192)
        try store.remove("b")
        #expect(throws: ImageError.notFound(name: "b", store: store.recordDirectory)) {
            try store.remove("b")
        }
    }

    @Test("a truncated image file is refused with both sizes")
    func truncated() throws {
        let record = try store.add(file: temporary.file(erofs(blocks: 3)), name: "a", source: "", recipe: "")
        let path = store.blobPath(digest: record.digest)
        #expect(truncate(path, 8192) == 0)
        let error = #expect(throws: ImageError.self) { _ = try store.open("a").bytes }
        #expect(error == .truncated(path: path, bytes: 8192, expected: 3 * 4096))
    }

    @Test("a file cut below what its superblock says is refused even without a record")
    func truncatedOutsideStore() throws {
        let path = try temporary.file(Array(erofs(blocks: 3).prefix(8192)))
        let error = #expect(throws: ImageError.self) { _ = try store.open(path).bytes }
        #expect(error == .truncated(path: path, bytes: 8192, expected: 3 * 4096))
    }

    @Test(
        "HOSTILE 10: what is no EROFS image with 4 KiB blocks is refused, and never gets a name",
        arguments: [
            [], Array("not an image".utf8), erofs(blocks: 2, magic: 0x1234_5678),
            erofs(blocks: 2, blockSizeBits: 9),
            [UInt8](repeating: 0xff, count: 8192),
        ])
    func foreign(bytes: [UInt8]) throws {
        let path = try temporary.file(bytes)
        let error = #expect(throws: ImageError.self) { _ = try store.open(path).bytes }
        if case .foreign = error {} else { Issue.record("\(String(describing: error))") }
        #expect(throws: ImageError.self) { try store.add(file: path, name: "a", source: "", recipe: "") }
        #expect(try store.names().isEmpty)
    }

    @Test("content that changed under its name is found by verify")
    func changed() throws {
        let record = try store.add(file: temporary.file(erofs(blocks: 2)), name: "a", source: "", recipe: "")
        let path = store.blobPath(digest: record.digest)
        try setMode(path.bytes, 0o644)
        let file = try OwnedDescriptor.open(path: path.bytes, flags: O_WRONLY)
        try file.borrowed.write(all: [1])
        #expect(throws: ImageError.self) { try store.verify("a") }
    }

    @Test(
        "HOSTILE 20: names that could leave the directory or look like an option are refused",
        arguments: [
            "", ".", "..", "../x", "a/b", "-x", "Ä", "A", "a b", String(repeating: "a", count: 65),
        ])
    func badNames(name: String) {
        #expect(!ImageStore.isValid(name: name))
    }

    @Test("a record that is damaged is named, not guessed at")
    func damagedRecord() throws {
        try replaceFile(store.recordPath("a").bytes, with: Array("digest sha256:xyz\n".utf8))
        #expect(throws: ImageError.badRecord(path: store.recordPath("a"))) { try store.record(named: "a") }
    }
}

@Suite struct DigestCacheTests {
    let temporary: TemporaryStore
    var cache: DigestCache { DigestCache(directory: temporary.store.root + "/digests") }

    init() throws { temporary = try TemporaryStore() }

    private func status(of path: String) throws -> FileStatus {
        let file = try OwnedDescriptor.open(path, flags: O_RDONLY)
        return try file.borrowed.status()
    }

    private let digest = String(repeating: "ab", count: 32)
    private let later: Int64 = 3_000_000_000

    @Test(
        "a digest is kept for a file as it is, and forgotten when the file changes, also by bytes of the same number"
    )
    func kept() throws {
        let path = try temporary.file([1, 2, 3])
        let before = try status(of: path)
        #expect(cache.digest(for: before) == nil)
        cache.keep(digest, for: before, at: path.bytes, now: before.changed + later)
        #expect(cache.digest(for: before) == digest)
        usleep(20_000)
        let file = try OwnedDescriptor.open(path, flags: O_WRONLY)
        try file.borrowed.write(all: [4, 5, 6])
        #expect(cache.digest(for: try status(of: path)) == nil)
    }

    @Test("the digest of a file that changed just now is not kept: it could change again within a tick")
    func unsettled() throws {
        let status = try status(of: temporary.file([1]))
        cache.keep(digest, for: status, at: "/x".bytes, now: status.changed + 1_000_000_000)
        #expect(cache.digest(for: status) == nil)
    }

    @Test(
        "a damaged record is no digest",
        arguments: ["", "1", "1 2", "x y z", "1 2 abcd", String(repeating: "9", count: 300)])
    func damaged(record: String) throws {
        let status = try status(of: temporary.file([1]))
        cache.keep(digest, for: status, at: "/x".bytes, now: status.changed + later)
        let path = "\(cache.directory)/\(status.device)-\(status.inode)"
        let file = try OwnedDescriptor.open(path, flags: O_WRONLY | O_TRUNC)
        try file.borrowed.write(all: Array(record.utf8))
        #expect(cache.digest(for: status) == nil)
    }

    @Test("when an image is stored, digests of files that are gone or changed go, and the others stay")
    func stale() throws {
        let (kept, changed, gone) = (
            try temporary.file([1]), try temporary.file([2]), try temporary.file([3])
        )
        for path in [kept, changed, gone] {
            let status = try status(of: path)
            cache.keep(digest, for: status, at: path.bytes, now: status.changed + later)
        }
        // As written before digests had a place, and what a writer that was killed left.
        try replaceFile("\(cache.directory)/1-2".bytes, with: Array("1 2 \(digest)".utf8))
        try replaceFile("\(cache.directory)/1-3.77".bytes, with: [])
        try replaceFile(changed.bytes, with: [2, 2])
        try unlinkFile(gone.bytes)
        let image = try temporary.file(erofs(blocks: 2))
        _ = try temporary.store.add(file: image, name: "a", source: "", recipe: "")
        let status = try status(of: kept)
        #expect(cache.digest(for: status) == digest)
        #expect(try listNames(cache.directory) == ["\(status.device)-\(status.inode)"])
    }

    @Test("the store answers with the file's SHA-256, cache or none")
    func whole() throws {
        let file = try OwnedDescriptor.open(temporary.file(Array("abc".utf8)), flags: O_RDONLY)
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try temporary.store.digest(of: file.borrowed, path: "abc") == expected)
        let status = try file.borrowed.status()
        cache.keep(expected, for: status, at: "/x".bytes, now: status.changed + later)
        #expect(try temporary.store.digest(of: file.borrowed, path: "abc") == expected)
    }
}

@Suite struct RecipeTests {
    @Test("a recipe's needs are the words with a command's name; one without is left out")
    func needs() throws {
        let store = try TemporaryStore()
        let script = try store.file(Array("# needs: = tar a=b\n".utf8))
        let directory = store.store.workDirectory + "/recipe"
        try makeDirectoryAndParents(directory.bytes)
        try rename(script.bytes, to: (directory + "/recipe.sh").bytes)
        let recipe = try Recipe.find(directory, in: "/none")
        #expect(recipe.needs.map(\.tool) == ["tar", "a"])
        #expect(recipe.needs.map(\.package) == ["tar", "b"])
    }
}

@Suite struct SHA256Tests {
    private func digest(_ bytes: [UInt8], piece: Int) -> String {
        var hash = SHA256()
        var offset = 0
        while offset < bytes.count {
            hash.update(Array(bytes[offset..<min(offset + piece, bytes.count)]))
            offset += piece
        }
        return hash.hexadecimalDigest()
    }

    @Test("the examples of FIPS 180-4 come out, in pieces of any size", arguments: [1, 7, 64, 1000])
    func examples(piece: Int) {
        #expect(
            digest([], piece: piece) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            digest(Array("abc".utf8), piece: piece)
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8), piece: piece)
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            digest([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000), piece: 1000)
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
}
