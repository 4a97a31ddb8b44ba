import CSwiftletABI
import GuestMemory
import KernelFile
import LinuxSystem
import SystemPackage
import Testing

@testable import Boot

@Suite struct LoadedLinuxTests {
    private static let memoryBytes: UInt64 = 64 << 20

    /// A file with these bytes, open for the life of the process.
    private func opened(_ bytes: [UInt8]) throws -> FileDescriptor { try file(bytes).release() }

    private func read(_ bytes: [UInt8]) throws -> GuestKernelFile {
        try GuestKernelFile(reading: opened(bytes))
    }

    /// The machine's devices: as many virtio devices as asked for.
    private func devices(_ count: Int) -> [BootDevice] {
        (0..<count).map {
            BootDevice(type: 2, index: $0, features: 0, configuration: 0, queues: 0, queueCount: 1)
        }
    }

    private func load(
        _ bytes: [UInt8], initramfs: [[UInt8]] = [], commandLine: String = "", devices count: Int = 2,
        processors: Int = 1, memoryBytes: UInt64 = memoryBytes
    ) throws -> (LoadedLinux, GuestMemory) {
        let memory = try GuestMemory(size: memoryBytes)
        let map = try PhysicalMap(memoryBytes: memoryBytes, rootImageBytes: nil)
        let loaded = try LoadedLinux(
            loading: read(bytes), into: memory, map: map,
            .init(
                processors: processors, devices: devices(count), initramfs: initramfs.map(opened),
                commandLine: commandLine))
        return (loaded, memory)
    }

    private func number<T: GuestLayout>(_ memory: GuestMemory, _ address: UInt64) throws -> T {
        try memory.load(at: GuestAddress(address))
    }

