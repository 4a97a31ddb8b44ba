import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// A run of guest RAM and where it is mapped in this process. For KVM_SET_USER_MEMORY_REGION and for loaders.
public struct GuestMemoryRegion: Sendable, Equatable {
    public let guestAddress: GuestAddress
    /// Bytes.
    public let count: UInt64
    /// The same bytes in this process (`userspace_addr`).
    public let hostAddress: UInt
}

/// The guest's RAM. Shared by vCPU threads and the device loop; mapped for the life of the object; never
/// shrinks.
///
///     guest-physical:  | 0 … at most 3 GiB |  hole: devices  | 4 GiB … the rest |
///     one mapping:     | low               | high            |
///
/// The guest changes these bytes at any time. So there are no spans over them: everything is copied out and
/// then parsed, ring indices are atomics, and payloads go to the kernel as iovecs and are never looked at.
public final class GuestMemory: Sendable {
    /// Where RAM pauses for the MMIO hole, and where it goes on (docs/machine.md).
    public static let holeStart: UInt64 = 0xC000_0000
    public static let holeEnd: UInt64 = 0x1_0000_0000
    /// Bytes: 1 TiB, far above any job and far below where address arithmetic could wrap.
    public static let maximumSize: UInt64 = 1 << 40

    private let mapping: Mapping
    /// Whether the bytes are a file's that outlives the machine: then all of them must be in it.
    private let isShared: Bool
    /// Bytes of RAM in all.
    public let size: UInt64
    private let lowCount: UInt64
    private let highCount: UInt64

    /// Fresh zero RAM.
    ///
    /// - Parameters:
    ///   - size: bytes, a multiple of 4096, at most `maximumSize`.
    ///   - offset: from where on the host's huge pages are asked for; a multiple of 2 MiB.
    /// - Throws: `EINVAL` for a size that breaks these rules, `ENOMEM` when the host refuses.
    public convenience init(size: UInt64, hugePagesFrom offset: UInt64? = nil) throws(Errno) {
        guard size > 0, size % 4096 == 0, size <= GuestMemory.maximumSize else { throw .invalidArgument }
        self.init(adopting: try Mapping(anonymous: Int(size), hugePagesFrom: offset.map { Int($0) }))
    }

    /// RAM whose bytes are already mapped, low part first: a template's pages, or a test's.
    /// - Parameter isShared: Whether what the guest writes goes to the mapped file.
    public init(adopting mapping: consuming Mapping, isShared: Bool = false) {
        self.isShared = isShared
        let size = UInt64(mapping.count)
        precondition(size > 0 && size <= GuestMemory.maximumSize, "guest RAM must be 1 byte to 1 TiB")
        self.size = size
        lowCount = min(size, GuestMemory.holeStart)
        highCount = size - lowCount
        self.mapping = mapping
    }

    /// One or two regions, sorted.
    public var regions: [GuestMemoryRegion] {
        let base = UInt(bitPattern: mapping.baseAddress)
        var result = [GuestMemoryRegion(guestAddress: GuestAddress(0), count: lowCount, hostAddress: base)]
        if highCount > 0 {
            result.append(
                GuestMemoryRegion(
                    guestAddress: GuestAddress(GuestMemory.holeEnd), count: highCount,
                    hostAddress: base + UInt(lowCount)))
        }
        return result
    }

    /// Makes the pages of a part of the mapping this process's own at once, as writes to each would one by one. Only for
    /// speed: a kernel before 5.14 does not know it. (madvise(2), MADV_POPULATE_WRITE)
    public func populate(_ range: Range<UInt64>) {
        precondition(range.upperBound <= size, "a part of the mapping")
        _ = linux_madvise(mapping.baseAddress + Int(range.lowerBound), range.count, Self.populateWrite)
    }

    private static let populateWrite: CInt = 23

