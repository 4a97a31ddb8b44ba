import CLinux
import Glibc
import SystemPackage

/// A range of this process's memory made by mmap(2), unmapped exactly once.
public struct Mapping: ~Copyable, @unchecked Sendable {
    // SAFETY: the value is an address range and nothing else. Who reads and writes the memory behind it, and
    // how they agree, is up to the types built on top (GuestMemory says so for guest RAM).
    /// First byte. Valid only while `self` is alive.
    public let baseAddress: UnsafeMutableRawPointer
    /// Bytes.
    public let count: Int

    private init(_ address: UnsafeMutableRawPointer, count: Int) {
        baseAddress = address
        self.count = count
    }

    private static func map(count: Int, protection: CInt, flags: CInt, fd: CInt, offset: Int64)
        throws(Errno) -> UnsafeMutableRawPointer {
        let address = try checked(linux_mmap(nil, count, protection, flags, fd, offset))
        guard let pointer = UnsafeMutableRawPointer(bitPattern: address) else { throw .invalidArgument }
        return pointer
    }

    /// Fresh zero memory, private to this process, not reserved in swap: it costs only what is touched.
    /// `hugePages` asks for transparent huge pages; a kernel without them ignores that.
    public init(anonymous count: Int, hugePages: Bool = false) throws(Errno) {
        let pointer = try Mapping.map(
            count: count, protection: PROT_READ | PROT_WRITE,
            flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd: -1, offset: 0)
        if hugePages { _ = linux_madvise(pointer, count, MADV_HUGEPAGE) }
        self.init(pointer, count: count)
    }

    /// `count` bytes of a file from `offset`. `protection` and `flags` as mmap(2).
    public init(
        file: FileDescriptor, count: Int, offset: Int64 = 0, protection: CInt, flags: CInt
    ) throws(Errno) {
        let pointer = try Mapping.map(
            count: count, protection: protection, flags: flags, fd: file.rawValue, offset: offset)
        self.init(pointer, count: count)
    }

    /// Puts a file's pages where `count` bytes at `offset` of this mapping were: readable and writable, what is written stays
    /// here. Nobody may hold a reference to bytes in there. All three numbers are multiples of the page size.
    ///
    /// - Throws: `EINVAL` if the range is not in this mapping; what mmap(2) says (`ENODEV`: not a file that can be mapped).
    public func replace(
        at offset: Int, count: Int, with file: FileDescriptor, fileOffset: Int64
    ) throws(Errno) {
        guard offset >= 0, count > 0, offset <= self.count, count <= self.count - offset else {
            throw .invalidArgument
        }
        let result = linux_mmap(
            baseAddress + offset, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.rawValue,
            fileOffset)
        try checked(result)
    }

    deinit {
        let result = linux_munmap(baseAddress, count)
        precondition(result == 0, "munmap of our own mapping failed")
    }
}