    @Test("a file's content says which kernel it is: ours, a vmlinux, a bzImage, or none")
    func recognised() throws {
        #expect(try read(KernelFile().encoded()).isLinux == false)
        #expect(try read(LinuxFile().encoded()).isLinux)
        var withoutNote = LinuxFile()
        withoutNote.pvhEntry = nil
        #expect(try read(withoutNote.encoded()).isLinux)
        #expect(try read(BzImage().encoded()).isLinux)
        #expect(throws: KernelImageError.notELF) { _ = try read(Array("#!/bin/sh\n".utf8)) }
        #expect(throws: KernelImageError.linux(.setup(.not64Bit))) {
            var image = BzImage()
            image.set(0x236, UInt16(0))
            _ = try read(image.encoded())
        }
    }

    @Test("a vmlinux with both is entered in 64-bit mode: by PVH a Linux looks for Xen in 256 leaves of CPUID")
    func both() throws {
        let file = LinuxFile()
        let (kernel, _) = try load(file.encoded())
        #expect(kernel.cpu.instructionPointer == file.file.entry && kernel.cpu.codeSize == .bits64)
    }

    @Test("a kernel with a PVH note alone is entered there in 32-bit mode, with its start information")
    func pvh() throws {
        var file = LinuxFile()
        file.file.entry = 0
        let (kernel, memory) = try load(file.encoded(), initramfs: [[1, 2, 3]])
        #expect(kernel.cpu.instructionPointer == 0x100_0040)
        #expect(kernel.cpu.codeSize == .bits32 && kernel.cpu.cr0 == 0x11)
        let info = kernel.cpu.rbx
        #expect(try number(memory, info) == UInt32(0x336E_C578))
        #expect(try number(memory, info + 12) == UInt32(1))  // one module
        let module: UInt64 = try number(memory, info + 16)
        let start: UInt64 = try number(memory, module)
        #expect(try memory.bytes(at: GuestAddress(start), count: 4) == [1, 2, 3, 0])
        #expect(try number(memory, info + 24) == LinuxLayout.commandLine)
        let entries: UInt32 = try number(memory, info + 48)
        #expect(entries == 4)
    }

    @Test(
        "a vmlinux without a PVH note is entered in 64-bit mode, with a zero page and the first 4 GiB mapped as they are"
    )
    func long() throws {
        var file = LinuxFile()
        file.pvhEntry = nil
        let (kernel, memory) = try load(file.encoded())
        #expect(kernel.cpu.instructionPointer == 0x100_0000)
        #expect(kernel.cpu.codeSize == .bits64 && kernel.cpu.efer == 0x500)
        #expect(try number(memory, kernel.cpu.rsi + 0x202) == UInt32(0x5372_6448))
        #expect(try number(memory, kernel.cpu.rsi + 0x228) == UInt32(LinuxLayout.commandLine))
        for address: UInt64 in [0, 0x1234_5678, 0xFFFF_FFFF] {
            var table = kernel.cpu.cr3
            for level: UInt64 in [39, 30, 21] {
                let entry: UInt64 = try number(memory, table + (address >> level & 511) * 8)
                #expect(entry & 3 == 3)
                table = entry & 0x000F_FFFF_FFFF_F000
            }
            #expect(table == address & ~0x1F_FFFF)
        }
    }

    @Test("a bzImage is loaded where it wants to be, and its header is in the zero page")
    func bzImage() throws {
        let (kernel, memory) = try load(BzImage().encoded(), initramfs: [[UInt8](repeating: 7, count: 5000)])
        #expect(kernel.cpu.instructionPointer == 0x100_0200)
        #expect(try memory.bytes(at: GuestAddress(0x100_0000), count: 1) == [0xAB])
        #expect(try number(memory, kernel.cpu.rsi + 0x206) == UInt16(0x020F))
        #expect(try number(memory, kernel.cpu.rsi + 0x210) == UInt8(0xFF))
        let start: UInt32 = try number(memory, kernel.cpu.rsi + 0x218)
        #expect(try number(memory, kernel.cpu.rsi + 0x21C) == UInt32(8192))
        #expect(UInt64(start) + 8192 == Self.memoryBytes)
        #expect(try memory.bytes(at: GuestAddress(UInt64(start) + 4999), count: 2) == [7, 0])
    }

    @Test("several initramfs lie behind one another, each on a page of its own, in their order")
    func initramfs() throws {
        let (_, memory) = try load(
            LinuxFile().encoded(), initramfs: [[UInt8](repeating: 1, count: 4097), [], [2]])
        let start = Self.memoryBytes - 3 * 4096
        #expect(try memory.bytes(at: GuestAddress(start + 4096), count: 2) == [1, 0])
        #expect(try memory.bytes(at: GuestAddress(start + 8192), count: 2) == [2, 0])
    }

    @Test(
        "the memory map covers all RAM once, in order, and keeps the boot page and the tables for themselves")
    func memoryMap() throws {
        for bytes: UInt64 in [64 << 20, 3 << 30, 5 << 30] {
            let map = try PhysicalMap(memoryBytes: bytes, rootImageBytes: nil)
            let entries = LinuxLayout.memoryMap(map)
            for (before, after) in zip(entries, entries.dropFirst()) {
                #expect(before.range.end <= after.range.start)
            }
            #expect(entries.reduce(0) { $0 + $1.range.bytes } == bytes)
            for address in [
                UInt64(SWIFTLET_BOOT_PAGE), 0x2000, LinuxLayout.acpiTables, LinuxLayout.mpTable,
            ] {
                #expect(
                    entries.contains { !$0.isRAM && $0.range.start <= address && address < $0.range.end })
            }
        }
    }

    @Test("the command line names every device with its interrupt, and ends with the user's own words")
    func commandLine() throws {
        let (_, memory) = try load(LinuxFile().encoded(), commandLine: "debug", devices: 2)
        let bytes = try memory.bytes(at: GuestAddress(LinuxLayout.commandLine), count: 2048)
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #expect(text.hasSuffix("virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6 debug"))
        #expect(text.contains("panic=-1 reboot=t"))
        var image = BzImage()
        image.set(0x238, UInt32(40))
        #expect(throws: KernelImageError.self) { _ = try load(image.encoded()) }
        #expect(throws: KernelImageError.self) {
            _ = try load(LinuxFile().encoded(), commandLine: String(repeating: "a", count: 2000))
        }
    }

    @Test("what does not fit is refused: a kernel, an initramfs, more devices than there are interrupts")
    func refused() throws {
        #expect(throws: KernelImageError.doesNotFit(needs: 0x100_5000, memory: 16 << 20)) {
            _ = try load(LinuxFile().encoded(), memoryBytes: 16 << 20)
        }
        #expect(throws: KernelImageError.linux(.initramfsTooLarge(48 << 20))) {
            _ = try load(LinuxFile().encoded(), initramfs: [[UInt8](repeating: 1, count: 48 << 20)])
        }
        #expect(throws: KernelImageError.linux(.tooManyDevices(12))) {
            _ = try load(LinuxFile().encoded(), devices: 12)
        }
    }

    @Test(
        "HOSTILE 16: a vmlinux spoilt: segments that overlap, lie too low or in the hole, an entry outside them"
    )
    func spoilt() {
        func expect(_ error: LinuxImageError, _ change: (inout LinuxFile) -> Void) {
            var file = LinuxFile()
            change(&file)
            #expect(throws: KernelImageError.linux(error)) { _ = try read(file.encoded()) }
        }
        expect(.overlap(0, 1)) { $0.file.segments[1].physical = 0x100_0800 }
        expect(.badAddress(segment: 0, 0x1000)) { $0.file.segments[0].physical = 0x1000 }
        expect(.badAddress(segment: 1, 0xBFFF_F000)) { $0.file.segments[1].physical = 0xBFFF_F000 }
        expect(.entryElsewhere(0x200_0000)) {
            $0.pvhEntry = 0x200_0000
            $0.file.entry = 0
        }
        expect(.entryElsewhere(0x1000)) {
            $0.pvhEntry = nil
            $0.file.entry = 0x1000
        }
    }

    @Test(
        "HOSTILE 16: a thousand vmlinux and bzImages with random bytes changed are loaded or refused, never trapped on"
    )
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        let files = [LinuxFile().encoded(), BzImage().encoded()]
        let memory = try GuestMemory(size: 64 << 20)
        let map = try PhysicalMap(memoryBytes: 64 << 20, rootImageBytes: nil)
        for round in 0..<1000 {
            var bytes = files[round % 2]
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                bytes[Int.random(in: 0..<0x400, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let opened = try file(bytes)
            guard let kernel = try? GuestKernelFile(reading: opened.borrowed), kernel.isLinux else {
                continue
            }
            _ = try? LoadedLinux(
                loading: kernel, into: memory, map: map,
                .init(processors: 1, devices: [], initramfs: [], commandLine: ""))
        }
    }
}

