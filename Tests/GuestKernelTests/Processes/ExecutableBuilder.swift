@testable import GuestKernel

/// An ELF-64 executable put together by hand: a header, program headers, and 0x2000 bytes of contents.
struct ExecutableBuilder {
    struct Segment {
        var type: UInt32 = 1
        var flags: UInt32
        var offset: UInt64
        var address: UInt64
        var fileBytes: UInt64
        var memoryBytes: UInt64
    }

    var kind: UInt16 = 2
    var machine: UInt16 = 62
    var entry: UInt64 = 0x40_1000
    /// Text with the headers, data with 0x800 bytes of zeroes behind it.
    var segments = [
        Segment(flags: 5, offset: 0, address: 0x40_0000, fileBytes: 0x1800, memoryBytes: 0x1800),
        Segment(flags: 6, offset: 0x1800, address: 0x40_2800, fileBytes: 0x400, memoryBytes: 0xC00),
    ]

    var bytes: [UInt8] {
        var result: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        func add<Value: FixedWidthInteger>(_ value: Value) {
            withUnsafeBytes(of: value.littleEndian) { result.append(contentsOf: $0) }
        }
        add(kind)
        add(machine)
        add(UInt32(1))
        add(entry)
        add(UInt64(64))
        add(UInt64(0))
        add(UInt32(0))
        for half in [64, 56, UInt16(segments.count), 64, 0, 0] as [UInt16] { add(half) }
        for segment in segments {
            add(segment.type)
            add(segment.flags)
            add(segment.offset)
            add(segment.address)
            add(segment.address)
            add(segment.fileBytes)
            add(segment.memoryBytes)
            add(UInt64(0x1000))
        }
        while result.count < 0x2000 { result.append(0xCC) }
        return result
    }
}

/// Puts files into an empty root and loads programs from it.
enum ProgramFixture {
    static func start() throws {
        FakeMachine.start()
        VectorState.start()
        var seed = [UInt8](repeating: 7, count: 32)
        seed.withUnsafeMutableBytes { Random.start(seed: $0.baseAddress!) }
        try FileSystem.startEmpty()
    }

    static func install(_ bytes: [UInt8], at path: String, mode: UInt32 = 0o755) throws {
        let file = try FileSystem.createFile(Array(path.utf8), mode: mode, owner: 0, group: 0)
        try bytes.withUnsafeBytes { raw in
            var buffer = IOBuffer(kernel: raw)
            _ = try file.write(&buffer, at: nil)
        }
    }

    static func load(
        _ path: String, _ arguments: [String] = ["program"], environment: [String] = []
    ) throws -> LoadedProgram {
        try ProgramLoader.load(
            Array(path.utf8), arguments: arguments.map { Array($0.utf8) },
            environment: environment.map { Array($0.utf8) }, in: FileSystemContext(), as: Credentials())
    }
}
