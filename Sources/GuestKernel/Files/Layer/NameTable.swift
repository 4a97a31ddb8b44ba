/// The names of one directory of the writable layer: a hash table that keeps the order of arrival. Each entry
/// has a sequence number that never changes, so that a reader of the directory finds its place again whatever
/// was added or removed.
struct NameTable {
    struct Entry {
        let name: [UInt8]
        fileprivate let hash: UInt32
        let sequence: UInt64
        /// nil: in the image, not looked at yet.
        var inode: LayerInode?
        /// Number in the image, for an inode that is still to be made.
        let imageNID: UInt64
        let imageType: UInt8
        fileprivate(set) var isRemoved = false
    }

    /// In order of arrival, removed ones included until the table is rebuilt.
    private(set) var entries: [Entry] = []
    /// Open addressing, linear probing: index of an entry + 1, or 0. A power of two; empty while few names
    /// make it needless.
    private var slots: [UInt32] = []
    private(set) var count = 0
    private var nextSequence: UInt64 = 1

    /// Up to so many entries are simply searched.
    private static let linearMaximum = 8

    var isEmpty: Bool { count == 0 }

    /// FNV-1a.
    private static func hash(_ name: ArraySlice<UInt8>) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        for byte in name { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return hash
    }

    /// Where in `entries` a name is. Valid until the next change.
    func index(of name: ArraySlice<UInt8>) -> Int? {
        let hash = Self.hash(name)
        if slots.isEmpty {
            return entries.firstIndex { $0.hash == hash && !$0.isRemoved && $0.name[...] == name }
        }
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let i = Int(slots[slot]) - 1
            if entries[i].hash == hash, !entries[i].isRemoved, entries[i].name[...] == name { return i }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a name that is not there.
    /// - Returns: its index.
    @discardableResult
    mutating func add(_ name: [UInt8], inode: LayerInode?, imageNID: UInt64 = 0, imageType: UInt8 = 0) -> Int
    {
        if entries.count >= 2 * Self.linearMaximum && entries.count > 2 * count { rebuild() }
        entries.append(
            Entry(
                name: name, hash: Self.hash(name[...]), sequence: nextSequence, inode: inode,
                imageNID: imageNID,
                imageType: imageType))
        nextSequence += 1
        count += 1
        if entries.count > Self.linearMaximum {
            if (entries.count + 1) * 4 > slots.count * 3 { rebuild() } else { insertSlot(entries.count - 1) }
        }
        return entries.count - 1
    }

    /// Indices are not valid any more afterwards.
    mutating func remove(at index: Int) {
        entries[index].isRemoved = true
        entries[index].inode = nil
        count -= 1
        if entries.count >= 2 * Self.linearMaximum && entries.count > 2 * count { rebuild() }
    }

    mutating func setInode(_ inode: LayerInode, at index: Int) { entries[index].inode = inode }

    /// Index of the first entry behind the one with number `sequence`.
    func firstIndex(after sequence: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence > sequence { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Drops removed entries and makes the slots fit.
    private mutating func rebuild() {
        if count < entries.count { entries.removeAll { $0.isRemoved } }
        slots = []
        if entries.count <= Self.linearMaximum { return }
        slots = [UInt32](repeating: 0, count: (entries.count * 2 + 2).nextPowerOfTwo)
        for i in entries.indices { insertSlot(i) }
    }

    private mutating func insertSlot(_ index: Int) {
        var slot = Int(entries[index].hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(index) + 1
    }
}
