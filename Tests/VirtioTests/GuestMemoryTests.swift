import GuestMemory
import LinuxSystem
import SystemPackage
import Testing

@Suite struct GuestMemoryTests {
    static let size: UInt64 = 1 << 20

    @Test("HOSTILE 5: an access may end exactly at the end of RAM and not one byte later")
    func endOfRAM() throws {
        let memory = try GuestMemory(size: Self.size)
        try memory.store(UInt64(7), at: GuestAddress(Self.size - 8))
        #expect(try memory.load(UInt64.self, at: GuestAddress(Self.size - 8)) == 7)
        #expect(throws: GuestMemoryError.outsideRAM(GuestAddress(Self.size - 7), count: 8)) {
            _ = try memory.load(UInt64.self, at: GuestAddress(Self.size - 7))
        }
        #expect(throws: GuestMemoryError.self) {
            _ = try memory.load(UInt8.self, at: GuestAddress(Self.size))
        }
        #expect(try memory.bytes(at: GuestAddress(Self.size), count: 0) == [])
    }

    @Test("HOSTILE 5: address plus length past 2^64 is refused")
    func overflow() throws {
        let memory = try GuestMemory(size: Self.size)
        var buffers = GuestBuffers(in: memory)
        #expect(throws: GuestMemoryError.self) { try buffers.append(GuestAddress(.max), count: 2) }
        #expect(throws: GuestMemoryError.self) { try buffers.append(GuestAddress(.max - 1), count: .max) }
        #expect(throws: GuestMemoryError.self) { try buffers.append(GuestAddress(4), count: .max) }
        #expect(buffers.isEmpty && buffers.vectorCount == 0)
    }

    @Test("HOSTILE 5: RAM above 3 GiB goes on at 4 GiB; the hole between belongs to no one")
    func hole() throws {
        let memory = try GuestMemory(size: GuestMemory.holeStart + 8192)
        #expect(memory.regions.map(\.guestAddress.rawValue) == [0, GuestMemory.holeEnd])
        #expect(memory.regions.map(\.count) == [GuestMemory.holeStart, 8192])
        try memory.store(UInt32(1), at: GuestAddress(GuestMemory.holeStart - 4))
        try memory.store(UInt32(2), at: GuestAddress(GuestMemory.holeEnd))
        try memory.store(UInt32(3), at: GuestAddress(GuestMemory.holeEnd + 8188))
        for address in [
            GuestMemory.holeStart - 3, GuestMemory.holeStart, 0xD000_0000, GuestMemory.holeEnd - 4,
        ] {
            #expect(throws: GuestMemoryError.self) { try memory.store(UInt32(9), at: GuestAddress(address)) }
        }
        #expect(throws: GuestMemoryError.self) {
            try memory.store(UInt32(9), at: GuestAddress(GuestMemory.holeEnd + 8189))
        }
        #expect(try memory.load(UInt32.self, at: GuestAddress(GuestMemory.holeEnd)) == 2)
    }

    @Test(
        "HOSTILE 22: memory of 0, of part of a page or of more than a host has is refused",
        arguments: [0, 1, 4095, 4097, GuestMemory.maximumSize + 4096, .max])
    func sizes(_ size: UInt64) {
        #expect(throws: Errno.invalidArgument) { _ = try GuestMemory(size: size) }
    }

    @Test("a list of buffers splits anywhere, and copies across its seams")
    func split() throws {
        let memory = try GuestMemory(size: Self.size)
        var buffers = GuestBuffers(in: memory)
        try buffers.append(GuestAddress(0x100), count: 3)
        try buffers.append(GuestAddress(0x200), count: 0)
        try buffers.append(GuestAddress(0x300), count: 5)
        let all: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(all.withUnsafeBytes { buffers.copy(from: $0) } == 8)
        #expect(buffers.bytes() == all)
        #expect(buffers.prefix(3).bytes() == [1, 2, 3])
        #expect(buffers.prefix(4).bytes() == [1, 2, 3, 4])
        #expect(buffers.dropping(4).bytes() == [5, 6, 7, 8])
        #expect(buffers.dropping(8).isEmpty)
        #expect(buffers.prefix(99).count == 8)
        #expect(buffers.load(UInt64.self) == 0x0807_0605_0403_0201)
        #expect(buffers.prefix(7).load(UInt64.self) == nil)
        #expect(try memory.bytes(at: GuestAddress(0x300), count: 6) == [4, 5, 6, 7, 8, 0])
    }

    @Test("bytes go straight between a file and guest memory")
    func files() throws {
        let memory = try GuestMemory(size: Self.size)
        let file = try OwnedDescriptor.memoryFile(name: "test", size: 4096)
        var buffers = GuestBuffers(in: memory)
        try buffers.append(GuestAddress(0x1000), count: 2)
        try buffers.append(GuestAddress(0x3000), count: 2)
        try memory.store(bytes: [1, 2], at: GuestAddress(0x1000))
        try memory.store(bytes: [3, 4], at: GuestAddress(0x3000))
        #expect(try buffers.write(to: file.borrowed, at: 4092) == 4)
        try memory.store(bytes: [9, 9], at: GuestAddress(0x3000))
        #expect(try buffers.read(from: file.borrowed, at: 4092) == 4)
        #expect(buffers.bytes() == [1, 2, 3, 4])
        #expect(try buffers.read(from: file.borrowed, at: 4096 + 4) == 0)
    }
}
