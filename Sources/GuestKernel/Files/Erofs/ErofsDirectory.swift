import GuestNucleus

/// Directories of an EROFS image. Each block of one is for itself:
///
///     | entry 0: nid u64, name offset u16, type u8, – u8 | entry 1 | … | name 0 | name 1 | … (| NUL, padding) |
///
/// with as many entries as fit before name 0. Names are sorted bytewise within a block and from block to
/// block, so that a name is found by binary search.
private struct DirectoryBlock {
    static let entryBytes = 12
    let bytes: UnsafeRawBufferPointer
    let count: Int

    /// - Throws: `.corrupted` if the first entry cannot be one.
    init(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        guard bytes.count >= Self.entryBytes else { throw .corrupted }
        let namesStart = Int(bytes.little(8, UInt16.self))
        guard namesStart >= Self.entryBytes, namesStart < bytes.count, namesStart % Self.entryBytes == 0
        else {
            throw .corrupted
        }
        self.bytes = bytes
        count = namesStart / Self.entryBytes
    }

    func nid(_ i: Int) -> UInt64 { bytes.little(i * Self.entryBytes, UInt64.self) }
    func type(_ i: Int) -> UInt8 { bytes[i * Self.entryBytes + 10] }

    /// - Throws: `.corrupted` if the name is not inside the block, behind the entries, and 1 to 255 bytes
    ///   long.
    func name(_ i: Int) throws(Errno) -> UnsafeRawBufferPointer {
        let start = Int(bytes.little(i * Self.entryBytes + 8, UInt16.self))
        let isLast = i + 1 == count
        let end = isLast ? bytes.count : Int(bytes.little((i + 1) * Self.entryBytes + 8, UInt16.self))
        guard start >= count * Self.entryBytes, start < end, end <= bytes.count else { throw .corrupted }
        var name = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        if isLast, let nul = name.firstIndex(of: 0) { name = UnsafeRawBufferPointer(rebasing: name[0..<nul]) }
        guard (1...255).contains(name.count) else { throw .corrupted }
        return name
    }

    /// The last entry whose name is not above `wanted`, and whether it is that name; nil if all are above.
    func search(_ wanted: UnsafeRawBufferPointer) throws(Errno) -> (index: Int, isMatch: Bool)? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            let order = compareNames(wanted, try name(middle))
            if order == 0 { return (middle, true) }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return low == 0 ? nil : (low - 1, false)
    }
}

/// Bytewise order, as strcmp(3)'s: negative, 0, positive.
private func compareNames(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let count = min(a.count, b.count)
    for i in 0..<count where a[i] != b[i] { return Int(a[i]) - Int(b[i]) }
    return a.count - b.count
}

extension ErofsImage {
    /// What a directory says of one of its names.
    struct Entry {
        let nid: UInt64
        /// EROFS's own numbering: 1 regular, 2 directory, 3 character, 4 block, 5 FIFO, 6 socket, 7 symbolic
        /// link.
        let type: UInt8
    }

    /// Looks one name up.
    /// - Throws: `.corrupted`, what the backing throws.
    func find(_ name: ArraySlice<UInt8>, in directory: ErofsData) throws(Errno) -> Entry? {
        // The last block whose first name is not above the wanted one is the only one that can hold it.
        var low: UInt64 = 0
        var high = directory.pageCount
        var failure: Errno?
        while low < high {
            let middle = (low + high) / 2
            var found: Entry?
            var isBelow = false
            try withPage(middle, of: directory) { bytes in
                name.withUnsafeBytes { wanted in
                    do throws(Errno) {
                        let block = try DirectoryBlock(bytes)
                        guard let place = try block.search(wanted) else { return isBelow = true }
                        if place.isMatch {
                            found = Entry(nid: block.nid(place.index), type: block.type(place.index))
                        }
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
            if let found { return found }
            if isBelow { high = middle } else { low = middle + 1 }
        }
        return nil
    }

    /// Calls `body` for each name but `.` and `..`, in order.
    func forEachEntry(in directory: ErofsData, _ body: (UnsafeRawBufferPointer, Entry) -> Void) throws(Errno)
    {
        var failure: Errno?
        for page in 0..<directory.pageCount {
            try withPage(page, of: directory) { bytes in
                do throws(Errno) {
                    let block = try DirectoryBlock(bytes)
                    for i in 0..<block.count {
                        let name = try block.name(i)
                        if name[0] == UInt8(ascii: "."),
                            name.count == 1 || name.count == 2 && name[1] == UInt8(ascii: ".")
                        {
                            continue
                        }
                        body(name, Entry(nid: block.nid(i), type: block.type(i)))
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
    }
}
