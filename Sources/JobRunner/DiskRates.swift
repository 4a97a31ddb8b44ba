/// Limits of a disk's rates, each a second; nil: none.
public struct DiskRates: Hashable, Sendable {
    public var readBytes: UInt64?
    public var writeBytes: UInt64?
    public var readOperations: UInt64?
    public var writeOperations: UInt64?

    public init() {}

    /// As the VMM takes them (docs/protocol.md §1); empty: no limit.
    var argument: String {
        [
            ("read-bps", readBytes), ("write-bps", writeBytes), ("read-iops", readOperations),
            ("write-iops", writeOperations),
        ].compactMap { name, value in value.map { "\(name)=\($0)" } }.joined(separator: ",")
    }
}
