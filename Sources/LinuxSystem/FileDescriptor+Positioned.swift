import CLinux
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
}
