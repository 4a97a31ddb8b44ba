import CSwiftletABI
import GuestMemory
import KernelFile
import LinuxSystem
import SystemPackage
import Testing

@testable import Boot

@Suite struct LoadedTinyKernelTests {
    private static let memoryBytes: UInt64 = 16 << 20

    /// Loads `kernel` into 16 MiB.
    private func load(
        _ kernel: KernelFile = KernelFile(), reservedPages: Int = 0, rootImageBytes: UInt64? = nil
    ) throws -> (LoadedTinyKernel, GuestMemory) {
        let memory = try GuestMemory(size: Self.memoryBytes)
        let map = try PhysicalMap(memoryBytes: Self.memoryBytes, rootImageBytes: rootImageBytes)
        let file = try file(kernel.encoded())
        let loaded = try LoadedTinyKernel(
            loading: GuestKernelFile(reading: file.borrowed), into: memory, map: map,
            reservedPages: reservedPages)
        return (loaded, memory)
    }

    /// Walks the page tables in `memory` as the CPU would: the entry that maps `virtual`, and the size of its page.
    private func walk(
        _ memory: GuestMemory, _ virtual: UInt64
    ) throws -> (entry: UInt64, pageBytes: UInt64)? {
        var table = UInt64(SWIFTLET_KERNEL_PML4)
        for level in [39, 30, 21, 12] as [UInt64] {
            let entry: UInt64 = try memory.load(at: GuestAddress(table + (virtual >> level & 511) * 8))
            guard entry & 1 == 1 else { return nil }
            if level == 12 || entry & 0x80 != 0 { return (entry, 1 << level) }
            table = entry & 0x000F_FFFF_FFFF_F000
        }
        return nil
    }

    @Test("segments are in memory at their physical addresses, the rest of them is zero")
    func segments() throws {
        let (_, memory) = try load()
        #expect(try memory.bytes(at: GuestAddress(0x10_0000), count: 2) == [1, 1])
        #expect(try memory.bytes(at: GuestAddress(0x10_17FF), count: 2) == [2, 0])
        let code = try memory.bytes(at: GuestAddress(0x10_4000), count: 0x81)
        #expect(code == [UInt8](repeating: 3, count: 0x80) + [0])
    }

    @Test("code is mapped read-only for ring 3, the nucleus for ring 0 only, data no-execute")
    func permissions() throws {
        let (_, memory) = try load()
        let accessed: UInt64 = 0x20
        let dirty: UInt64 = 0x40
        let code = try #require(try walk(memory, 0x100_0000))
        #expect(code.entry == 0x10_4000 | accessed | 0b101)
        let nucleus = try #require(try walk(memory, UInt64(SWIFTLET_NUCLEUS)))
        #expect(nucleus.entry == 0x10_0000 | accessed | 0b001)
        let table = try #require(try walk(memory, UInt64(SWIFTLET_NUCLEUS_IDT)))
        #expect(table.entry == 0x10_2000 | accessed | dirty | 0b011 | 1 << 63)
        #expect(try walk(memory, 0x100_1000) == nil)
        #expect(try walk(memory, 0) == nil)
    }

    @Test("all RAM, the hole and the root image are mapped at PHYSMAP in 2 MiB pages, writable, no-execute")
    func physmap() throws {
        let (_, memory) = try load(rootImageBytes: (2 << 20) + 1)
        let physmap = UInt64(SWIFTLET_PHYSMAP)
        let largePage: UInt64 = 2 << 20
        let image: UInt64 = 4 << 30
        let mapped: [UInt64] = [
            0, Self.memoryBytes - 1, UInt64(SWIFTLET_PLATFORM_BASE), 0xFFFF_FFFF, image, image + largePage,
        ]
        for physical in mapped {
            let page = try #require(try walk(memory, physmap + physical))
            #expect(page.pageBytes == largePage)
            let expected: UInt64 = (physical & ~(largePage - 1)) | 0xE7 | 1 << 63
            #expect(page.entry == expected)
        }
        #expect(try walk(memory, physmap + Self.memoryBytes) == nil)
        #expect(try walk(memory, physmap + (4 << 30) + (4 << 20)) == nil)
    }

