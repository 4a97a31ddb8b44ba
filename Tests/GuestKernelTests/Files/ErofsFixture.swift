import Glibc

@testable import GuestKernel

/// A root image made by the host's mkfs.erofs from a small tree, in memory.
struct ErofsFixture {
    let bytes: UnsafeMutableRawBufferPointer

    static let isAvailable = access("/usr/bin/mkfs.erofs", X_OK) == 0 || access("/sbin/mkfs.erofs", X_OK) == 0

    /// Runs `script` in an empty directory with a shell and makes an image of what it left there.
    init(_ script: String, options: String = "-Eforce-inode-compact") {
        var template = Array("/tmp/swiftlet-erofs-XXXXXX".utf8CString)
        let directory = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        let command = """
            umask 022; mkdir \(directory)/tree && cd \(directory)/tree && { \(script)
            } && mkfs.erofs --quiet --all-root -T 1700000000 \(options) \(directory)/image . >/dev/null 2>&1
            """
        precondition(Self.shell(command) == 0, "the fixture's image could not be made")
        let descriptor = Glibc.open("\(directory)/image", O_RDONLY)
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let rounded = (size + 4095) / 4096 * 4096
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: rounded, alignment: 4096)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        precondition(pread(descriptor, bytes.baseAddress!, size, 0) == size)
        Glibc.close(descriptor)
        _ = Self.shell("rm -rf \(directory)")
    }

    private static func shell(_ command: String) -> Int32 {
        var child: pid_t = 0
        let arguments = ["/bin/sh", "-c", command]
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        guard posix_spawn(&child, "/bin/sh", nil, nil, &pointers, environ) == 0 else { return -1 }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return status
    }

    /// The image as if the VMM had mapped it.
    var mapped: MappedImage {
        let address = UInt64(UInt(bitPattern: bytes.baseAddress!))
        return MappedImage(start: address &- PhysicalMemory.physmap, bytes: UInt64(bytes.count))
    }

    /// The same behind a block device.
    var onDevice: BlockImage { BlockImage(MemoryDevice(bytes)) }
}

/// A block device whose sectors are an array, for the page cache's tests.
final class MemoryDevice: BlockDevice {
    private let bytes: UnsafeMutableRawBufferPointer
    private(set) var requests = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
        super.init(sectorCount: UInt64(bytes.count / 512), isReadOnly: true)
    }

    override func read(firstSector: UInt64, into frames: [PhysicalAddress]) throws(GuestKernel.Errno) {
        requests += 1
        for (i, frame) in frames.enumerated() {
            let offset = Int(firstSector) * 512 + i * 4096
            PhysicalMemory.pointer(frame).copyMemory(from: bytes.baseAddress! + offset, byteCount: 4096)
        }
    }
}

/// What the tests say with strings.
extension [UInt8] {
    init(_ text: StaticString) { self = Text.bytes(text) }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// All of an open file from its position on.
func readAll(_ file: File) throws -> [UInt8] {
    var result: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 1)
    defer { buffer.deallocate() }
    while true {
        var target = IOBuffer(kernel: UnsafeRawBufferPointer(buffer))
        let count = try file.read(&target, at: nil)
        if count == 0 { return result }
        result += buffer[0..<count]
    }
}

func write(_ text: String, to file: File) throws -> Int {
    try Array(text.utf8).withUnsafeBytes { bytes in
        var source = IOBuffer(kernel: bytes)
        return try file.write(&source, at: nil)
    }
}
