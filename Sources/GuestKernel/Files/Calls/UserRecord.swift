/// A C structure put together for a program, zero where nothing was set. At most 256 bytes.
struct UserRecord {
    private var bytes = InlineArray<256, UInt8>(repeating: 0)
    private let count: Int

    init(bytes count: Int) { self.count = min(count, 256) }

    mutating func set<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ value: Value) {
        precondition(offset + MemoryLayout<Value>.size <= count, "a field outside its structure")
        withUnsafeMutableBytes(of: &bytes) { $0.storeBytes(of: value, toByteOffset: offset, as: Value.self) }
    }

    /// A `struct timespec` of nanoseconds.
    mutating func set(time: UInt64, at offset: Int) {
        set(offset, time / 1_000_000_000)
        set(offset + 8, time % 1_000_000_000)
    }

    func store(at address: UInt64, in space: AddressSpace) throws(Errno) {
        var failure: Errno?
        withUnsafeBytes(of: bytes) { all in
            do throws(Errno) {
                try space.write(UnsafeRawBufferPointer(rebasing: all[0..<count]), to: address)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
