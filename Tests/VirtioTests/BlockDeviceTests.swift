import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage
import Testing
import Virtio
import VirtioDevices

@Suite struct BlockDeviceTests {
    static let header = DeviceBench.dataBase, data = DeviceBench.dataBase + 0x1000
    static let status = DeviceBench.dataBase + 0x800
    static let sectors = 64

    /// Answers, as in virtio 1.2 §5.2.6.
    static let ok: UInt8 = 0, ioError: UInt8 = 1, unsupported: UInt8 = 2

    let file: FileDescriptor
    private let owner: OwnedFile
    let device: BlockDevice
    let bench: DeviceBench

    /// Keeps the test's own descriptor of the disk open.
    final class OwnedFile {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    init() throws {
        owner = OwnedFile(try OwnedDescriptor.memoryFile(name: "disk", size: Self.sectors * 512))
        file = owner.descriptor.borrowed
        device = BlockDevice(
            try FileBackend(owning: owner.descriptor.duplicate(), readOnly: false), identity: "swiftlet-0")
        bench = try DeviceBench(device)
        try bench.start([.version1, .indirectDescriptors])
    }

    /// One request; returns the status byte and the length in the used ring.
    private func request(
        _ type: UInt32, sector: UInt64 = 0, _ pieces: [GuestDriverQueue.Piece], on bench: DeviceBench? = nil
    ) throws -> (status: UInt8, written: UInt32) {
        let bench = bench ?? self.bench
        try bench.store([0xee], at: Self.status)
        let outhdr = virtio_blk_outhdr(type: type, ioprio: 0, sector: sector)
        try bench.memory.store(outhdr, at: GuestAddress(Self.header))
        try bench.queues[0].add([.readable(Self.header, 16)] + pieces + [.writable(Self.status, 1)])
        try bench.kick(0)
        let used = try bench.queues[0].takeUsed()
        #expect(used.count == 1)
        return (try bench.bytes(at: Self.status, 1)[0], used.first?.written ?? 0)
    }

    private func fileBytes(at offset: Int, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try checked(linux_pread(file.rawValue, &bytes, count, Int64(offset)))
        return bytes
    }

    // MARK: What it is for

    @Test("a write reaches the file at its sector and a read brings it back, however the buffers are cut")
    func readAndWrite() throws {
        let content = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        try bench.store(content, at: Self.data)
        let written = try request(
            1, sector: 3, [.readable(Self.data, 100), .readable(Self.data + 100, 924)])
        #expect(written == (Self.ok, 1))
        #expect(try fileBytes(at: 3 * 512, 1024) == content)
        let read = try request(
            0, sector: 3, [.writable(Self.data + 0x1000, 1000), .writable(Self.data + 0x2000, 24)])
        #expect(read == (Self.ok, 1025))
        #expect(try bench.bytes(at: Self.data + 0x1000, 1000) == Array(content[..<1000]))
        #expect(try bench.bytes(at: Self.data + 0x2000, 24) == Array(content[1000...]))
    }

    @Test("capacity, flush and serial number are told")
    func identity() throws {
        #expect(bench.transport.read(offset: 0x100, width: 8) == UInt64(Self.sectors))
        #expect(try request(4, []) == (Self.ok, 1))
        #expect(try request(8, [.writable(Self.data, 20)]) == (Self.ok, 21))
        #expect(
            try bench.bytes(at: Self.data, 20) == Array("swiftlet-0".utf8) + [UInt8](repeating: 0, count: 10))
    }

    @Test("HOSTILE 8: the header may be split over descriptors, and the status share one with the data (§2.7.4.3)")
    func framing() throws {
        try bench.memory.store(
            virtio_blk_outhdr(type: 0, ioprio: 0, sector: 0), at: GuestAddress(Self.header))
        try bench.queues[0].add([
            .readable(Self.header, 1), .readable(Self.header + 1, 14), .readable(Self.header + 15, 1),
            .writable(Self.data, 513),
        ])
        try bench.store([0xee], at: Self.data + 512)
        try bench.kick(0)
        #expect(try bench.queues[0].takeUsed().map(\.written) == [513])
        #expect(try bench.bytes(at: Self.data + 512, 1) == [Self.ok])
    }

    // MARK: Hostile drivers

    @Test("HOSTILE 8: a request past the end, or whose end wraps, is refused and touches nothing")
    func pastEnd() throws {
        try bench.store([UInt8](repeating: 0xaa, count: 1024), at: Self.data)
        let piece = [GuestDriverQueue.Piece.readable(Self.data, 1024)]
        for sector: UInt64 in [63, 64, 65, 1 << 55, .max / 512, .max - 1, .max] {
            #expect(try request(1, sector: sector, piece).status == Self.ioError)
        }
        #expect(try file.status().size == UInt64(Self.sectors * 512))
        #expect(try fileBytes(at: 0, Self.sectors * 512).allSatisfy { $0 == 0 })
        #expect(try request(1, sector: 62, piece).status == Self.ok)
        #expect(device.refusedCount == 7)
    }

    @Test("HOSTILE 8: data that is not whole sectors is refused", arguments: [1, 511, 513, 1023] as [UInt32])
    func partSectors(_ count: UInt32) throws {
        #expect(try request(0, [.writable(Self.data, count)]).status == Self.ioError)
        #expect(try request(1, [.readable(Self.data, count)]).status == Self.ioError)
    }

