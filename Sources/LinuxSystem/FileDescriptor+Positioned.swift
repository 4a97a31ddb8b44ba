import CLinux
import Glibc
public import SystemPackage

extension FileDescriptor {
    /// Reads up to `count` bytes from `offset` on into a new array; fewer at the end of the file. The file's position
    /// stays where it is, which matters where the open file description is shared with another process. (pread(2))
    public func read(upTo count: Int, at offset: Int64) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Errno) {
                initialized = try retryingOnInterrupt {
                    linux_pread(rawValue, buffer.baseAddress, count, offset)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The first stretch of the file in `range` that is no hole; nil: there is none. Where a file system does not know its
    /// holes, all is one stretch. (lseek(2), SEEK_DATA and SEEK_HOLE)
    public func nextData(in range: Range<UInt64>) throws(Errno) -> Range<UInt64>? {
        if range.isEmpty { return nil }
        let start = Glibc.lseek(rawValue, Int(range.lowerBound), Self.seekData)
        if start < 0 {
            if errno == ENXIO { return nil }
            throw Errno(rawValue: errno)
        }
        if UInt64(start) >= range.upperBound { return nil }
        let end = Glibc.lseek(rawValue, start, Self.seekHole)
        // The file may have become shorter meanwhile.
        guard end > start else { throw .ioError }
        return UInt64(start)..<Swift.min(UInt64(end), range.upperBound)
    }

    /// The C library hides them without _GNU_SOURCE.
    private static let seekData: CInt = 3, seekHole: CInt = 4
}
