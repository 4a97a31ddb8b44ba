/// A bzImage with 39 setup sectors and a kernel of 0x1000 paragraphs, fields as a Linux 6.1 has them. Valid unless a
/// test spoils it.
public struct BzImage {
    /// The first page.
    public var header = [UInt8](repeating: 0, count: 4096)
    /// What the file's size is said to be.
    public var fileBytes: UInt64 = 40 * 512 + 0x10000

    public init() {
        header[0x1F1] = 39
        set(0x1F4, UInt32(0x1000))
        set(0x1FE, UInt16(0xAA55))
        header[0x201] = 0x6A
        set(0x202, UInt32(0x5372_6448))
        set(0x206, UInt16(0x020F))
        header[0x211] = 1
        set(0x22C, UInt32(0x7FFF_FFFF))
        set(0x236, UInt16(0x7F))
        set(0x238, UInt32(2047))
        set(0x258, UInt64(0x100_0000))
        set(0x260, UInt32(0x210_0000))
    }

    public mutating func set<T: FixedWidthInteger>(_ at: Int, _ value: T) {
        for index in 0..<T.bitWidth / 8 {
            header[at + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
        }
    }

    /// The whole file; the kernel is bytes 0xAB.
    public func encoded() -> [UInt8] {
        header + [UInt8](repeating: 0, count: 40 * 512 - header.count)
            + [UInt8](repeating: 0xAB, count: 0x10000)
    }
}
