import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import Testing

@Suite struct OwnedDescriptorTests {
    @Test("an owned descriptor is closed when its owner ends")
    func closes() throws {
        let pipe = try Pipe()
        let reading = pipe.reading.borrowed
        do {
            let writing = try pipe.writing.duplicate()
            try writing.borrowed.write(all: [1, 2, 3])
        }
        #expect(try reading.read(upTo: 10) == [1, 2, 3])
    }

    @Test("a released descriptor stays open")
    func releases() throws {
        let file = try OwnedDescriptor.memoryFile(name: "test", size: 4096)
        let raw = file.release()
        #expect(try raw.status().size == 4096)
        _ = OwnedDescriptor(owning: raw)
    }

    @Test("an error of the kernel arrives as its errno")
    func errors() {
        #expect(throws: Errno.noSuchFileOrDirectory) {
            _ = try OwnedDescriptor.open("/nonexistent/file", flags: O_RDONLY)
        }
        #expect(throws: Errno.badFileDescriptor) { try FileDescriptor(rawValue: 9999).status() }
    }

    @Test("what a descriptor is and may do is told")
    func kinds() throws {
        let pipe = try Pipe()
        #expect(try pipe.reading.borrowed.status().kind == .pipe)
        #expect(try pipe.reading.borrowed.isReadable && !pipe.reading.borrowed.isWritable)
        let pair = try SocketPair(type: CInt(SOCK_STREAM.rawValue))
        #expect(try pair.first.borrowed.status().kind == .socket)
        let null = try OwnedDescriptor.open("/dev/null", flags: O_RDWR)
        #expect(try null.borrowed.status().kind == .characterDevice)
    }
}

@Suite struct MappingTests {
    @Test("anonymous memory is zero and can be written")
    func anonymous() throws {
        let mapping = try Mapping(anonymous: 1 << 20)
        #expect(mapping.count == 1 << 20)
        #expect(mapping.baseAddress.load(fromByteOffset: 12345, as: UInt8.self) == 0)
        mapping.baseAddress.storeBytes(of: 7, toByteOffset: (1 << 20) - 1, as: UInt8.self)
        #expect(mapping.baseAddress.load(fromByteOffset: (1 << 20) - 1, as: UInt8.self) == 7)
    }

    @Test("a size of 0 is refused, not mapped")
    func empty() {
        #expect(throws: Errno.invalidArgument) { _ = try Mapping(anonymous: 0) }
    }

    @Test("memory for large pages begins at one, and all of it is there, zero")
    func largePages() throws {
        let count = (6 << 20) + 4096
        let mapping = try Mapping(anonymous: count, hugePagesFrom: 2 << 20)
        #expect(UInt(bitPattern: mapping.baseAddress) % (2 << 20) == 0)
        #expect(mapping.count == count)
        // SAFETY: the mapping is `count` bytes, ours, and alive.
        let bytes = UnsafeMutableRawBufferPointer(start: mapping.baseAddress, count: mapping.count)
        #expect(bytes[0] == 0 && bytes[count - 1] == 0)
        bytes[count - 1] = 1
        #expect(bytes[count - 1] == 1)
    }
}

@Suite struct EventTests {
    @Test("an eventfd counts its signals and is drained at once")
    func eventFD() throws {
        let event = try EventFD()
        #expect(event.drain() == 0)
        event.signal()
        event.signal()
        #expect(event.drain() == 2)
        #expect(event.drain() == 0)
    }

    @Test("epoll reports the token of what is ready, and nothing else")
    func epoll() throws {
        let epoll = try Epoll()
        let ready = try EventFD()
        let quiet = try EventFD()
        try epoll.add(ready.descriptor, .readable, token: 0x1_0000_0002)
        try epoll.add(quiet.descriptor, .readable, token: 3)
        ready.signal()
        var seen: [UInt64] = []
        try epoll.wait(timeoutMilliseconds: 0) { token, _ in seen.append(token) }
        #expect(seen == [0x1_0000_0002])
        try epoll.remove(ready.descriptor)
        try epoll.wait(timeoutMilliseconds: 0) { _, _ in Issue.record("removed descriptors are not reported")
        }
    }

    @Test("a regular file cannot be watched: EPERM")
    func regularFile() throws {
        let epoll = try Epoll()
        let file = try OwnedDescriptor.memoryFile(name: "test")
        #expect(throws: Errno.notPermitted) { try epoll.add(file.borrowed, .readable, token: 0) }
    }
}

@Suite struct ThreadTests {
    @Test("join returns when the thread's body has ended")
    func join() throws {
        let flag = SharedFlag()
        let thread = try Thread(name: "a name longer than fifteen bytes") { flag.set() }
        thread.join()
        #expect(flag.isSet)
    }

    private final class SharedFlag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }
}
