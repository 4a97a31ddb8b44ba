import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage
import Testing

@testable import VirtioDevices

/// Every kind of descriptor a user may hand us, read and written without waiting.
@Suite struct HostStreamTests {
    let memory: GuestMemory

    init() throws {
        memory = try GuestMemory(size: 1 << 20)
        try ignoreBrokenPipeSignal()
    }

    private func buffers(_ count: UInt32) throws -> GuestBuffers {
        var buffers = GuestBuffers(in: memory)
        try buffers.append(GuestAddress(0x1000), count: count)
        return buffers
    }

    private func describe(_ outcome: HostStream.Outcome) -> String {
        switch outcome {
        case .moved(let count): "moved \(count)"
        case .wouldBlock: "would block"
        case .endOfFile: "end"
        case .failed(let errno): "failed \(errno.rawValue)"
        }
    }

    @Test("a blocking pipe says when it is empty, when it is full, and when its other end is gone")
    func pipe() throws {
        let pipe = try Pipe()
        let reader = try HostStream(owning: pipe.reading, direction: .both)
        let writer = try HostStream(owning: pipe.writing, direction: .both)
        #expect((reader.canRead, reader.canWrite) == (true, false))
        #expect((writer.canRead, writer.canWrite) == (false, true))
        #expect(describe(reader.read(into: try buffers(100))) == "would block")
        // On a kernel without RWF_NOWAIT for pipes this takes several writes of 4096 bytes.
        var total = 0
        while case .moved(let count) = writer.write(try buffers(1 << 17)) { total += count }
        #expect(total == 65536)
        #expect(describe(writer.write(try buffers(1))) == "would block")
        reader.close()
        #expect(describe(writer.write(try buffers(1))) == "failed \(EPIPE)")
    }

    @Test("a terminal is written in pieces that it takes, and its end is the end of the input")
    func terminal() throws {
        let controller = try OwnedDescriptor.open("/dev/ptmx", flags: O_RDWR | O_NOCTTY)
        var (unlocked, number): (CInt, CInt) = (0, 0)
        try checked(linux_ioctl_pointer(controller.borrowed.rawValue, 0x4004_5431, &unlocked))  // TIOCSPTLCK
        try checked(linux_ioctl_pointer(controller.borrowed.rawValue, 0x8004_5430, &number))  // TIOCGPTN
        let stream = try HostStream(
            owning: try .open("/dev/pts/\(number)", flags: O_RDWR | O_NOCTTY), direction: .both)
        #expect((stream.canRead, stream.canWrite) == (true, true))
        #expect(describe(stream.read(into: try buffers(10))) == "would block")
        #expect(describe(stream.write(try buffers(10_000))) == "moved 256")
        try controller.borrowed.write(all: Array("line\n".utf8))
        #expect(describe(stream.read(into: try buffers(100))) == "moved 5")
        let flags = try #require(stream.file).statusFlags()
        #expect(flags & O_NONBLOCK == 0)
    }

    @Test("a socket is written as far as it takes, and a dead one fails without a signal")
    func socket() throws {
        let pair = try SocketPair(type: CInt(SOCK_STREAM.rawValue))
        let stream = try HostStream(owning: pair.first, direction: .both)
        let peer = try HostStream(owning: pair.second, direction: .both)
        var total = 0
        while case .moved(let count) = stream.write(try buffers(1 << 16)) { total += count }
        #expect(total >= 65536)
        #expect(describe(stream.write(try buffers(1))) == "would block")
        peer.close()
        #expect(describe(stream.write(try buffers(1))) == "failed \(EPIPE)")
    }

    @Test("a full disk is an error, not a wait", .enabled(if: FileDescriptor.hasFullDevice))
    func fullDisk() throws {
        let stream = try HostStream(owning: try .open("/dev/full", flags: O_WRONLY), direction: .both)
        #expect(describe(stream.write(try buffers(10))) == "failed \(ENOSPC)")
    }
}

extension FileDescriptor {
    fileprivate static var hasFullDevice: Bool { access("/dev/full", W_OK) == 0 }
}
