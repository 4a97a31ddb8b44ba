import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import Images

@Suite struct StoreTests {
    @Test("where HOME is not set the store is the user's own by /etc/passwd, and never root's")
    func home() throws {
        let passwd = "/tmp/swiftlet-passwd-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { try? unlinkFile(passwd.bytes) }
        let text = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nbad:x:7:7::relative:\n"
        try replaceFile(passwd.bytes, with: Array(text.utf8))
        #expect(ImageStore.home(ofUser: 0, in: passwd) == "/root")
        #expect(ImageStore.home(ofUser: 1000, in: passwd) == "/home/ann")
        #expect(ImageStore.home(ofUser: 7, in: passwd) == nil)
        #expect(ImageStore.home(ofUser: 1001, in: passwd) == nil)
        #expect(ImageStore.standard { $0 == "HOME" ? "/home/x" : nil }.root == "/home/x/.local/share/swiftlet")
    }

    @Test("no more digests are kept than there is room for")
    func digests() throws {
        let directory = "/tmp/swiftlet-digests-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { _ = system("rm -rf \(directory)") }
        try makeDirectoryAndParents(directory.bytes)
        let cache = DigestCache(directory: directory)
        // Each of a file that is where it says, so that none of them is stale.
        for number in 0..<DigestCache.maximumRecords + 20 {
            let path = "\(directory).file-\(number)"
            let file = try OwnedDescriptor.open(path, flags: O_RDWR | O_CREAT, mode: 0o600)
            cache.keep(
                String(repeating: "a", count: 64), for: try file.borrowed.status(), at: path.bytes,
                now: Int64.max)
        }
        #expect(try listNames(directory).count == DigestCache.maximumRecords)
        _ = system("rm -f \(directory).file-*")
    }
}
