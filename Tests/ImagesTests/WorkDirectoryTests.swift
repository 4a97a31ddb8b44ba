import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import Images

@Suite struct WorkDirectoryTests {
    private final class Home {
        let store = ImageStore(root: "/tmp/swiftlet-work-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
        var names: [String] { (try? listNames(store.workDirectory)) ?? [] }

        /// What a build leaves that is killed: with its lock's file, and in the instant before it has one.
        func leave(_ name: String, withLock: Bool) throws {
            let tree = "\(store.workDirectory)/\(name)/tree"
            try makeDirectoryAndParents(tree.bytes)
            try replaceFile("\(tree)/su".bytes, with: [1], mode: 0o755)
            try setMode("\(tree)/su".bytes, 0o4755)
            if withLock { try replaceFile("\(store.workDirectory)/\(name)/lock".bytes, with: [], mode: 0o600) }
        }

        deinit {
            let rm = Command(arguments: ["/bin/rm", "-rf", "--", store.root], environment: [], output: 2, log: 2)
            _ = try? rm.run()
        }
    }

    @Test("HOSTILE 34: nobody else reaches what is unpacked: the work directory is 0700 from its first instant")
    func mode() throws {
        let home = Home()
        let work = try WorkDirectory(in: home.store)
        defer { work.remove() }
        _ = try work.makeDirectory("tree")
        #expect(try PathStatus(of: work.path.bytes, followingLinks: false).mode == 0o700)
        #expect(try PathStatus(of: (work.path + "/lock").bytes, followingLinks: false).mode == 0o600)
    }

    @Test("HOSTILE 34: what killed builds left goes, also without a lock's file; what lives stays")
    func sweep() throws {
        let home = Home()
        try home.leave("build-1", withLock: true)
        try home.leave("build-2", withLock: false)
        try home.leave("something", withLock: false)
        let work = try WorkDirectory(in: home.store)
        let own = "build-\(getpid())"
        #expect(home.names == [own, "lock", "something"])
        try home.leave("build-3", withLock: true)
        home.store.removeAbandonedWork()
        #expect(home.names == [own, "lock", "something"])
        work.remove()
        #expect(home.names == ["lock", "something"])
    }

    @Test("HOSTILE 34: whoever meets another at sweeping leaves it to them")
    func turns() throws {
        let home = Home()
        try home.leave("build-1", withLock: true)
        let lock = try OwnedDescriptor.open("\(home.store.workDirectory)/lock", flags: O_RDWR | O_CREAT, mode: 0o600)
        #expect(try lock.borrowed.lock(waiting: false))
        home.store.removeAbandonedWork()
        #expect(home.names == ["build-1", "lock"])
    }
}
