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
    /// `hugePagesFrom`, a multiple of 2 MiB, asks for transparent huge pages from that offset on, and begins where one can:
    /// KVM takes one over only where the guest's address and ours have the same place in it. A kernel without them ignores
    /// that.
    public init(anonymous count: Int, hugePagesFrom offset: Int? = nil) throws(Errno) {
        let spare = offset == nil ? 0 : Self.hugePageBytes
        let pointer = try Mapping.map(
            count: count + spare, protection: PROT_READ | PROT_WRITE,
            flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd: -1, offset: 0)
        guard let offset else {
            self.init(pointer, count: count)
            return
        }
        // What lies around the aligned part goes back. Each is whole pages: `count` is one, by the callers' word.
        let front = -Int(bitPattern: pointer) & (Self.hugePageBytes - 1)
        if front > 0 { _ = linux_munmap(pointer, front) }
        if spare > front { _ = linux_munmap(pointer + front + count, spare - front) }
        if offset < count { _ = linux_madvise(pointer + front + offset, count - offset, MADV_HUGEPAGE) }
        self.init(pointer + front, count: count)
    }

    /// Of x86-64's, 2 MiB.
    private static let hugePageBytes = 2 << 20

    /// `count` bytes of a file from `offset`. `protection` and `flags` as mmap(2).
    public init(
        file: FileDescriptor, count: Int, offset: Int64 = 0, protection: CInt, flags: CInt
    ) throws(Errno) {
        let pointer = try Mapping.map(
            count: count, protection: protection, flags: flags, fd: file.rawValue, offset: offset)
        self.init(pointer, count: count)
    }

    /// Puts a file's pages where `count` bytes at `offset` of this mapping were: readable and writable, what is written
    /// stays here. Nobody may hold a reference to bytes in there. All three numbers are multiples of the page size.
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