    @Test("the boot page says where everything is")
    func bootPage() throws {
        let (kernel, memory) = try load(reservedPages: 3, rootImageBytes: 5000)
        let device = BootDevice(
            type: 19, index: 2, features: 0x1_2000_0000, configuration: 3, queues: kernel.reserved,
            queueCount: 3)
        let facts = BootFacts(
            tscFrequency: 2_000_000_000, wallClock: 1_700_000_000_000_000_000, random: (0..<48).map { $0 },
            devices: [device])
        try LoadedKernel.tiny(kernel).writeBootPage(facts, into: memory)
        let raw = try memory.bytes(
            at: GuestAddress(UInt64(SWIFTLET_BOOT_PAGE)), count: MemoryLayout<swiftlet_boot_page>.size)
        let page = raw.withUnsafeBytes { $0.loadUnaligned(as: swiftlet_boot_page.self) }
        #expect(page.magic == UInt64(SWIFTLET_BOOT_MAGIC))
        #expect(page.version == UInt32(SWIFTLET_BOOT_VERSION))
        #expect(page.device_count == 1)
        #expect(page.tsc_frequency == 2_000_000_000)
        #expect(page.wall_clock == 1_700_000_000_000_000_000)
        #expect(page.entropy.0 == 0 && page.entropy.31 == 31)
        #expect(page.nonce.0 == 32 && page.nonce.15 == 47)
        #expect(page.nucleus_tables == 0x10_1000)
        #expect(page.nucleus_idt == 0x10_2000)
        #expect(page.memory.0.start == 0 && page.memory.0.size == Self.memoryBytes && page.memory.1.size == 0)
        #expect(page.root_image.start == 4 << 30 && page.root_image.size == 8192)
        #expect(page.devices.0.mmio == 0xD000_2000 && page.devices.0.gsi == 7)
        #expect(page.devices.0.device_id == 19)
        #expect(page.devices.0.queues == kernel.reserved && page.devices.0.queue_count == 3)
        #expect(page.free_start == kernel.reserved + 3 * 4096)
    }

    @Test("from free_start on memory is zero")
    func freeMemoryIsZero() throws {
        let (kernel, memory) = try load(reservedPages: 1)
        let rest = try memory.bytes(
            at: GuestAddress(kernel.reserved), count: Int(Self.memoryBytes - kernel.reserved))
        #expect(rest.allSatisfy { $0 == 0 })
    }

