/// Bounds-checked little-endian loads: nil where the bytes end.
struct LittleEndianBytes {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func u16(_ at: Int) -> UInt16? { load(at) }
    func u32(_ at: Int) -> UInt32? { load(at) }
    func u64(_ at: Int) -> UInt64? { load(at) }

    private func load<T: FixedWidthInteger>(_ at: Int) -> T? {
        let size = T.bitWidth / 8
        guard at >= 0, size <= bytes.count, at <= bytes.count - size else { return nil }
        return bytes[at..<at + size].reversed().reduce(0) { $0 << 8 | T($1) }
    }
}