    /// The offset in the mapping of `count` bytes at `address`, which must lie in one region.
    @inline(__always)
    private func offset(of address: GuestAddress, count: UInt64) throws(GuestMemoryError) -> Int {
        let start = address.rawValue
        if start <= lowCount, count <= lowCount - start { return Int(start) }
        if start >= GuestMemory.holeEnd {
            let high = start - GuestMemory.holeEnd
            if high <= highCount, count <= highCount - high { return Int(lowCount + high) }
        }
        throw .outsideRAM(address, count: count)
    }

    /// The host address of `count` bytes at `address`, checked. Valid while `self` is alive; the guest may
    /// change the bytes at any time.
    public func pointer(
        to address: GuestAddress, count: UInt64
    ) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
        mapping.baseAddress + (try offset(of: address, count: count))
    }

    /// A checked window on RAM, for structures that are used often: rings.
    public func slice(
        at address: GuestAddress, count: UInt64, alignment: Int = 1
    ) throws(GuestMemoryError) -> GuestSlice {
        guard address.rawValue % UInt64(alignment) == 0 else {
            throw .misaligned(address, alignment: alignment)
        }
        return GuestSlice(memory: self, base: try pointer(to: address, count: count), count: Int(count))
    }

    /// Puts a file's pages at `address` in place of fresh RAM, without reading them: copy-on-write, so the guest may write.
    /// All numbers are multiples of 4096.
    ///
    /// - Throws: `EINVAL` for a range outside RAM; `ENOTSUP` for RAM that is itself a file to be kept; what mmap(2) says.
    public func map(
        _ file: FileDescriptor, from fileOffset: UInt64, at address: GuestAddress, count: UInt64
    ) throws(Errno) {
        if isShared { throw .notSupported }
        guard let offset = try? offset(of: address, count: count), let fileOffset = Int64(exactly: fileOffset)
        else { throw .invalidArgument }
        try mapping.replace(at: offset, count: Int(count), with: file, fileOffset: fileOffset)
    }

    // MARK: Copies

    /// Copies a struct out of guest memory; the copy does not change any more.
    public func load<T: GuestLayout>(
        _ type: T.Type = T.self, at address: GuestAddress
    ) throws(GuestMemoryError) -> T {
        let source = try pointer(to: address, count: UInt64(MemoryLayout<T>.size))
        var value = T()
        withUnsafeMutableBytes(of: &value) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: $0.count))
        }
        return value
    }

    public func store<T: GuestLayout>(_ value: T, at address: GuestAddress) throws(GuestMemoryError) {
        let target = try pointer(to: address, count: UInt64(MemoryLayout<T>.size))
        withUnsafePointer(to: value) { source in
            _ = memcpy(target, source, MemoryLayout<T>.size)
        }
    }

    /// Copies `buffer.count` bytes from the guest.
    public func copy(
        from address: GuestAddress, into buffer: UnsafeMutableRawBufferPointer
    ) throws(GuestMemoryError) {
        let source = try pointer(to: address, count: UInt64(buffer.count))
        guard let target = buffer.baseAddress else { return }
        memcpy(target, source, buffer.count)
    }

    /// Copies bytes to the guest.
    public func copy(_ bytes: UnsafeRawBufferPointer, to address: GuestAddress) throws(GuestMemoryError) {
        let target = try pointer(to: address, count: UInt64(bytes.count))
        guard let source = bytes.baseAddress else { return }
        memcpy(target, source, bytes.count)
    }

    public func bytes(at address: GuestAddress, count: Int) throws(GuestMemoryError) -> [UInt8] {
        let source = try pointer(to: address, count: UInt64(count))
        return [UInt8](UnsafeRawBufferPointer(start: source, count: count))
    }

    public func store(bytes: [UInt8], at address: GuestAddress) throws(GuestMemoryError) {
        let target = try pointer(to: address, count: UInt64(bytes.count))
        bytes.withUnsafeBytes { source in
            if let start = source.baseAddress { memcpy(target, start, source.count) }
        }
    }
}
