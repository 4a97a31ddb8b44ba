/// A device on the bus. Called on the vCPU thread, with offsets inside its range.
protocol MMIODevice: AnyObject, Sendable {
    /// The `length` (1…8) bytes at `offset`, the lowest address in the lowest byte.
    func read(offset: UInt64, length: Int) -> UInt64
    func write(offset: UInt64, length: Int, value: UInt64)
}

/// Which device answers at which guest-physical address. Fixed before the first guest instruction, hence no lock.
struct MMIOBus: Sendable {
    private struct Entry {
        let start, bytes: UInt64
        let device: any MMIODevice
    }
    /// Sorted by address, not overlapping.
    private var entries: [Entry] = []

    mutating func attach(_ device: any MMIODevice, at start: UInt64, bytes: UInt64) {
        let index = entries.firstIndex { $0.start > start } ?? entries.count
        precondition(
            (index == 0 || entries[index - 1].start + entries[index - 1].bytes <= start)
                && (index == entries.count || start + bytes <= entries[index].start),
            "two devices at one address")
        entries.insert(Entry(start: start, bytes: bytes, device: device), at: index)
    }

    /// Where no device is, a read is all ones, as on a bus where nobody drives the lines.
    func read(_ address: UInt64, length: Int) -> UInt64 {
        guard let entry = entry(for: address, length: length) else { return .max }
        return entry.device.read(offset: address - entry.start, length: length)
    }

    /// Where no device is, a write is lost.
    func write(_ address: UInt64, length: Int, value: UInt64) {
        guard let entry = entry(for: address, length: length) else { return }
        entry.device.write(offset: address - entry.start, length: length, value: value)
    }

    /// An access that straddles the end of a device reaches none.
    private func entry(for address: UInt64, length: Int) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let entry = entries[low - 1]
        let offset = address - entry.start
        return offset < entry.bytes && UInt64(length) <= entry.bytes - offset ? entry : nil
    }
}