    @Test("HOSTILE 16: a file without the nucleus's pages is not a kernel of ours")
    func noNucleus() throws {
        var kernel = KernelFile()
        kernel.segments.remove(at: 1)
        #expect(throws: KernelImageError.noNucleus(page: UInt64(SWIFTLET_NUCLEUS_GDT))) {
            _ = try load(kernel)
        }
    }

    @Test("HOSTILE 16: a kernel larger than memory does not fit, and says how much it needs")
    func tooLarge() throws {
        var kernel = KernelFile()
        kernel.segments[1].physical = 0x20_0000
        kernel.segments[1].memoryBytes = Self.memoryBytes
        let error = #expect(throws: KernelImageError.self) { _ = try load(kernel) }
        guard case .doesNotFit(let needs, memory: Self.memoryBytes) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(needs > Self.memoryBytes)
    }

    @Test(
        "code comes as the file's own pages and a rest as bytes: both are right, and what the guest writes is its own"
    )
    func mapped() throws {
        let page = Int(pageBytes)
        let code = (0..<3 * page + 100).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 >> 8) }
        let physical = UInt64(SWIFTLET_KERNEL_LOAD) + 0x10_0000
        // As our linker lays it out: at a whole page of the file.
        let file = try file([UInt8](repeating: 0xEE, count: page) + code)
        let memory = try GuestMemory(size: Self.memoryBytes)
        try memory.map(file.borrowed, from: UInt64(page), at: GuestAddress(physical), count: UInt64(3 * page))
        #expect(try memory.bytes(at: GuestAddress(physical), count: 3 * page) == Array(code[..<(3 * page)]))
        let after: UInt64 = try memory.load(at: GuestAddress(physical + UInt64(3 * page)))
        #expect(after == 0)
        try memory.store(UInt64(0x1234), at: GuestAddress(physical))
        #expect(try file.borrowed.read(upTo: 8, at: Int64(page)) == Array(code[..<8]))
    }

    @Test("a range outside RAM, or one that is not whole pages, is not mapped")
    func notMapped() throws {
        let file = try file([UInt8](repeating: 1, count: 8192))
        let memory = try GuestMemory(size: Self.memoryBytes)
        for (offset, address, count) in [
            (0, Self.memoryBytes, 4096), (0, Self.memoryBytes - 4096, 8192), (0, UInt64.max - 4095, 4096),
            (0, 100, 4096), (100, 4096, 4096), (0, 4096, 0), (UInt64.max, 4096, 4096),
        ] as [(UInt64, UInt64, UInt64)] {
            #expect(throws: Errno.self) {
                try memory.map(file.borrowed, from: offset, at: GuestAddress(address), count: count)
            }
        }
    }

    @Test("HOSTILE 16: a descriptor that is no regular file is refused")
    func notAFile() throws {
        let memory = try GuestMemory(size: Self.memoryBytes)
        let map = try PhysicalMap(memoryBytes: Self.memoryBytes, rootImageBytes: nil)
        let null = try OwnedDescriptor.open("/dev/null", flags: 0)
        #expect(throws: KernelImageError.self) {
            _ = try LoadedTinyKernel(
                loading: GuestKernelFile(reading: null.borrowed), into: memory, map: map, reservedPages: 0)
        }
    }
}

@Suite struct PhysicalMapTests {
    @Test(
        "HOSTILE 22: zero, one byte, odd and absurd memory sizes are refused with the limit in the sentence")
    func refusedSizes() {
        for bytes in [0, 1, (16 << 20) - 1] as [UInt64] {
            #expect(throws: GuestLayoutError.tooLittleMemory(bytes)) {
                _ = try PhysicalMap(memoryBytes: bytes, rootImageBytes: nil)
            }
        }
        #expect(throws: GuestLayoutError.notMegabytes((16 << 20) + 4096)) {
            _ = try PhysicalMap(memoryBytes: (16 << 20) + 4096, rootImageBytes: nil)
        }
        for bytes in [(256 << 30) + (2 << 20), .max] as [UInt64] {
            #expect(throws: GuestLayoutError.tooMuchMemory(bytes)) {
                _ = try PhysicalMap(memoryBytes: bytes, rootImageBytes: nil)
            }
        }
    }

    @Test("memory above 3 GiB goes on at 4 GiB, and the root image comes after it, 1 GiB-aligned")
    func aboveTheHole() throws {
        let map = try PhysicalMap(memoryBytes: 5 << 30, rootImageBytes: 4097)
        #expect(map.ram == [.init(start: 0, bytes: 3 << 30), .init(start: 4 << 30, bytes: 2 << 30)])
        #expect(map.rootImage == .init(start: 6 << 30, bytes: 8192))
    }

    @Test("with exactly 3 GiB there is one range, and the image is right behind the hole")
    func exactlyToTheHole() throws {
        let map = try PhysicalMap(memoryBytes: 3 << 30, rootImageBytes: 1)
        #expect(map.ram.count == 1)
        #expect(map.rootImage == .init(start: 4 << 30, bytes: 4096))
    }

    @Test("HOSTILE 22: an empty or absurd root image is refused")
    func rootImageSizes() {
        #expect(throws: GuestLayoutError.emptyRootImage) {
            _ = try PhysicalMap(memoryBytes: 16 << 20, rootImageBytes: 0)
        }
        #expect(throws: GuestLayoutError.rootImageTooLarge(.max)) {
            _ = try PhysicalMap(memoryBytes: 16 << 20, rootImageBytes: .max)
        }
    }
}