    @Test("HOSTILE 8, 10: unknown types, SCSI passthrough and discard among them, are unsupported")
    func unknownTypes() throws {
        for type: UInt32 in [2, 3, 5, 7, 9, 11, 13, 0x8000_0000, .max] {
            #expect(try request(type, [.writable(Self.data, 512)]).status == Self.unsupported)
        }
    }

    @Test("HOSTILE 8: a chain without a whole header, or without room for a status, is given back unanswered")
    func shortChains() throws {
        try bench.queues[0].add([.readable(Self.header, 15), .writable(Self.status, 1)])
        try bench.queues[0].add([.writable(Self.status, 1)])
        try bench.queues[0].add([.readable(Self.header, 16), .readable(Self.data, 512)])
        try bench.queues[0].add([.readable(Self.header, 16), .writable(Self.status, 0)])
        try bench.kick(0)
        #expect(try bench.queues[0].takeUsed().map(\.written) == [1, 1, 0, 0])
        #expect(device.refusedCount == 4)
        #expect(bench.failures.errors == [])
    }

    @Test("HOSTILE 8: get-id into less than 20 bytes is refused and writes no more than the status")
    func shortIdentity() throws {
        try bench.store([UInt8](repeating: 0x55, count: 32), at: Self.data)
        #expect(try request(8, [.writable(Self.data, 19)]) == (Self.ioError, 1))
        #expect(try bench.bytes(at: Self.data, 32) == [UInt8](repeating: 0x55, count: 32))
    }

    @Test("HOSTILE 8, 24: a read-only disk offers RO and no flush, and refuses writes")
    func readOnly() throws {
        let path = "/proc/self/fd/\(file.rawValue)"
        let disk = BlockDevice(
            try FileBackend(owning: OwnedDescriptor.open(path, flags: O_RDONLY), readOnly: true), identity: ""
        )
        let bench = try DeviceBench(disk)
        #expect(bench.read(.deviceFeatures) & (1 << 5 | 1 << 9) == 1 << 5)
        try bench.start()
        #expect(try request(1, [.readable(Self.data, 512)], on: bench).status == Self.ioError)
        #expect(try request(4, [], on: bench).status == Self.unsupported)
        #expect(try request(0, [.writable(Self.data, 512)], on: bench) == (Self.ok, 513))
        #expect(try fileBytes(at: 0, 512).allSatisfy { $0 == 0 })
    }

    @Test("HOSTILE 8: a file that became shorter is an error to the guest, and not a crash")
    func truncated() throws {
        try checked(linux_ftruncate(file.rawValue, 512))
        #expect(try request(0, sector: 0, [.writable(Self.data, 1024)]).status == Self.ioError)
        #expect(device.failedCount == 1)
    }

    @Test("HOSTILE 9: after a reset the old queue is not touched, whatever is in it")
    func afterReset() throws {
        let loop = bench.loop
        let thread = try Thread(name: "loop") { try? loop.run() }
        bench.writeStatus([])
        loop.stop()
        thread.join()
        try bench.memory.store(
            virtio_blk_outhdr(type: 0, ioprio: 0, sector: 0), at: GuestAddress(Self.header))
        try bench.queues[0].add([
            .readable(Self.header, 16), .writable(Self.data, 512), .writable(Self.status, 1),
        ])
        try device.queueNotified(0)
        #expect(try bench.queues[0].takeUsed().isEmpty)
    }

    @Test("HOSTILE 10: what the guest writes at the start of the disk does not change what the disk is")
    func noFormat() throws {
        // A qcow2 header that names a backing file.
        try bench.store([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3] + Array("/etc/passwd".utf8), at: Self.data)
        #expect(try request(1, sector: 0, [.readable(Self.data, 512)]).status == Self.ok)
        let again = BlockDevice(
            try FileBackend(owning: owner.descriptor.duplicate(), readOnly: false), identity: "")
        let bench = try DeviceBench(again)
        try bench.start()
        #expect(bench.transport.read(offset: 0x100, width: 8) == UInt64(Self.sectors))
        #expect(try request(0, sector: 0, [.writable(Self.data, 512)], on: bench).status == Self.ok)
        #expect(try bench.bytes(at: Self.data, 4) == [0x51, 0x46, 0x49, 0xfb])
    }
}

@Suite struct FileBackendTests {
    private func error(_ file: consuming OwnedDescriptor, readOnly: Bool) -> FileBackendError? {
        do throws(FileBackendError) {
            _ = try FileBackend(owning: file, readOnly: readOnly)
            return nil
        } catch {
            return error
        }
    }

    @Test("HOSTILE 24: a disk must be a file of whole sectors, opened for what it is to be used for")
    func opening() throws {
        #expect(
            error(try .memoryFile(name: "odd", size: 1000), readOnly: false)
                == .sizeNotSectorMultiple(bytes: 1000))
        #expect(error(try .memoryFile(name: "empty"), readOnly: false) == .empty)
        #expect(error(try .memoryFile(name: "rw", size: 512), readOnly: true) == .readOnlyDiskIsWritable)
        #expect(
            error(try .open("/proc/self/exe", flags: O_RDONLY), readOnly: false) == .writableDiskIsReadOnly)
        #expect(error(try .open("/dev/null", flags: O_RDWR), readOnly: false) == .notAFile(.characterDevice))
        #expect(error(try .open("/", flags: O_RDONLY), readOnly: true) == .notAFile(.directory))
        #expect(error(try .memoryFile(name: "good", size: 512), readOnly: false) == nil)
        #expect(
            "\(FileBackendError.sizeNotSectorMultiple(bytes: 1000))"
                == "a disk of 1000 bytes is not a multiple of 512")
    }
}