@Suite struct LinuxTableTests {
    @Test(
        "the MP table's pointer and configuration have sums of zero, and as many entries as they say",
        arguments: [1, 4, 64])
    func mp(processors: Int) {
        let bytes = MPTable.bytes(processors: processors, at: 0xF_0000)
        let file = LittleEndianBytes(bytes)
        #expect(bytes.prefix(16).reduce(0, &+) == 0)
        #expect(file.u32(4) == 0xF_0010)
        let table = bytes.dropFirst(16)
        #expect(table.reduce(0, &+) == 0)
        #expect(file.u16(20).map(Int.init) == table.count)
        var at = 16 + 44
        var count = 0
        while at < bytes.count {
            at += bytes[at] == 0 ? 20 : 8
            count += 1
        }
        #expect(at == bytes.count && file.u16(16 + 34).map(Int.init) == count)
    }

    @Test("every ACPI table has a sum of zero and is found from the root pointer", arguments: [1, 4])
    func acpi(processors: Int) throws {
        let base: UInt64 = 0xE_0000
        let devices = (0..<11).map { ACPITables.Device(mmio: 0xD000_0000 + $0 * 4096, gsi: 5 + $0) }
        let bytes = ACPITables.bytes(processors: processors, devices: devices, at: base)
        let file = LittleEndianBytes(bytes)
        func table(_ address: UInt64?) throws -> (at: Int, bytes: ArraySlice<UInt8>) {
            let at = Int(try #require(address) - base)
            let count = Int(try #require(file.u32(at + 4)))
            return (at, bytes[at..<at + count])
        }
        #expect(bytes.prefix(20).reduce(0, &+) == 0)
        #expect(bytes.prefix(36).reduce(0, &+) == 0)
        let xsdt = try table(file.u64(24))
        #expect(xsdt.bytes.reduce(0, &+) == 0)
        let fadt = try table(file.u64(xsdt.at + 36))
        let madt = try table(file.u64(xsdt.at + 44))
        let dsdt = try table(file.u64(fadt.at + 140))
        for (table, name) in [(fadt, "FACP"), (madt, "APIC"), (dsdt, "DSDT")] {
            #expect(table.bytes.reduce(0, &+) == 0)
            #expect(String(decoding: table.bytes.prefix(4), as: UTF8.self) == name)
        }
        // Each device's name, and the package lengths that nest around it.
        let text = dsdt.bytes.split(separator: 0x5B).dropFirst()
        #expect(text.count == 11)
        #expect(bytes.count < 0x1_0000)
    }

    @Test("a package's length counts itself, in one, two or three bytes")
    func packageLength() {
        #expect(AML.scope("\\_SB_", [])[1] == 6)
        let two = AML.scope("\\_SB_", [UInt8](repeating: 0, count: 100))
        #expect(two.count - 1 == 107 && two[1] == 0x40 | 107 & 0xF && two[2] == 107 >> 4)
        let three = AML.scope("\\_SB_", [UInt8](repeating: 0, count: 5000))
        #expect(
            three[1] >> 6 == 2
                && Int(three[1] & 0xF) | Int(three[2]) << 4 | Int(three[3]) << 12 == three.count - 1)
    }
}
