import GuestMemory
import LinuxSystem
import SystemPackage

extension GuestMemory {
    /// Brings `count` bytes of `file`, from `fileOffset` on, to `address`: as the file's own pages where they can be,
    /// which costs nothing for those that nobody touches, else as a copy.
    ///
    /// - Parameters:
    ///   - mapping: Whether mapping is worth it: what is written to at once anyway is better copied.
    ///   - tailIsZero: What follows in the last page is fresh, and the file ends here: then that page is mapped too.
    /// - Throws: `KernelImageError`: the range is not RAM, or the file cannot be read or has become shorter.
    func load(
        _ file: FileDescriptor, from fileOffset: UInt64, count: UInt64, at address: UInt64, mapping: Bool,
        tailIsZero: Bool = false
    ) throws(KernelImageError) {
        var done: UInt64 = 0
        let pages = tailIsZero ? pageCount(count) : count / pageBytes
        if mapping, pages > 0, fileOffset % pageBytes == 0, address % pageBytes == 0,
            (try? map(file, from: fileOffset, at: GuestAddress(address), count: pages * pageBytes)) != nil
        {
            done = min(count, pages * pageBytes)
        }
        guard done < count else { return }
        var rest = GuestBuffers(in: self)
        do throws(GuestMemoryError) {
            // At most 3 GiB: nothing is loaded across the hole.
            try rest.append(GuestAddress(address + done), count: UInt32(count - done))
        } catch {
            throw .doesNotFit(needs: address + count, memory: size)
        }
        var offset = Int64(fileOffset + done)
        while !rest.isEmpty {
            let got: Int
            do throws(Errno) {
                got = try rest.read(from: file, at: offset)
            } catch {
                throw .unreadable(error)
            }
            guard got > 0 else {
                // Somebody has made the file shorter since its size was read.
                throw .truncated(needs: fileOffset + count, bytes: UInt64(offset))
            }
            rest.removePrefix(got)
            offset += Int64(got)
        }
    }

    /// Little-endian, as every host of ours is.
    func store(words: ArraySlice<UInt64>, at address: GuestAddress) throws(GuestMemoryError) {
        var failure: GuestMemoryError?
        words.withUnsafeBytes { bytes in
            do throws(GuestMemoryError) { try copy(bytes, to: address) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
