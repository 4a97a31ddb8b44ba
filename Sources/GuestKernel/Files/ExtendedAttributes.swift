/// The extended attributes of one inode (xattr(7)), in the order they came.
final class ExtendedAttributes {
    /// XATTR_NAME_MAX, XATTR_SIZE_MAX and XATTR_LIST_MAX of Linux's limits.h.
    static let nameMaximum = 255
    static let valueMaximum = 65536
    private static let listMaximum = 65536
    /// Names and values of one inode together: they live on the kernel's heap.
    private static let totalMaximum = 1 << 20

    private var entries: [(name: [UInt8], value: [UInt8])] = []
    private var listBytes = 0
    private var totalBytes = 0

    func value(of name: [UInt8]) -> [UInt8]? { entries.first { $0.name == name }?.value }

    var names: [[UInt8]] { entries.map { $0.name } }

    /// - Parameters: `mustBeNew`: XATTR_CREATE. `mustExist`: XATTR_REPLACE.
    /// - Throws: `.exists`, `.noData`, `.noSpace`.
    func set(_ name: [UInt8], _ value: [UInt8], mustBeNew: Bool, mustExist: Bool) throws(Errno) {
        let index = entries.firstIndex { $0.name == name }
        if index != nil && mustBeNew { throw .exists }
        if index == nil && mustExist { throw .noData }
        let old = index.map { entries[$0].value.count + name.count } ?? 0
        guard totalBytes - old + name.count + value.count <= Self.totalMaximum else { throw .noSpace }
        if let index {
            entries[index].value = value
        } else {
            guard listBytes + name.count + 1 <= Self.listMaximum else { throw .noSpace }
            listBytes += name.count + 1
            entries.append((name, value))
        }
        totalBytes += name.count + value.count - old
    }

    /// - Throws: `.noData` if it is not there.
    func remove(_ name: [UInt8]) throws(Errno) {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { throw .noData }
        listBytes -= name.count + 1
        totalBytes -= name.count + entries[index].value.count
        entries.remove(at: index)
    }
}
