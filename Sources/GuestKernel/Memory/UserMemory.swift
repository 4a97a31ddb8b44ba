import GuestNucleus

/// Reaching into a program's memory: a walk of its page table and a native copy, page by page. Every address is the
/// program's own word; what is not mapped for the access is EFAULT.
extension AddressSpace {
    /// Calls `body` with each piece of the range as the kernel sees it.
    /// - Throws: `.badAddress`, `.noMemory`, or what `body` throws.
    func forEachPiece(
        of address: UInt64, count: Int, writing: Bool,
        _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Void
    ) throws(Errno) {
        guard count >= 0, address <= Self.top, UInt64(count) <= Self.top - address else { throw .badAddress }
        var at = address
        var left = count
        while left > 0 {
            let inPage = at & (pageSize - 1)
            let size = min(left, Int(pageSize - inPage))
            let base = PhysicalMemory.pointer(try frame(for: at, writing: writing) + inPage)
            try body(UnsafeMutableRawBufferPointer(start: base, count: size))
            at += UInt64(size)
            left -= size
        }
    }

    /// The frame behind `address`, made present if need be. Valid until the kernel next waits.
    func frame(for address: UInt64, writing: Bool) throws(Errno) -> PhysicalAddress {
        guard address >= Self.lowest, address < Self.top else { throw .badAddress }
        var entry = table.entry(for: address)
        let usable = PageTableEntry.present | PageTableEntry.user
        if entry.bits & usable != usable || (writing && !entry.isWritable) {
            do {
                try resolve(address, writing ? [.write] : [.read])
            } catch {
                switch error {
                case .noMemory: throw .noMemory
                default: throw .badAddress
                }
            }
            entry = table.entry(for: address)
        }
        return entry.frame
    }

    func read(from address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
        var done = 0
        try forEachPiece(of: address, count: buffer.count, writing: false) { piece in
            wide_copy(buffer.baseAddress! + done, piece.baseAddress!, UInt64(piece.count))
            done += piece.count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, to address: UInt64) throws(Errno) {
        var done = 0
        try forEachPiece(of: address, count: bytes.count, writing: true) { piece in
            wide_copy(piece.baseAddress!, bytes.baseAddress! + done, UInt64(piece.count))
            done += piece.count
        }
    }

    func read(from address: UInt64, count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: Errno?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(Errno) { try read(from: address, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: [UInt8], to address: UInt64) throws(Errno) {
        var failure: Errno?
        bytes.withUnsafeBytes { buffer in
            do throws(Errno) { try write(buffer, to: address) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Loads a value whose every bit pattern is valid (integers and C structs of them).
    func load<T: BitwiseCopyable>(_ type: T.Type, at address: UInt64) throws(Errno) -> T {
        // SAFETY: `value` is written whole by `read` before it is used; T has no invalid bit patterns, by the contract above.
        let storage = UnsafeMutablePointer<T>.allocate(capacity: 1)
        defer { storage.deallocate() }
        try read(
            from: address, into: UnsafeMutableRawBufferPointer(start: storage, count: MemoryLayout<T>.size))
        return storage.pointee
    }

    func store<T: BitwiseCopyable>(_ value: T, at address: UInt64) throws(Errno) {
        var value = value
        var failure: Errno?
        withUnsafeBytes(of: &value) { bytes in
            do throws(Errno) { try write(bytes, to: address) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// A NUL-terminated string without its NUL.
    /// - Throws: `.badAddress`, `.nameTooLong` if there is no NUL within `limit` bytes.
    func string(at address: UInt64, limit: Int) throws(Errno) -> [UInt8] {
        var result: [UInt8] = []
        var at = address
        while result.count < limit {
            let inPage = at & (pageSize - 1)
            let base = PhysicalMemory.pointer(try frame(for: at, writing: false) + inPage)
            let bytes = UnsafeRawBufferPointer(start: base, count: Int(pageSize - inPage))
            if let end = bytes.firstIndex(of: 0) {
                result.append(contentsOf: bytes[0..<end])
                if result.count >= limit { break }
                return result
            }
            result.append(contentsOf: bytes)
            at += UInt64(bytes.count)
        }
        throw .nameTooLong
    }
}
